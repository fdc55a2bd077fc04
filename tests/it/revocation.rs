//! Checklist rows 17 to 22: the revocation endpoint (RFC 7009).

use std::sync::{Arc, Barrier, Mutex};

use super::api::observer::Observer;
use super::api::{
    EndpointRequest, EndpointResponse, OAuth2Client, OAuth2Token, create_bearer_token_validator,
    create_client_authenticator, create_query_token_func, create_revocation_endpoint,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::fixture::{
    Fixture, ManualClock, NOW, Scene, TestPool, on_every_schema, public_client, register, token,
};

on_every_schema!(
    row_17_revokes_an_access_token_and_a_refresh_token,
    row_18_unknown_tokens_are_200_and_bad_requests_400,
    row_18a_a_public_client_revokes_its_own_tokens_by_naming_itself,
    row_19_failed_authentication_is_401_and_another_client_s_token_stays,
    row_20_what_is_revoked_follows_what_matched,
    row_21_the_first_time_stamp_stays_and_two_at_once_both_answer_200,
    row_22_the_observer_is_given_token_and_client,
);

/// Asks the endpoint as client 1 does, by HTTP Basic.
fn revoke<F: Fixture>(scene: &Scene<F>, form: &str) -> EndpointResponse {
    revoke_through::<F>(&scene.pool, &scene.clock, form)
}

fn revoke_through<F: Fixture>(
    pool: &TestPool<F>,
    clock: &ManualClock,
    form: &str,
) -> EndpointResponse {
    let header = format!(
        "Basic {}",
        STANDARD.encode(format!("{}:s3cret", F::client_id(1)))
    );
    ask::<F>(pool, clock, Some(&header), form)
}

fn revoke_as<F: Fixture>(scene: &Scene<F>, header: Option<&str>, form: &str) -> EndpointResponse {
    ask::<F>(&scene.pool, &scene.clock, header, form)
}

fn ask<F: Fixture>(
    pool: &TestPool<F>,
    clock: &ManualClock,
    header: Option<&str>,
    form: &str,
) -> EndpointResponse {
    let authenticator =
        create_client_authenticator::<F::Client, _>(pool.clone()).clock(clock.clone());
    create_revocation_endpoint::<F::Token, _>(pool.clone())
        .clock(clock.clone())
        .create_endpoint_response(
            &EndpointRequest::new(header, form.as_bytes()),
            &authenticator,
        )
        .expect("the storage works")
}

fn find<F: Fixture>(scene: &Scene<F>, token: &str) -> F::Token {
    create_query_token_func::<F::Token, _>(scene.pool.clone())(token, None)
        .expect("no error")
        .expect("is found")
}

fn assert_refused(response: &EndpointResponse, status: u16, error: &str) {
    assert_eq!(response.status, status, "{}", response.body);
    let body: serde_json::Value = serde_json::from_str(&response.body).expect("is JSON");
    assert_eq!(body["error"], error);
    assert!(header(response, "Cache-Control").contains("no-store"));
}

fn header(response: &EndpointResponse, name: &str) -> String {
    response
        .headers
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.to_string())
        .collect()
}

fn row_17_revokes_an_access_token_and_a_refresh_token<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    for name in ["1", "2"] {
        scene.save(&token(name)).expect("is saved");
    }
    for form in [
        "token=access-1",
        "token=refresh-2&token_type_hint=refresh_token",
    ] {
        let response = revoke(&scene, form);
        assert_eq!(response.status, 200, "{}", response.body);
        assert_eq!(response.body, "");
        assert!(header(&response, "Cache-Control").contains("no-store"));
    }
    let validator =
        create_bearer_token_validator::<F::Token, _>(scene.pool.clone()).clock(scene.clock.clone());
    for name in ["1", "2"] {
        let header = format!("Bearer access-{name}");
        assert!(
            validator.acquire_token(Some(&header), &[]).is_err(),
            "{name}"
        );
    }
}

fn row_18_unknown_tokens_are_200_and_bad_requests_400<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    for form in [
        "token=unknown",
        "token=%00",
        "token=%F0%9F%A6%80",
        "token=a&token_type_hint=refresh_token",
    ] {
        let response = revoke(&scene, form);
        assert_eq!(
            (response.status, response.body.as_str()),
            (200, ""),
            "{form}"
        );
    }
    assert_refused(&revoke(&scene, ""), 400, "invalid_request");
    assert_refused(&revoke(&scene, "token="), 400, "invalid_request");
    assert_refused(&revoke(&scene, "token=a&token=b"), 400, "invalid_request");
    let unknown_hint = revoke(&scene, "token=access-1&token_type_hint=id_token");
    assert_refused(&unknown_hint, 400, "unsupported_token_type");
    assert!(!find(&scene, "access-1").is_revoked());
}

