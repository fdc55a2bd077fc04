//! What the observers of the lifecycle's stores are told.

use std::sync::{Arc, Mutex};

use super::api::lifecycle::{
    CodeRequest, Redemption, create_authorization_code_store, create_grant_revocation,
    create_refresh_token_store,
};
use super::api::observer::{Observer, RevocationCause};
use super::api::{OAuth2AuthorizationCode, OAuth2Token};

use crate::fixture::{Fixture, Scene, on_every_schema, token};

on_every_schema!(observers_are_told_of_rotation_reuse_replay_and_revocation);

/// Writes down what it is told.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn write(&self, line: String) {
        self.0.lock().expect("is not poisoned").push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("is not poisoned"))
    }
}

impl<M: OAuth2Token> Observer<M> for Log {
    fn token_rotated(&self, token: &M) {
        self.write(format!("rotated a token of {}", token.client_id()));
    }

    fn refresh_token_reused(&self, token: &M) {
        self.write(format!("reused a token of {}", token.client_id()));
    }

    fn tokens_revoked(&self, cause: RevocationCause) {
        self.write(format!("{cause:?}"));
    }
}

fn observers_are_told_of_rotation_reuse_replay_and_revocation<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let log = Log::default();
    let (id, pool) = (F::client_id(1), scene.pool.clone());
    let tokens = create_refresh_token_store::<F::Token, _>(pool.clone()).observer(log.clone());
    let codes =
        create_authorization_code_store::<F::Code, F::Token, _>(pool.clone()).observer(log.clone());
    let revocation = create_grant_revocation::<F::Token, _>(pool).observer(log.clone());

    let grant = tokens
        .start(&scene.client, Some(&F::user(1)))
        .expect("is started");
    let issued = tokens.issue(&token("a"), &scene.request(), &grant);
    issued.expect("is issued");
    let refreshing = tokens
        .authenticate("refresh-a", &scene.client)
        .expect("is valid");
    assert_eq!(log.take(), [""; 0]);
    let rotated = tokens.rotate(&refreshing, &token("b"), &scene.request());
    rotated.expect("is rotated");
    assert_eq!(log.take(), [format!("rotated a token of {id}")]);
    let lost = tokens.rotate(&refreshing, &token("c"), &scene.request());
    lost.expect_err("has been rotated");
    assert_eq!(log.take(), [""; 0]);
    let reused = tokens.authenticate("refresh-a", &scene.client);
    assert!(reused.is_err());
    let told = [
        format!("reused a token of {id}"),
        "RefreshTokenReused".into(),
    ];
    assert_eq!(log.take(), told);

    let request = CodeRequest::new(&scene.client)
        .user(F::user(1))
        .extra(F::extra());
    codes.save("code", &request).expect("is saved");
    let redeem = || codes.redeem(&Redemption::new("code", &scene.client));
    let code = redeem().expect("is redeemed");
    assert_eq!(log.take(), [""; 0]);
    assert!(redeem().is_err());
    assert_eq!(log.take(), ["CodeReplayed"]);

    let grant = code.grant_id().expect("has a grant");
    revocation.revoke_by_grant(grant).expect("is revoked");
    revocation.revoke_by_user(&F::user(1)).expect("is revoked");
    revocation
        .revoke_by_client(&scene.client)
        .expect("is revoked");
    assert_eq!(log.take(), ["Grant", "User", "Client"]);
}
