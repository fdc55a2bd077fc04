//! A family is revoked with all its tokens, or not at all; and what may be repeated is done in the end.

use diesel_oauth2::lifecycle::{
    CodeRefusal, CodeRequest, Redemption, RefreshRefusal, create_grant_revocation,
};
use diesel_oauth2::{
    EndpointRequest, Error, Failure, OAuth2AuthorizationCode, OAuth2Token, TokenRequest,
    create_revocation_endpoint,
};

use super::faulty::Session;
use super::{
    End, REDIRECT_URI, Victim, at_each_point, codes, grant_of, is_alive, is_grant_alive, row,
    tokens,
};
use crate::fixture::{Fixture, Scene, on_every_schema, token};

on_every_schema!(
    row_31_a_replayed_code_s_family_is_revoked_wholly_or_not_at_all,
    row_35_a_reused_token_s_family_is_revoked_wholly_or_not_at_all,
    row_39_by_grant_wholly_or_not_at_all,
    row_39_by_user_wholly_or_not_at_all,
    row_39_by_client_wholly_or_not_at_all,
    row_20_by_the_revocation_endpoint_wholly_or_not_at_all,
    row_17_an_access_token_is_revoked_or_not,
);

/// A code of this name, redeemed for `NAME-a`, which is exchanged for `NAME-b`.
fn start<F: Fixture<Conn: Session>>(scene: &Scene<F>, name: &str, user: u32) {
    let request = CodeRequest::new(&scene.client)
        .user(F::user(user))
        .redirect_uri(REDIRECT_URI)
        .extra(F::extra());
    codes(scene).save(name, &request).expect("is saved");
    let redemption = Redemption::new(name, &scene.client).redirect_uri(REDIRECT_URI);
    let code = codes(scene).redeem(&redemption).expect("is redeemed");
    let grant = code.grant_id().expect("has a grant");
    let request = TokenRequest::new(&scene.client)
        .user(F::user(user))
        .extra(F::extra());
    let store = tokens(scene);
    let first = token(&format!("{name}-a"));
    store.issue(&first, &request, grant).expect("is issued");
    let refreshing = store.authenticate(&format!("refresh-{name}-a"), &scene.client);
    let second = token(&format!("{name}-b"));
    store
        .rotate(&refreshing.expect("is valid"), &second, &request)
        .expect("is rotated");
}

/// Whether the family is revoked, of which all must be of one mind.
fn is_revoked<F: Fixture<Conn: Session>>(scene: &Scene<F>, name: &str) -> bool {
    let is_revoked = !is_alive(scene, &format!("{name}-b"));
    let grant = grant_of(scene, &format!("{name}-a"));
    assert_eq!(is_grant_alive(scene, &grant), !is_revoked, "{name}");
    assert!(!is_alive(scene, &format!("{name}-a")), "{name}");
    is_revoked
}

/// `act` may be repeated: it is done after a lost connection, and after whoever did it is gone it can be done.
fn is_all_or_nothing<F: Fixture<Conn: Session>>(
    scene: &Scene<F>,
    prepare: impl Fn(&str),
    act: impl Fn(&Victim<F>, &str) -> Result<(), Error>,
    check: impl Fn(&str) -> bool,
) {
    at_each_point(scene, prepare, act, |name, end| match end {
        End::Done => assert!(check(name), "{name}"),
        End::Gone => drop(check(name)),
        End::Lost => panic!("{name}: it was not repeated"),
    });
}

fn row_31_a_replayed_code_s_family_is_revoked_wholly_or_not_at_all<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let replay = |victim: &Victim<F>, name: &str| {
        let redemption = Redemption::new(name, &victim.client).redirect_uri(REDIRECT_URI);
        match victim.codes().redeem(&redemption) {
            Err(Failure::Refused(CodeRefusal::Replayed)) => Ok(()),
            Err(Failure::Storage(error)) => Err(error),
            other => panic!("{name}: {:?}", other.map(drop)),
        }
    };
    at_each_point(
        &scene,
        |name| start(&scene, name, 1),
        replay,
        |name, end| {
            // Redeeming is not repeated by itself, but whoever does it again completes the revocation.
            let is_revoked_already = is_revoked(&scene, name);
            assert!(is_revoked_already || end != End::Done, "{name}");
            let redemption = Redemption::new(name, &scene.client).redirect_uri(REDIRECT_URI);
            assert!(codes(&scene).redeem(&redemption).is_err(), "{name}");
            assert!(is_revoked(&scene, name), "{name}");
        },
    );
}

