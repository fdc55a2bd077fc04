//! Refresh tokens: rotation, reuse, scope, lifetimes.

use diesel_oauth2::lifecycle::{RefreshRefusal, create_grant_revocation};
use diesel_oauth2_oxide_auth::Error;
use oxide_auth::endpoint::OAuthError;
use oxide_auth::frontends::simple::request::Status;
use oxide_auth::primitives::issuer::Issuer;

use crate::fixture::{on_every_schema, public_client, register};
use crate::parts::{
    OnOxide, REDIRECT_URI, Settings, VERIFIER, bad_request, basic, both, error, forward, json,
    set_up,
};

on_every_schema!(
    a_refresh_token_rotates_and_its_reuse_ends_the_family,
    within_the_grace_period_a_client_may_ask_again,
    scope_may_shrink_and_never_grows,
    only_its_own_client_exchanges_a_refresh_token,
    idle_and_absolute_lifetime,
    what_was_revoked_elsewhere_is_unknown_here,
    without_rotation_the_refresh_token_stays,
);

fn a_refresh_token_rotates_and_its_reuse_ends_the_family<F: OnOxide>() {
    let Some((scene, mut parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let (other, _) = parts.tokens();
    let (first, refresh_1) = parts.tokens();
    let response = parts.exchange(&refresh_1).expect("is answered");
    let (second, refresh_2) = both(&response);
    assert!(first != second && refresh_1 != refresh_2);
    let lifetime = json(&response).expires_in.expect("it expires");
    assert!((3_590..=3_600).contains(&lifetime), "{lifetime}");
    assert!(parts.is_valid(&second));
    assert!(!parts.is_valid(&first), "its refresh token is spent");

    // An access token's hour is not its refresh token's.
    forward(&scene.clock, 4_000);
    let (third, refresh_3) = both(&parts.exchange(&refresh_2).expect("is answered"));
    assert!(parts.is_valid(&third));

    assert_eq!(parts.failures.take(), []);
    assert_eq!(
        error(parts.exchange(&refresh_1)),
        bad_request("invalid_grant")
    );
    assert_eq!(
        parts.failures.take(),
        [Error::RefreshRefused(RefreshRefusal::Reused)]
    );
    assert!(!parts.is_valid(&third), "the thief's and the client's both");
    assert_eq!(
        error(parts.exchange(&refresh_3)),
        bad_request("invalid_grant")
    );
    assert!(parts.is_valid(&other), "another family stays");
    for unknown in ["unknown", third.as_str(), "\u{e9}", ""] {
        let answer = error(parts.exchange(unknown));
        assert_eq!(answer, bad_request("invalid_grant"), "{unknown:?}");
    }
}

fn within_the_grace_period_a_client_may_ask_again<F: OnOxide>() {
    let settings = Settings {
        grace: 10,
        ..Settings::default()
    };
    let Some((scene, mut parts)) = set_up::<F>(settings) else {
        return;
    };
    let (_, refresh) = parts.tokens();
    both(&parts.exchange(&refresh).expect("is answered"));
    forward(&scene.clock, 10);
    let (access, next) = both(&parts.exchange(&refresh).expect("is answered"));
    assert!(parts.is_valid(&access));
    forward(&scene.clock, 1);
    assert_eq!(
        error(parts.exchange(&refresh)),
        bad_request("invalid_grant")
    );
    assert_eq!(error(parts.exchange(&next)), bad_request("invalid_grant"));
}

fn scope_may_shrink_and_never_grows<F: OnOxide>() {
    let Some((_scene, mut parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let auth = basic(&F::client_id(1));
    let (_, refresh) = parts.tokens();
    let form = |token, scope| {
        [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("scope", scope),
        ]
    };
    let more = form(refresh.as_str(), "profile address");
    assert_eq!(
        error(parts.refresh(Some(&auth), &more)),
        bad_request("invalid_scope")
    );
    let less = form(refresh.as_str(), "profile");
    let (access, next) = both(&parts.refresh(Some(&auth), &less).expect("is answered"));
    assert!(parts.resource(&access, "profile").is_ok());
    assert!(parts.resource(&access, "email").is_err());
    let more = form(next.as_str(), "profile email");
    assert_eq!(
        error(parts.refresh(Some(&auth), &more)),
        bad_request("invalid_scope")
    );
}

fn only_its_own_client_exchanges_a_refresh_token<F: OnOxide>() {
    let Some((scene, mut parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    scene.another_client(2);
    let (access, refresh) = parts.tokens();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh.as_str()),
    ];
    let theirs = basic(&F::client_id(2));
    assert_eq!(
        error(parts.refresh(Some(&theirs), &form)),
        bad_request("invalid_grant")
    );
    assert_eq!(
        error(parts.refresh(None, &form)),
        (Status::Unauthorized, "invalid_client".into()),
        "a client with a secret must say it"
    );
    assert!(parts.is_valid(&access));
    both(&parts.exchange(&refresh).expect("is answered"));

    let client_id = F::client_id(5);
    register::<F>(&scene.pool, &public_client::<F>(5));
    let code = parts.code(&client_id);
    let redeem = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT_URI),
        ("client_id", client_id.as_str()),
        ("code_verifier", VERIFIER),
    ];
    let (_, refresh) = both(&parts.token(None, &redeem).expect("is answered"));
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh.as_str()),
    ];
    both(&parts.refresh(None, &form).expect("is answered"));
}

