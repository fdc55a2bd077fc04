//! Checklist rows 29 to 33: authorization codes.

use std::sync::Barrier;

use super::api::lifecycle::{
    CodeRefusal, CodeRequest, CodeStore, Redemption, create_authorization_code_store,
    create_refresh_token_store,
};
use super::api::{Failure, OAuth2AuthorizationCode, create_bearer_token_validator};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::fixture::{Fixture, NOW, Scene, TestPool, on_every_schema, rounds, token};

on_every_schema!(
    row_29_saved_with_everything_and_expires_after_300_seconds,
    row_30_of_32_threads_that_redeem_one_code_exactly_one_wins,
    row_31_a_second_redemption_revokes_every_token_of_the_code,
    row_32_a_stranger_does_not_spend_the_code,
    row_33_pkce_is_verified_before_the_code_is_spent,
    a_server_that_checks_by_itself_spends_the_code_first,
);

const REDIRECT_URI: &str = "https://a.example/cb";

type Codes<F> = CodeStore<<F as Fixture>::Code, <F as Fixture>::Token, TestPool<F>>;

fn codes<F: Fixture>(scene: &Scene<F>) -> Codes<F> {
    create_authorization_code_store(scene.pool.clone()).clock(scene.clock.clone())
}

fn request<F: Fixture>(
    scene: &Scene<F>,
) -> CodeRequest<
    '_,
    <F::Code as OAuth2AuthorizationCode>::UserId,
    <F::Code as OAuth2AuthorizationCode>::Extra,
> {
    CodeRequest::new(&scene.client)
        .user(F::user(1))
        .redirect_uri(REDIRECT_URI)
        .response_type("code")
        .scope("profile email")
        .nonce("n-0S6")
        .extra(F::extra())
}

fn refused<T>(result: Result<T, Failure<CodeRefusal>>) -> Option<CodeRefusal> {
    match result {
        Ok(_) => None,
        Err(Failure::Refused(refusal)) => Some(refusal),
        Err(other) => panic!("{other}"),
    }
}

fn row_29_saved_with_everything_and_expires_after_300_seconds<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let codes = codes(&scene);
    for name in ["1", "2", "3"] {
        codes
            .save(&format!("code-{name}"), &request(&scene))
            .expect("is saved");
    }
    let redemption = |code| Redemption::new(code, &scene.client).redirect_uri(REDIRECT_URI);
    scene.clock.set(NOW + 300);
    let code = codes.redeem(&redemption("code-1")).expect("is redeemed");
    assert_eq!(code.redirect_uri().as_deref(), Some(REDIRECT_URI));
    assert_eq!(code.scope(), "profile email");
    assert_eq!(code.nonce().as_deref(), Some("n-0S6"));
    assert_eq!(code.auth_time(), NOW);
    assert!(code.user_id().is_some() && code.grant_id().is_some());

    scene.clock.set(NOW + 301);
    assert_eq!(
        refused(codes.redeem(&redemption("code-2"))),
        Some(CodeRefusal::Expired)
    );
    let longer = codes.clone().lifetime(600);
    assert_eq!(refused(longer.redeem(&redemption("code-2"))), None);
    assert_eq!(
        refused(longer.redeem(&redemption("unknown"))),
        Some(CodeRefusal::Unknown)
    );
    assert_eq!(
        refused(longer.redeem(&redemption("CODE-3"))),
        Some(CodeRefusal::Unknown)
    );
}

fn row_30_of_32_threads_that_redeem_one_code_exactly_one_wins<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let pool = scene.fixture.pool_of(32);
    let codes: Codes<F> = create_authorization_code_store(pool).clock(scene.clock.clone());
    let client = &scene.client;
    for round in 0..rounds() {
        let name = format!("code-{round}");
        codes.save(&name, &request(&scene)).expect("is saved");
        let barrier = Barrier::new(32);
        let winners: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..32)
                .map(|_| {
                    let codes = codes.clone();
                    let (barrier, name) = (&barrier, &name);
                    scope.spawn(move || {
                        barrier.wait();
                        let redemption = Redemption::new(name, client).redirect_uri(REDIRECT_URI);
                        match codes.redeem(&redemption) {
                            Ok(_) => 1,
                            Err(Failure::Refused(CodeRefusal::Replayed)) => 0,
                            Err(other) => panic!("{other}"),
                        }
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .sum()
        });
        assert_eq!(winners, 1, "round {round}");
    }
}

