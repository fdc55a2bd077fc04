//! Checklist rows 27 and 28: the introspection endpoint (RFC 7662).

use super::api::lifecycle::create_refresh_token_store;
use super::api::{
    EndpointRequest, EndpointResponse, OAuth2Token, TokenResponse, create_client_authenticator,
    create_introspection_endpoint, create_revocation_endpoint,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NOW, Scene, on_every_schema, public_client, register, token};

on_every_schema!(
    row_27_an_active_token_is_described,
    row_27_anything_else_is_exactly_inactive,
    row_28_permission_is_the_caller_s_rule,
    row_28_a_refresh_token_is_active_on_its_own_terms,
    row_28_and_37_a_refresh_token_that_would_be_refused_is_inactive,
);

/// Asks as the client with this number does, by HTTP Basic.
fn ask<F: Fixture>(scene: &Scene<F>, number: u32, form: &str) -> EndpointResponse {
    let credentials = format!("{}:s3cret", F::client_id(number));
    let header = format!("Basic {}", STANDARD.encode(credentials));
    ask_as(scene, Some(&header), form)
}

fn ask_as<F: Fixture>(scene: &Scene<F>, header: Option<&str>, form: &str) -> EndpointResponse {
    let authenticator =
        create_client_authenticator::<F::Client, _>(scene.pool.clone()).clock(scene.clock.clone());
    create_introspection_endpoint::<F::Token, _>(scene.pool.clone())
        .clock(scene.clock.clone())
        .create_endpoint_response(
            &EndpointRequest::new(header, form.as_bytes()),
            &authenticator,
        )
        .expect("the storage works")
}

fn body(response: &EndpointResponse) -> Value {
    serde_json::from_str(&response.body).expect("is JSON")
}

fn row_27_an_active_token_is_described<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    let response = ask(&scene, 1, "token=access-1");
    assert_eq!(response.status, 200);
    assert!(
        response
            .headers
            .contains(&("Cache-Control", "no-store".into()))
    );
    let user = diesel_oauth2::lookup::find_access_token::<F::Token, _>(&scene.pool, "access-1")
        .expect("no error")
        .and_then(|token| {
            token
                .user_id()
                .map(|id| diesel_oauth2::column::Identifier::to_text(id).into_owned())
        })
        .expect("has a user");
    assert_eq!(
        body(&response),
        json!({
            "active": true, "client_id": F::client_id(1), "scope": "profile email", "sub": user,
            "token_type": "Bearer", "iat": NOW, "exp": NOW + 3600,
        })
    );

    // A token that never expires has no `exp`, and one without scope and user has neither.
    scene
        .save_for(&TokenResponse::bearer("bare"), None)
        .expect("is saved");
    assert_eq!(
        body(&ask(&scene, 1, "token=bare")),
        json!({"active": true, "client_id": F::client_id(1), "token_type": "Bearer", "iat": NOW})
    );
}

fn row_27_anything_else_is_exactly_inactive<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    for name in ["1", "revoked"] {
        scene.save(&token(name)).expect("is saved");
    }
    scene.another_client(2);
    register::<F>(&scene.pool, &public_client::<F>(3));
    let revocation = create_revocation_endpoint::<F::Token, _>(scene.pool.clone());
    let (found, kind) = revocation
        .query_token("refresh-revoked", None)
        .expect("no error")
        .expect("is found");
    revocation.revoke_token(&found, kind).expect("is revoked");

    let inactive = |response: EndpointResponse| {
        assert_eq!(
            (response.status, response.body.as_str()),
            (200, r#"{"active":false}"#)
        );
    };
    inactive(ask(&scene, 1, "token=unknown"));
    inactive(ask(&scene, 1, "token=ACCESS-1"));
    inactive(ask(&scene, 1, "token=%00"));
    inactive(ask(&scene, 1, "token=access-revoked"));
    inactive(ask(&scene, 1, "token=refresh-revoked"));
    inactive(ask(&scene, 2, "token=access-1"));
    scene.clock.set(NOW + 3601);
    inactive(ask(&scene, 1, "token=access-1"));

    let refused = |response: EndpointResponse, status: u16, error: &str| {
        assert_eq!(
            (response.status, &body(&response)["error"]),
            (status, &json!(error))
        );
    };
    refused(ask(&scene, 1, ""), 400, "invalid_request");
    refused(
        ask(&scene, 1, "token=a&token_type_hint=x"),
        400,
        "unsupported_token_type",
    );
    refused(
        ask_as(&scene, None, "token=access-1"),
        401,
        "invalid_client",
    );
    let public = format!("token=access-1&client_id={}", F::client_id(3));
    refused(ask_as(&scene, None, &public), 401, "invalid_client");
}

