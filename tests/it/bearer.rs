//! Checklist rows 23 to 26: the bearer token validator (RFC 6750).

use super::api::bearer::BearerTokenValidator;
use super::api::{
    OAuth2Token, TokenResponse, create_bearer_token_validator, create_revocation_endpoint,
};

use crate::fixture::{Fixture, NOW, Scene, TestPool, on_every_schema, token};

on_every_schema!(
    row_23_each_refusal_has_its_status,
    row_24_scopes_are_alternatives_of_sets,
    row_25_the_challenge_is_well_formed,
    row_26_expiry_to_the_second_and_far_times,
);

#[cfg(feature = "http")]
on_every_schema!(row_23_the_token_is_taken_from_a_request_s_headers);

fn validator<F: Fixture>(scene: &Scene<F>) -> BearerTokenValidator<F::Token, TestPool<F>> {
    create_bearer_token_validator::<F::Token, _>(scene.pool.clone())
        .clock(scene.clock.clone())
        .realm("api")
}

/// Status and error code of a refusal; 200 and nothing otherwise.
fn ask<F: Fixture>(
    scene: &Scene<F>,
    authorization: Option<&str>,
    scopes: &[&str],
) -> (u16, String) {
    match validator(scene).acquire_token(authorization, scopes) {
        Ok(_) => (200, String::new()),
        Err(refused) => {
            let response = refused.to_response();
            let body: serde_json::Value = serde_json::from_str(&response.body).expect("is JSON");
            (
                response.status,
                body["error"].as_str().unwrap_or_default().to_owned(),
            )
        }
    }
}

fn challenge<F: Fixture>(scene: &Scene<F>, authorization: Option<&str>, scopes: &[&str]) -> String {
    let refused = validator(scene)
        .acquire_token(authorization, scopes)
        .err()
        .expect("is refused");
    let response = refused.to_response();
    response
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("www-authenticate"))
        .map(|(_, value)| value.to_string())
        .collect()
}

fn row_23_each_refusal_has_its_status<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    for name in ["1", "revoked", "short"] {
        scene.save(&token(name)).expect("is saved");
    }
    let revocation = create_revocation_endpoint::<F::Token, _>(scene.pool.clone());
    let (found, kind) = revocation
        .query_token("access-revoked", None)
        .expect("no error")
        .expect("is found");
    revocation.revoke_token(&found, kind).expect("is revoked");

    let ok = (200, String::new());
    assert_eq!(ask(&scene, Some("Bearer access-1"), &["profile"]), ok);
    for scheme in ["bearer", "BEARER", "bEaReR"] {
        assert_eq!(ask(&scene, Some(&format!("{scheme} access-1")), &[]), ok);
    }
    assert_eq!(ask(&scene, Some("Bearer   access-1"), &[]), ok);

    let invalid = (401, "invalid_token".to_owned());
    assert_eq!(ask(&scene, Some("Bearer unknown"), &[]), invalid);
    assert_eq!(ask(&scene, Some("Bearer access-revoked"), &[]), invalid);
    assert_eq!(
        ask(&scene, Some("Bearer refresh-1"), &[]),
        invalid,
        "a refresh token is none"
    );
    assert_eq!(ask(&scene, Some("Bearer ACCESS-1"), &[]), invalid);
    assert_eq!(ask(&scene, Some("Bearer access\0-1"), &[]), invalid);

    assert_eq!(
        ask(&scene, Some("Bearer access-1"), &["admin"]),
        (403, "insufficient_scope".into())
    );
    assert_eq!(ask(&scene, None, &[]).0, 401);
    assert_eq!(
        ask(&scene, Some("Basic YTpi"), &[]),
        (401, "unsupported_token_type".into())
    );

    scene.clock.set(NOW + 3601);
    assert_eq!(ask(&scene, Some("Bearer access-short"), &[]), invalid);
}

fn row_24_scopes_are_alternatives_of_sets<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved"); // profile email
    scene
        .save(&TokenResponse {
            scope: None,
            ..token("bare")
        })
        .expect("is saved");
    let status =
        |token: &str, scopes: &[&str]| ask(&scene, Some(&format!("Bearer {token}")), scopes).0;
    for enough in [
        &[][..],
        &["profile"],
        &["email profile"],
        &["admin", "email"],
        &["admin x", "profile email"],
    ] {
        assert_eq!(status("access-1", enough), 200, "{enough:?}");
    }
    for too_much in [
        &["admin"][..],
        &["profile admin"],
        &["admin", "root"],
        &["Profile"],
        &["prof"],
    ] {
        assert_eq!(status("access-1", too_much), 403, "{too_much:?}");
    }
    assert_eq!(status("access-bare", &[]), 200);
    assert_eq!(status("access-bare", &["profile"]), 403);
}

fn row_25_the_challenge_is_well_formed<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    let unknown = challenge(&scene, Some("Bearer unknown"), &[]);
    assert!(unknown.starts_with("Bearer realm=\"api\""), "{unknown}");
    assert!(unknown.contains("error=\"invalid_token\""), "{unknown}");
    let scope = challenge(&scene, Some("Bearer access-1"), &["admin"]);
    assert!(scope.contains("error=\"insufficient_scope\""), "{scope}");
    assert!(scope.contains("scope=\"admin\""), "{scope}");
    // RFC 6750 section 3.1: no error code where there was no authentication at all.
    let missing = challenge(&scene, None, &[]);
    assert!(missing.starts_with("Bearer realm=\"api\""), "{missing}");
    assert!(!missing.contains("error="), "{missing}");
}

fn row_26_expiry_to_the_second_and_far_times<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    for (now, status) in [(NOW + 3599, 200), (NOW + 3600, 200), (NOW + 3601, 401)] {
        scene.clock.set(now);
        assert_eq!(
            ask(&scene, Some("Bearer access-1"), &[]).0,
            status,
            "{}",
            now - NOW
        );
    }
    let year_2039 = 2_177_452_800;
    let year_9999 = 253_402_214_400;
    for (name, issued_at) in [("2039", year_2039), ("9999", year_9999)] {
        scene.clock.set(issued_at);
        scene.save(&token(name)).expect("is saved");
        let header = format!("Bearer access-{name}");
        let found = validator(&scene)
            .acquire_token(Some(&header), &[])
            .expect("is valid");
        assert_eq!(found.issued_at(), Some(issued_at));
        assert_eq!(found.expires_at(), Some(issued_at + 3600));
        scene.clock.set(issued_at + 3601);
        assert_eq!(ask(&scene, Some(&header), &[]).0, 401, "{name}");
    }
}

#[cfg(feature = "http")]
fn row_23_the_token_is_taken_from_a_request_s_headers<F: Fixture>() {
    use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    let status = |values: &[&'static str]| {
        let headers: HeaderMap = values
            .iter()
            .map(|value| (AUTHORIZATION, HeaderValue::from_static(value)))
            .collect();
        match validator(&scene).acquire_token_from_headers(&headers, &["profile"]) {
            Ok(_) => 200,
            Err(refused) => refused.to_response().status,
        }
    };
    assert_eq!(status(&["Bearer access-1"]), 200);
    assert_eq!(status(&["Bearer access-2"]), 401);
    assert_eq!(status(&[]), 401);
    assert_eq!(status(&["Bearer access-1", "Bearer access-1"]), 400);
}