fn row_31_a_second_redemption_revokes_every_token_of_the_code<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let codes = codes(&scene);
    let tokens =
        create_refresh_token_store::<F::Token, _>(scene.pool.clone()).clock(scene.clock.clone());
    let validator =
        create_bearer_token_validator::<F::Token, _>(scene.pool.clone()).clock(scene.clock.clone());
    for name in ["mine", "other"] {
        codes.save(name, &request(&scene)).expect("is saved");
        let redemption = Redemption::new(name, &scene.client).redirect_uri(REDIRECT_URI);
        let code = codes.redeem(&redemption).expect("is redeemed");
        let grant = code.grant_id().expect("has a grant");
        tokens
            .issue(&token(name), &scene.request(), grant)
            .expect("is issued");
    }
    let refreshing = tokens
        .authenticate("refresh-mine", &scene.client)
        .expect("is valid");
    tokens
        .rotate(&refreshing, &token("mine-2"), &scene.request())
        .expect("is rotated");
    assert!(
        validator
            .acquire_token(Some("Bearer access-mine-2"), &[])
            .is_ok()
    );

    let redemption = Redemption::new("mine", &scene.client).redirect_uri(REDIRECT_URI);
    assert_eq!(
        refused(codes.redeem(&redemption)),
        Some(CodeRefusal::Replayed)
    );
    assert!(
        validator
            .acquire_token(Some("Bearer access-mine-2"), &[])
            .is_err()
    );
    assert!(
        tokens
            .authenticate("refresh-mine-2", &scene.client)
            .is_err()
    );
    assert!(
        validator
            .acquire_token(Some("Bearer access-other"), &[])
            .is_ok()
    );

    // Tokens that come late find the grant revoked.
    codes.save("late", &request(&scene)).expect("is saved");
    let redemption = Redemption::new("late", &scene.client).redirect_uri(REDIRECT_URI);
    let code = codes.redeem(&redemption).expect("is redeemed");
    assert_eq!(
        refused(codes.redeem(&redemption)),
        Some(CodeRefusal::Replayed)
    );
    let before = F::count_tokens(&mut scene.conn());
    let grant = code.grant_id().expect("has a grant");
    assert!(
        tokens
            .issue(&token("late"), &scene.request(), grant)
            .is_err()
    );
    assert_eq!(F::count_tokens(&mut scene.conn()), before);
}

fn row_32_a_stranger_does_not_spend_the_code<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let codes = codes(&scene);
    codes.save("code", &request(&scene)).expect("is saved");
    let stranger = scene.another_client(2);
    let by_stranger = Redemption::new("code", &stranger).redirect_uri(REDIRECT_URI);
    assert_eq!(
        refused(codes.redeem(&by_stranger)),
        Some(CodeRefusal::WrongClient)
    );
    let redemption = Redemption::new("code", &scene.client);
    for other in ["https://a.example/cb/", "https://b.example/cb", ""] {
        let elsewhere = redemption.clone().redirect_uri(other);
        assert_eq!(
            refused(codes.redeem(&elsewhere)),
            Some(CodeRefusal::WrongRedirectUri)
        );
    }
    assert_eq!(
        refused(codes.redeem(&redemption)),
        Some(CodeRefusal::WrongRedirectUri)
    );
    let right = redemption.redirect_uri(REDIRECT_URI);
    assert_eq!(refused(codes.redeem(&right)), None);
    // Nor does a stranger's replay revoke anything: it is not the client's.
    assert_eq!(
        refused(codes.redeem(&by_stranger)),
        Some(CodeRefusal::WrongClient)
    );
}

fn row_33_pkce_is_verified_before_the_code_is_spent<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let codes = codes(&scene);
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let s256 = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    for (name, challenge, method) in [
        ("s256", s256.as_str(), "S256"),
        ("plain", verifier, "plain"),
    ] {
        codes
            .save(name, &request(&scene).code_challenge(challenge, method))
            .expect("is saved");
        let redemption = Redemption::new(name, &scene.client).redirect_uri(REDIRECT_URI);
        assert_eq!(
            refused(codes.redeem(&redemption)),
            Some(CodeRefusal::MissingVerifier)
        );
        let other = "x".repeat(43);
        for wrong in [other.as_str(), "short", s256.to_lowercase().as_str()] {
            let wrong = redemption.clone().code_verifier(wrong);
            assert_eq!(
                refused(codes.redeem(&wrong)),
                Some(CodeRefusal::WrongVerifier)
            );
        }
        assert_eq!(
            refused(codes.redeem(&redemption.code_verifier(verifier))),
            None
        );
    }
}

fn a_server_that_checks_by_itself_spends_the_code_first<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let codes = codes(&scene);
    let tokens =
        create_refresh_token_store::<F::Token, _>(scene.pool.clone()).clock(scene.clock.clone());
    let request =
        request(&scene).code_challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "S256");
    codes.save("code", &request).expect("is saved");
    let code = codes
        .redeem(&Redemption::unchecked("code"))
        .expect("is redeemed");
    assert_eq!(code.client_id(), F::client_id(1));
    assert_eq!(code.redirect_uri().as_deref(), Some(REDIRECT_URI));
    let grant = code.grant_id().expect("has a grant");
    tokens
        .issue(&token("a"), &scene.request(), grant)
        .expect("is issued");

    assert_eq!(
        refused(codes.redeem(&Redemption::unchecked("code"))),
        Some(CodeRefusal::Replayed)
    );
    assert!(tokens.authenticate("refresh-a", &scene.client).is_err());

    codes.save("old", &request).expect("is saved");
    scene.clock.set(NOW + 301);
    assert_eq!(
        refused(codes.redeem(&Redemption::unchecked("old"))),
        Some(CodeRefusal::Expired)
    );
}
