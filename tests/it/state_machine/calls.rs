//! What is called, at random.

use proptest::prelude::*;

use super::model::{Content, Owner, Settings};

const USERS: [u32; 2] = [1, 2];

/// One call. What it is about is picked from the newest that there are, so that calls meet.
#[derive(Clone, Debug)]
pub enum Call {
    SaveCode(Owner),
    Redeem {
        code: Pick,
        by_stranger: bool,
        is_right_uri: bool,
    },
    Start(Owner),
    Issue {
        grant: Pick,
        content: Content,
    },
    SaveToken(Owner, Content),
    Authenticate {
        token: Pick,
        by_stranger: bool,
    },
    /// With a refresh token that was authenticated some calls ago.
    Rotate {
        refreshing: Pick,
        content: Content,
    },
    /// Both at once.
    Refresh {
        token: Pick,
        content: Content,
    },
    RevokeToken {
        token: Pick,
        is_refresh_token: bool,
        hint: &'static str,
        by_stranger: bool,
    },
    RevokeGrant(Pick),
    RevokeUser(u32),
    RevokeClient(usize),
    Wait(i64),
    Prune {
        retention: i64,
        refresh_token_lifetime: Option<i64>,
    },
    Validate(Pick),
    Introspect {
        token: Pick,
        is_refresh_token: bool,
        by_stranger: bool,
    },
}

#[derive(Clone, Copy, Debug)]
pub struct Pick(pub usize);

impl Pick {
    /// One of the last few of `count`, if there are any.
    pub fn of(self, count: usize) -> Option<usize> {
        (count > 0).then(|| count - 1 - self.0 % count)
    }
}

pub fn calls() -> impl Strategy<Value = Vec<Call>> {
    let pick = || prop_oneof![4 => 0..3_usize, 1 => 0..20_usize].prop_map(Pick);
    let owner = || {
        (0..2_usize, prop::sample::select(&USERS[..]))
            .prop_map(|(client, user)| Owner { client, user })
    };
    let content = || {
        let lifetime = prop::sample::select(&[None, Some(30), Some(3600)][..]);
        (prop::bool::weighted(0.9), lifetime, 0..3_usize).prop_map(
            |(has_refresh_token, lifetime, scope)| Content {
                has_refresh_token,
                lifetime,
                scope,
            },
        )
    };
    let rarely = || prop::bool::weighted(0.1);
    let hint = prop::sample::select(&["", "access_token", "refresh_token"][..]);
    let call = prop_oneof![
        2 => owner().prop_map(Call::SaveCode),
        3 => (pick(), rarely(), prop::bool::weighted(0.9)).prop_map(
            |(code, by_stranger, is_right_uri)| Call::Redeem { code, by_stranger, is_right_uri }
        ),
        1 => owner().prop_map(Call::Start),
        4 => (pick(), content()).prop_map(|(grant, content)| Call::Issue { grant, content }),
        1 => (owner(), content()).prop_map(|(owner, content)| Call::SaveToken(owner, content)),
        2 => (pick(), rarely())
            .prop_map(|(token, by_stranger)| Call::Authenticate { token, by_stranger }),
        3 => (pick(), content())
            .prop_map(|(refreshing, content)| Call::Rotate { refreshing, content }),
        6 => (pick(), content()).prop_map(|(token, content)| Call::Refresh { token, content }),
        2 => (pick(), any::<bool>(), hint, rarely()).prop_map(
            |(token, is_refresh_token, hint, by_stranger)| Call::RevokeToken {
                token, is_refresh_token, hint, by_stranger
            }
        ),
        1 => pick().prop_map(Call::RevokeGrant),
        1 => prop::sample::select(&USERS[..]).prop_map(Call::RevokeUser),
        1 => (0..2_usize).prop_map(Call::RevokeClient),
        4 => prop::sample::select(&[1, 10, 11, 31, 50, 60][..]).prop_map(Call::Wait),
        1 => prop::sample::select(&[100, 300, 4000][..]).prop_map(Call::Wait),
        1 => (
            prop::sample::select(&[0, 100, 1000][..]),
            prop::sample::select(&[None, Some(200)][..]),
        )
            .prop_map(|(retention, refresh_token_lifetime)| Call::Prune {
                retention, refresh_token_lifetime
            }),
        3 => pick().prop_map(Call::Validate),
        3 => (pick(), any::<bool>(), rarely()).prop_map(
            |(token, is_refresh_token, by_stranger)| Call::Introspect {
                token, is_refresh_token, by_stranger
            }
        ),
    ];
    prop::collection::vec(call, 1..60)
}

pub fn settings() -> impl Strategy<Value = Settings> {
    let seconds = |choices: &'static [Option<i64>]| prop::sample::select(choices);
    (
        prop::sample::select(&[60, 300][..]),
        prop::bool::weighted(0.8),
        prop::sample::select(&[0, 10, 60][..]),
        seconds(&[None, Some(50), Some(200)]),
        seconds(&[None, Some(100), Some(500)]),
    )
        .prop_map(|(code_lifetime, rotates, grace, idle, absolute)| Settings {
            code_lifetime,
            rotates,
            grace,
            idle,
            absolute,
        })
}