fn row_18a_a_public_client_revokes_its_own_tokens_by_naming_itself<F: Fixture>() {
    let Some(mut scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("confidential")).expect("is saved");
    scene.client = register::<F>(&scene.pool, &public_client::<F>(2));
    scene.save(&token("public")).expect("is saved");
    let id = F::client_id(2);

    assert_refused(
        &revoke_as(&scene, None, "token=access-public"),
        401,
        "invalid_client",
    );
    let others = format!("token=access-confidential&client_id={id}");
    assert_refused(&revoke_as(&scene, None, &others), 400, "invalid_grant");
    assert!(!find(&scene, "access-confidential").is_revoked());
    assert!(!find(&scene, "access-public").is_revoked());

    let own = format!("token=access-public&client_id={id}");
    assert_eq!(revoke_as(&scene, None, &own).status, 200);
    assert!(find(&scene, "access-public").is_revoked());

    // A confidential client cannot do with its name alone.
    let named = format!("token=access-confidential&client_id={}", F::client_id(1));
    assert_refused(&revoke_as(&scene, None, &named), 401, "invalid_client");
    assert!(!find(&scene, "access-confidential").is_revoked());
}

fn row_19_failed_authentication_is_401_and_another_client_s_token_stays<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    scene.another_client(2);
    let basic = |number: u32, secret: &str| {
        format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{secret}", F::client_id(number)))
        )
    };
    for header_value in [
        None,
        Some(basic(1, "wrong")),
        Some(basic(99, "s3cret")),
        Some("Basic ?".into()),
    ] {
        let response = revoke_as(&scene, header_value.as_deref(), "token=access-1");
        assert_refused(&response, 401, "invalid_client");
        let challenge = header(&response, "WWW-Authenticate");
        assert!(challenge.starts_with("Basic "), "{challenge}");
    }
    let response = revoke_as(&scene, Some(&basic(2, "s3cret")), "token=access-1");
    assert_refused(&response, 400, "invalid_grant");
    assert!(!find(&scene, "access-1").is_revoked());
    assert_eq!(revoke(&scene, "token=access-1").status, 200);
}

fn row_20_what_is_revoked_follows_what_matched<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    for name in ["access", "refresh"] {
        scene.save(&token(name)).expect("is saved");
    }
    // The hints are the wrong way round.
    assert_eq!(
        revoke(&scene, "token=access-access&token_type_hint=refresh_token").status,
        200
    );
    let found = find(&scene, "access-access");
    assert_eq!(found.access_token_revoked_at(), Some(NOW));
    assert_eq!(found.refresh_token_revoked_at(), None);

    assert_eq!(
        revoke(&scene, "token=refresh-refresh&token_type_hint=access_token").status,
        200
    );
    let found = find(&scene, "refresh-refresh");
    assert_eq!(found.access_token_revoked_at(), Some(NOW), "taken along");
    assert_eq!(found.refresh_token_revoked_at(), Some(NOW));
}

fn row_21_the_first_time_stamp_stays_and_two_at_once_both_answer_200<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    revoke(&scene, "token=access-1");
    scene.clock.set(NOW + 50);
    revoke(&scene, "token=refresh-1");
    scene.clock.set(NOW + 100);
    revoke(&scene, "token=access-1");
    revoke(&scene, "token=refresh-1");
    let found = find(&scene, "access-1");
    assert_eq!(found.access_token_revoked_at(), Some(NOW));
    assert_eq!(found.refresh_token_revoked_at(), Some(NOW + 50));

    for round in 0..20 {
        scene.clock.set(NOW);
        scene
            .save(&token(&format!("race-{round}")))
            .expect("is saved");
        let (pool, clock) = (&scene.pool, &scene.clock);
        let barrier = Barrier::new(2);
        let answers: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        let form = format!("token=refresh-race-{round}");
                        revoke_through::<F>(pool, clock, &form).status
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .collect()
        });
        assert_eq!(answers, [200, 200]);
        assert!(find(&scene, &format!("access-race-{round}")).is_revoked());
    }
}

/// Notes what it is told.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl<T: OAuth2Token> Observer<T> for Notes {
    fn client_authenticated(&self, client: &dyn OAuth2Client) {
        self.note(format!("client {}", client.client_id()));
    }

    fn token_revoked(&self, token: &T, client: &dyn OAuth2Client) {
        self.note(format!(
            "revoked {} by {}",
            token.client_id(),
            client.client_id()
        ));
    }

    fn token_authenticated(&self, token: &T) {
        self.note(format!("token of {}", token.client_id()));
    }
}

impl Notes {
    fn note(&self, line: String) {
        self.0.lock().expect("no panic").push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }
}

fn row_22_the_observer_is_given_token_and_client<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    let notes = Arc::new(Notes::default());
    let endpoint = create_revocation_endpoint::<F::Token, _>(scene.pool.clone())
        .clock(scene.clock.clone())
        .observer(notes.clone());
    let validator = create_bearer_token_validator::<F::Token, _>(scene.pool.clone())
        .clock(scene.clock.clone())
        .observer(notes.clone());
    let id = F::client_id(1);

    validator
        .acquire_token(Some("Bearer access-1"), &[])
        .expect("is valid");
    assert_eq!(notes.take(), [format!("token of {id}")]);

    let revoke = |form: &str| {
        let request = EndpointRequest::new(None, form.as_bytes());
        let response = endpoint.create_endpoint_response_for(&request, &scene.client);
        assert_eq!(response.expect("the storage works").status, 200);
    };
    revoke("token=unknown");
    assert!(notes.take().is_empty());
    revoke("token=access-1");
    assert_eq!(notes.take(), [format!("revoked {id} by {id}")]);
    assert!(
        validator
            .acquire_token(Some("Bearer access-1"), &[])
            .is_err()
    );
    assert!(notes.take().is_empty());
}