fn row_28_permission_is_the_caller_s_rule<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    let other = scene.another_client(2);
    let allowed = F::client_id(2);
    let endpoint = create_introspection_endpoint::<F::Token, _>(scene.pool.clone())
        .clock(scene.clock.clone())
        .permission(move |_, client| client.client_id() == allowed)
        .claims(|token| {
            let mut claims = serde_json::Map::new();
            claims.insert("username".into(), "jane".into());
            claims.insert("aud".into(), token.client_id().into());
            claims.insert("active".into(), false.into());
            claims
        });
    let request = EndpointRequest::new(None, b"token=access-1");
    let ask = |client: &F::Client| {
        let response = endpoint.create_endpoint_response_for(&request, client);
        body(&response.expect("the storage works"))
    };
    assert_eq!(ask(&scene.client), json!({"active": false}));
    let payload = ask(&other);
    assert_eq!(payload["active"], true, "is not for claims to say");
    assert_eq!(payload["username"], "jane");
    assert_eq!(payload["aud"], json!(F::client_id(1)));
}

fn row_28_a_refresh_token_is_active_on_its_own_terms<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    scene.clock.set(NOW + 100_000);
    let payload = body(&ask(&scene, 1, "token=refresh-1"));
    assert_eq!(payload["active"], true);
    assert_eq!(payload["iat"], NOW);
    assert!(
        payload.get("exp").is_none() && payload.get("token_type").is_none(),
        "{payload}"
    );
    assert_eq!(
        body(&ask(&scene, 1, "token=access-1")),
        json!({"active": false})
    );

    let revocation = create_revocation_endpoint::<F::Token, _>(scene.pool.clone());
    let (found, kind) = revocation
        .query_token("access-1", None)
        .expect("no error")
        .expect("is found");
    revocation.revoke_token(&found, kind).expect("is revoked");
    assert_eq!(body(&ask(&scene, 1, "token=refresh-1"))["active"], true);
}

fn row_28_and_37_a_refresh_token_that_would_be_refused_is_inactive<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let tokens = create_refresh_token_store::<F::Token, _>(scene.pool.clone())
        .clock(scene.clock.clone())
        .idle_lifetime(100)
        .grant_lifetime(250);
    let endpoint = create_introspection_endpoint::<F::Token, _>(scene.pool.clone())
        .clock(scene.clock.clone())
        .idle_lifetime(100);
    let introspect = |name: &str| {
        let form = format!("token=refresh-{name}");
        let request = EndpointRequest::new(None, form.as_bytes());
        body(
            &endpoint
                .create_endpoint_response_for(&request, &scene.client)
                .expect("the storage works"),
        )
    };
    // Introspection and an exchange agree; `exp` is the earlier of the two ends.
    let agree = |name: &str, exp: Option<i64>| {
        let payload = introspect(name);
        match exp {
            Some(exp) => {
                assert_eq!(
                    (&payload["active"], &payload["exp"]),
                    (&json!(true), &json!(exp))
                );
            }
            None => assert_eq!(payload, json!({"active": false}), "{name}"),
        }
        let next = format!("{name}~");
        let outcome = tokens
            .authenticate(&format!("refresh-{name}"), &scene.client)
            .and_then(|refreshing| tokens.rotate(&refreshing, &token(&next), &scene.request()));
        assert_eq!(outcome.is_ok(), exp.is_some(), "{name}");
    };
    let grant = tokens
        .start(&scene.client, Some(&F::user(1)))
        .expect("is started");
    for name in ["a", "idle"] {
        tokens
            .issue(&token(name), &scene.request(), &grant)
            .expect("is issued");
    }
    scene.save(&token("bare")).expect("is saved");
    assert_eq!(introspect("bare")["exp"], json!(NOW + 100));

    scene.clock.set(NOW + 100);
    agree("a", Some(NOW + 100));
    scene.clock.set(NOW + 101);
    agree("idle", None);
    agree("bare", None);
    scene.clock.set(NOW + 200);
    agree("a~", Some(NOW + 200));
    scene.clock.set(NOW + 250);
    assert_eq!(
        introspect("a~~")["exp"],
        json!(NOW + 250),
        "the family's end"
    );
    scene.clock.set(NOW + 251);
    agree("a~~", None);
    assert_eq!(introspect("a~"), json!({"active": false}), "was exchanged");

    // Whatever the endpoint was told, the grants are its own to ask.
    let unaware =
        create_introspection_endpoint::<F::Token, _>(scene.pool.clone()).clock(scene.clock.clone());
    let ask = |form: &[u8]| {
        let request = EndpointRequest::new(None, form);
        body(
            &unaware
                .create_endpoint_response_for(&request, &scene.client)
                .expect("the storage works"),
        )
    };
    assert_eq!(ask(b"token=refresh-a~~"), json!({"active": false}));
    assert_eq!(ask(b"token=access-a~~")["active"], true);
    let bare = ask(b"token=refresh-bare");
    assert!(
        bare["active"] == true && bare.get("exp").is_none(),
        "{bare}"
    );
}