fn row_35_a_reused_token_s_family_is_revoked_wholly_or_not_at_all<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    is_all_or_nothing(
        &scene,
        |name| start(&scene, name, 1),
        |victim, name| {
            let reused = format!("refresh-{name}-a");
            match victim.tokens().authenticate(&reused, &victim.client) {
                Err(Failure::Refused(RefreshRefusal::Reused)) => Ok(()),
                Err(Failure::Storage(error)) => Err(error),
                other => panic!("{name}: {:?}", other.map(drop)),
            }
        },
        |name| is_revoked(&scene, name),
    );
}

fn row_39_by_grant_wholly_or_not_at_all<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    is_all_or_nothing(
        &scene,
        |name| start(&scene, name, 1),
        |victim, name| {
            let grant = grant_of(&scene, &format!("{name}-a"));
            let revocation = create_grant_revocation::<F::Token, _>(victim.pool.clone());
            let revocation = revocation.clock(victim.clock.clone());
            revocation.revoke_by_grant(&grant).map(drop)
        },
        |name| is_revoked(&scene, name),
    );
}

/// Two families, which are revoked together or not at all.
fn two<F: Fixture<Conn: Session>>(scene: &Scene<F>, name: &str, user: u32) {
    start(scene, &format!("{name}-1"), user);
    start(scene, &format!("{name}-2"), user);
}

fn are_both_revoked<F: Fixture<Conn: Session>>(scene: &Scene<F>, name: &str) -> bool {
    let one = is_revoked(scene, &format!("{name}-1"));
    assert_eq!(one, is_revoked(scene, &format!("{name}-2")), "{name}");
    one
}

fn row_39_by_user_wholly_or_not_at_all<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let user = std::cell::Cell::new(1);
    is_all_or_nothing(
        &scene,
        |name| {
            user.set(user.get() + 1);
            two(&scene, name, user.get());
        },
        |victim, _| {
            let revocation = create_grant_revocation::<F::Token, _>(victim.pool.clone());
            let revocation = revocation.clock(victim.clock.clone());
            revocation.revoke_by_user(&F::user(user.get())).map(drop)
        },
        |name| are_both_revoked(&scene, name),
    );
}

fn row_39_by_client_wholly_or_not_at_all<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    is_all_or_nothing(
        &scene,
        |name| two(&scene, name, 1),
        |victim, _| {
            let revocation = create_grant_revocation::<F::Token, _>(victim.pool.clone());
            let revocation = revocation.clock(victim.clock.clone());
            revocation.revoke_by_client(&victim.client).map(drop)
        },
        |name| are_both_revoked(&scene, name),
    );
}

fn revoke_at_endpoint<F: Fixture<Conn: Session>>(
    victim: &Victim<F>,
    token: &str,
) -> Result<(), Error> {
    let endpoint =
        create_revocation_endpoint::<F::Token, _>(victim.pool.clone()).clock(victim.clock.clone());
    let form = format!("token={token}");
    let request = EndpointRequest::new(None, form.as_bytes());
    let response = endpoint.create_endpoint_response_for(&request, &victim.client)?;
    assert_eq!(response.status, 200);
    Ok(())
}

fn row_20_by_the_revocation_endpoint_wholly_or_not_at_all<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    is_all_or_nothing(
        &scene,
        |name| start(&scene, name, 1),
        |victim, name| revoke_at_endpoint(victim, &format!("refresh-{name}-b")),
        |name| is_revoked(&scene, name),
    );
}

fn row_17_an_access_token_is_revoked_or_not<F: Fixture<Conn: Session>>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    is_all_or_nothing(
        &scene,
        |name| start(&scene, name, 1),
        |victim, name| revoke_at_endpoint(victim, &format!("access-{name}-b")),
        |name| {
            let row = row(&scene, &format!("{name}-b")).expect("is stored");
            assert!(row.refresh_token_revoked_at().is_none(), "{name}");
            assert!(is_grant_alive(&scene, row.grant_id().expect("has a grant")));
            row.is_revoked()
        },
    );
}