fn idle_and_absolute_lifetime<F: OnOxide>() {
    let settings = Settings {
        idle_lifetime: Some(100),
        grant_lifetime: Some(250),
        ..Settings::default()
    };
    let Some((scene, mut parts)) = set_up::<F>(settings) else {
        return;
    };
    let (_, idle) = parts.tokens();
    let (_, mut busy) = parts.tokens();
    for _ in 0..2 {
        forward(&scene.clock, 100);
        (_, busy) = both(&parts.exchange(&busy).expect("is answered"));
    }
    assert_eq!(parts.failures.take(), []);
    assert_eq!(error(parts.exchange(&idle)), bad_request("invalid_grant"));
    assert_eq!(
        parts.failures.take(),
        [Error::RefreshRefused(RefreshRefusal::Idle)]
    );
    // That the family is over shows only when it is to be used: oxide-auth has no refusal for that.
    forward(&scene.clock, 51);
    let answer = parts.exchange(&busy).map(|response| response.status);
    assert_eq!(answer, Err(OAuthError::PrimitiveError));
    assert_eq!(
        parts.failures.take(),
        [Error::RefreshRefused(RefreshRefusal::Revoked)]
    );
}

fn what_was_revoked_elsewhere_is_unknown_here<F: OnOxide>() {
    let Some((scene, mut parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let (access, refresh) = parts.tokens();
    create_grant_revocation::<F::Token, _>(scene.pool.clone())
        .revoke_by_user(&F::user(1))
        .expect("is revoked");
    assert_eq!(parts.issuer.recover_token(&access), Ok(None));
    assert_eq!(parts.issuer.recover_refresh(&refresh), Ok(None));
    assert_eq!(
        error(parts.exchange(&refresh)),
        bad_request("invalid_grant")
    );
}

fn without_rotation_the_refresh_token_stays<F: OnOxide>() {
    let settings = Settings {
        keeps_refresh_tokens: true,
        ..Settings::default()
    };
    let Some((_scene, mut parts)) = set_up::<F>(settings) else {
        return;
    };
    let (first, refresh) = parts.tokens();
    for _ in 0..2 {
        let response = parts.exchange(&refresh).expect("is answered");
        let answer = json(&response);
        assert_eq!(answer.refresh_token, None, "the client keeps its own");
        let access = answer.access_token.expect("an access token");
        assert!(parts.is_valid(&access) && parts.is_valid(&first));
    }
}
