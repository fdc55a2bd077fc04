//! What is measured: four operations on a store of tokens, whatever it is written with.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use diesel::prelude::*;
use diesel_oauth2::schema::oauth2_token;
use diesel_oauth2::secret::{SecretStorage, Sha256};

use crate::TokenResponse;
use crate::compare::{Calls, Cost};

pub(crate) const CLIENT_ID: &str = "s6BhdRkqt3";
pub(crate) const USER_ID: i64 = 7;
pub(crate) const SCOPE: &str = "profile email";
/// No token that is there beforehand was issued after this; those saved by a benchmark are younger.
pub(crate) const LOADED_AT: i64 = 1_700_000_000;

pub(crate) fn now() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    now.as_secs() as i64
}

/// A row of `oauth2_token`, as one would write it for oneself.
#[derive(Queryable, Selectable)]
#[diesel(table_name = oauth2_token)]
#[allow(dead_code)] // filled, as in a program that would use them
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) user_id: Option<i64>,
    pub(crate) client_id: String,
    pub(crate) token_type: Option<String>,
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) issued_at: i64,
    pub(crate) access_token_revoked_at: i64,
    pub(crate) refresh_token_revoked_at: i64,
    pub(crate) expires_in: i64,
}

/// One way of storing tokens. A method is what a server would call for it, from the pool to the filled struct.
pub(crate) trait Store {
    type Row;

    fn by_access_token(&mut self, token: &str) -> Option<Self::Row>;
    fn by_either_token(&mut self, token: &str) -> Option<Self::Row>;
    fn save(&mut self, token: &TokenResponse);
    /// Revokes the access token of a row that was found before.
    fn revoke(&mut self, row: &Self::Row);
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    ByAccessToken,
    ByEitherToken,
    Save,
    Revoke,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [
        Self::ByAccessToken,
        Self::ByEitherToken,
        Self::Save,
        Self::Revoke,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ByAccessToken => "lookup, access token",
            Self::ByEitherToken => "lookup, either token",
            Self::Save => "save",
            Self::Revoke => "revoke",
        }
    }
}

/// A [`Store`] of any type.
pub(crate) trait AnyStore {
    fn calls<'a>(&'a mut self, kind: Kind, tokens: &'a Tokens<'_>) -> Calls<'a>;
}

impl<S: Store> AnyStore for S {
    fn calls<'a>(&'a mut self, kind: Kind, tokens: &'a Tokens<'_>) -> Calls<'a> {
        match kind {
            Kind::ByAccessToken => in_portions(move |calls| {
                let presented: Vec<String> =
                    (0..calls).map(|_| access_token(tokens.any())).collect();
                Cost::of(&presented, |token| {
                    let row = black_box(self.by_access_token(black_box(token)));
                    assert!(row.is_some());
                })
            }),
            Kind::ByEitherToken => in_portions(move |calls| {
                let presented: Vec<String> =
                    (0..calls).map(|_| refresh_token(tokens.any())).collect();
                Cost::of(&presented, |token| {
                    let row = black_box(self.by_either_token(black_box(token)));
                    assert!(row.is_some());
                })
            }),
            Kind::Save => in_portions(move |calls| {
                let issued: Vec<TokenResponse> = (0..calls).map(|_| issue()).collect();
                Cost::of(&issued, |token| self.save(black_box(token)))
            }),
            Kind::Revoke => in_portions(move |calls| {
                let find = |number| {
                    self.by_access_token(&access_token(number))
                        .expect("is there")
                };
                let live: Vec<S::Row> = tokens.next_live(calls).map(find).collect();
                Cost::of(&live, |row| self.revoke(black_box(row)))
            }),
        }
    }
}

/// Inputs are prepared a thousand at a time, however many calls are asked for.
fn in_portions<'a>(mut calls: impl FnMut(usize) -> Cost + 'a) -> Calls<'a> {
    Box::new(move |mut wanted| {
        let mut cost = Cost::default();
        while wanted > 0 {
            let portion = wanted.min(1_000);
            cost += calls(portion);
            wanted -= portion;
        }
        cost
    })
}

/// The tokens that are there beforehand: one half in plain and the other as digests.
pub(crate) struct Tokens<'a> {
    all: usize,
    digests: bool,
    last: Cell<u64>,
    revoked: Cell<usize>,
    /// Makes every token live again.
    revive: &'a dyn Fn(),
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(all: usize, digests: bool, revive: &'a dyn Fn()) -> Self {
        Self {
            all,
            digests,
            last: Cell::new(0),
            revoked: Cell::new(0),
            revive,
        }
    }

    /// A random one.
    fn any(&self) -> u64 {
        self.last.set(self.last.get() + 1);
        let half = self.all as u64 / 2;
        mix(self.last.get()) % half * 2 + u64::from(self.digests)
    }

    /// So many that no benchmark has revoked yet, in an order that jumps about.
    fn next_live(&self, count: usize) -> impl Iterator<Item = u64> {
        let half = self.all / 2;
        // All of them before or all of them after: one taken before would be counted as live again.
        if self.revoked.get() + count > half {
            (self.revive)();
            self.revoked.set(0);
        }
        let first = self.revoked.replace(self.revoked.get() + count);
        let digests = usize::from(self.digests);
        // 7919 is a prime that divides no count used here, so every token has its turn.
        (first..first + count).map(move |at| (at * 7919 % half * 2 + digests) as u64)
    }
}

/// The tokens of row `number` as they are presented; as stored, those of odd rows are digests.
pub(crate) fn access_token(number: u64) -> String {
    token(number * 2)
}

pub(crate) fn refresh_token(number: u64) -> String {
    token(number * 2 + 1)
}

pub(crate) fn stored(number: u64, token: String) -> String {
    if number % 2 == 1 {
        Sha256::stored(&token).as_str().to_owned()
    } else {
        token
    }
}

fn issue() -> TokenResponse {
    static NEXT: AtomicU64 = AtomicU64::new(1 << 40);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut token = TokenResponse::bearer(access_token(number));
    token.refresh_token = Some(refresh_token(number));
    token.scope = Some(SCOPE.to_owned());
    token.expires_in = Some(3600);
    token
}

/// 42 characters, the length of authlib's, that look random.
fn token(seed: u64) -> String {
    let words = [0, 1, 2].map(|word| mix(seed.wrapping_mul(3).wrapping_add(word)));
    format!("{:016x}{:016x}{:010x}", words[0], words[1], words[2] >> 24)
}

/// SplitMix64: looks random, and is the same in every run.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
