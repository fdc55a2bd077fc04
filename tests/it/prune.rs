//! Checklist row 40: pruning.

use std::ops::ControlFlow;
use std::time::Duration;

use super::api::lifecycle::{
    CodeRequest, DeviceRefusal, DeviceRequest, Pruner, Redemption, create_authorization_code_store,
    create_device_code_store, create_pruner, create_refresh_token_store,
};
use super::api::{
    Failure, OAuth2AuthorizationCode, TokenResponse, create_query_token_func,
    create_revocation_endpoint,
};

use crate::fixture::{Fixture, NOW, Scene, TestPool, on_every_schema, token};

on_every_schema!(
    row_40_what_is_dead_for_longer_than_the_retention_goes_and_nothing_else,
    row_40_batches_can_be_stopped_and_resumed,
    row_40_codes_and_grants_go_when_they_are_of_no_use,
    row_40_device_codes_go_when_they_have_expired,
);

const DAY: i64 = 24 * 3600;

fn pruner<F: Fixture>(scene: &Scene<F>) -> Pruner<F::Code, F::Token, TestPool<F>> {
    create_pruner(scene.pool.clone())
        .clock(scene.clock.clone())
        .retention(DAY)
        .pause(Duration::ZERO)
}

fn go_on(_: &diesel_oauth2::lifecycle::Pruned) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn row_40_what_is_dead_for_longer_than_the_retention_goes_and_nothing_else<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let bare = |name: &str, expires_in| TokenResponse {
        expires_in,
        ..TokenResponse::bearer(name)
    };
    let revocation =
        create_revocation_endpoint::<F::Token, _>(scene.pool.clone()).clock(scene.clock.clone());
    let revoke = |token: &str| {
        let (found, kind) = revocation
            .query_token(token, None)
            .expect("no error")
            .expect("is found");
        revocation.revoke_token(&found, kind).expect("is revoked");
    };
    for response in [
        bare("dead", Some(60)),
        bare("dead-by-a-second", Some(DAY - 1)),
        bare("expired-not-long-ago", Some(DAY)),
        bare("for-ever", None),
        bare("revoked", None),
        token("with-refresh-token"),
        token("both-revoked"),
        token("access-revoked"),
    ] {
        scene.save(&response).expect("is saved");
    }
    revoke("revoked");
    revoke("refresh-both-revoked");
    revoke("access-access-revoked");
    scene.clock.set(NOW + 2 * DAY);
    scene.save(&bare("fresh", Some(60))).expect("is saved");

    let left = |scene: &Scene<F>| {
        let query_token = create_query_token_func::<F::Token, _>(scene.pool.clone());
        let names = [
            "dead",
            "dead-by-a-second",
            "expired-not-long-ago",
            "for-ever",
            "revoked",
            "access-with-refresh-token",
            "access-both-revoked",
            "access-access-revoked",
            "fresh",
        ];
        let is_there = |name: &&str| query_token(name, None).expect("no error").is_some();
        names.into_iter().filter(is_there).collect::<Vec<_>>()
    };
    let pruned = pruner(&scene).prune(go_on).expect("no error");
    let stay = [
        "expired-not-long-ago",
        "for-ever",
        "access-with-refresh-token",
        "access-access-revoked",
        "fresh",
    ];
    assert_eq!(left(&scene), stay);
    assert_eq!((pruned.tokens, pruned.is_stopped), (4, false));
    // Once refresh tokens are said to lie idle for a time only, those go as well.
    let idle = pruner(&scene).refresh_token_lifetime(DAY - 1);
    assert_eq!(idle.prune(go_on).expect("no error").tokens, 2);
    assert_eq!(left(&scene), ["expired-not-long-ago", "for-ever", "fresh"]);
    assert_eq!(idle.prune(go_on).expect("no error").tokens, 0);
}

fn row_40_batches_can_be_stopped_and_resumed<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    // All of the same second, so that only the key tells the batches apart; every third one stays.
    for number in 0..30 {
        let expires_in = if number % 3 == 0 { None } else { Some(1) };
        let response = TokenResponse {
            expires_in,
            ..TokenResponse::bearer(format!("token-{number}"))
        };
        scene.save(&response).expect("is saved");
    }
    scene.clock.set(NOW + 2 * DAY);
    let pruner = pruner(&scene).batch(7);
    let stopped = pruner
        .prune(|so_far| {
            assert!(so_far.seen <= 7, "told after each batch");
            ControlFlow::Break(())
        })
        .expect("no error");
    assert!(stopped.is_stopped);
    assert_eq!(stopped.seen, 7);
    let mut batches = 0;
    let rest = pruner
        .prune(|_| {
            batches += 1;
            ControlFlow::Continue(())
        })
        .expect("no error");
    assert!(!rest.is_stopped && batches > 1);
    assert_eq!(stopped.tokens + rest.tokens, 20);
    assert_eq!(F::count_tokens(&mut scene.conn()), 10);
}

fn row_40_device_codes_go_when_they_have_expired<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let devices = create_device_code_store::<F::Device, F::Token, _>(scene.pool.clone())
        .clock(scene.clock.clone());
    let request = DeviceRequest::new(&scene.client).extra(F::extra());
    for (name, lifetime) in [("one", 60), ("two", DAY - 1), ("three", DAY)] {
        let devices = devices.clone().lifetime(lifetime);
        devices.save(name, name, &request).expect("is saved");
    }
    scene.clock.set(NOW + 2 * DAY);
    let prune = || pruner(&scene).prune_device_codes::<F::Device>(go_on);
    assert_eq!(prune().expect("no error").device_codes, 2);
    assert_eq!(prune().expect("no error").device_codes, 0);
    let left = devices.redeem("three", &scene.client);
    assert_eq!(left.err(), Some(Failure::Refused(DeviceRefusal::Expired)));
}

fn row_40_codes_and_grants_go_when_they_are_of_no_use<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let codes = create_authorization_code_store::<F::Code, F::Token, _>(scene.pool.clone())
        .clock(scene.clock.clone());
    let tokens =
        create_refresh_token_store::<F::Token, _>(scene.pool.clone()).clock(scene.clock.clone());
    let redeem = |name: &str, response: TokenResponse| {
        let request = CodeRequest::new(&scene.client)
            .user(F::user(1))
            .extra(F::extra());
        codes.save(name, &request).expect("is saved");
        let code = codes
            .redeem(&Redemption::new(name, &scene.client))
            .expect("is redeemed");
        let grant = code.grant_id().expect("has a grant");
        tokens
            .issue(&response, &scene.request(), grant)
            .expect("is issued");
    };
    let short = TokenResponse {
        expires_in: Some(60),
        ..TokenResponse::bearer("short")
    };
    redeem("one", short);
    redeem("two", token("kept"));
    scene.clock.set(NOW + 2 * DAY);
    let pruned = pruner(&scene).prune(go_on).expect("no error");
    assert_eq!((pruned.codes, pruned.tokens, pruned.grants), (2, 1, 1));
    // The family that is left still works.
    let refreshing = tokens
        .authenticate("refresh-kept", &scene.client)
        .expect("is valid");
    tokens
        .rotate(&refreshing, &token("kept-2"), &scene.request())
        .expect("is rotated");
}
