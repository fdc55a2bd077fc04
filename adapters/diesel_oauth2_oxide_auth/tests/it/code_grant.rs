//! The authorization code grant with PKCE, and a code's one use.

use diesel_oauth2::lifecycle::{
    CodeRefusal, CodeRequest, Redemption, create_authorization_code_store,
};
use diesel_oauth2::lookup::load_code;
use diesel_oauth2::{Failure, OAuth2AuthorizationCode, create_bearer_token_validator};
use diesel_oauth2_oxide_auth::{Error, NO_REDIRECT_URI};
use oxide_auth::frontends::simple::request::Status;
use oxide_auth::primitives::authorizer::Authorizer;

use crate::fixture::{Fixture, on_every_schema, public_client, register};
use crate::parts::{
    OnOxide, Parts, REDIRECT_URI, Settings, VERIFIER, bad_request, basic, both, challenge, error,
    forward, json, owner, redirected, set_up,
};
use crate::support::{TestDatabase, on_every_database};

on_every_schema!(
    a_public_client_gets_its_tokens_with_pkce,
    a_confidential_client_gets_its_tokens_without_pkce,
    a_wrong_verifier_gets_nothing_and_spends_the_code,
    a_second_use_revokes_what_the_first_one_got,
    strangers_and_latecomers_get_nothing,
    the_challenge_is_the_core_s_too,
    a_code_is_for_an_owner_and_a_redirect_uri,
);

on_every_database!(a_code_without_a_family_begins_one_with_its_tokens);

fn a_public_client_gets_its_tokens_with_pkce<F: OnOxide>() {
    let Some((scene, mut parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    parts.pkce = Some(true);
    let client_id = F::client_id(5);
    register::<F>(&scene.pool, &public_client::<F>(5));

    let without = [
        ("response_type", "code"),
        ("client_id", client_id.as_str()),
        ("redirect_uri", REDIRECT_URI),
    ];
    let response = parts.authorize(&without).expect("is answered");
    assert_eq!(redirected(&response, "error"), "invalid_request");

    let challenge = challenge();
    let query = [
        ("response_type", "code"),
        ("client_id", client_id.as_str()),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "profile email admin"),
        ("state", "xyz"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let response = parts.authorize(&query).expect("is answered");
    assert_eq!(redirected(&response, "state"), "xyz");
    let code = redirected(&response, "code");
    let row: F::Code = load_code(&mut *scene.conn(), &code)
        .expect("the look-up works")
        .expect("is stored");
    assert_ne!(row.stored_code(), code, "only its digest is stored");
    assert_eq!(row.code_challenge().as_deref(), Some(challenge.as_str()));
    assert_eq!(row.code_challenge_method().as_deref(), Some("S256"));
    assert_eq!(row.redirect_uri().as_deref(), Some(REDIRECT_URI));

    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT_URI),
        ("client_id", client_id.as_str()),
        ("code_verifier", VERIFIER),
    ];
    let response = parts.token(None, &form).expect("is answered");
    let (access, refresh) = both(&response);
    let answer = json(&response);
    assert_eq!(answer.token_type.as_deref(), Some("bearer"));
    let lifetime = answer.expires_in.expect("it expires");
    assert!((3_590..=3_600).contains(&lifetime), "{lifetime}");
    let mut scopes: Vec<&str> = answer.scope.iter().flat_map(|it| it.split(' ')).collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["email", "profile"], "admin is not the client's");

    let grant = parts.resource(&access, "profile").expect("is let in");
    assert_eq!(grant.owner_id, owner::<F>(1));
    assert_eq!(grant.client_id, client_id);
    assert_eq!(grant.redirect_uri.as_str(), NO_REDIRECT_URI);
    assert_eq!(grant.until.timestamp(), crate::parts::until(&scene, 3_600));
    let (status, challenge) = parts.resource(&access, "admin").expect_err("is refused");
    assert_eq!(status, Status::Unauthorized);
    assert!(challenge.contains("insufficient_scope"), "{challenge}");
    assert!(
        !parts.is_valid(&refresh),
        "a refresh token is no access token"
    );

    let validator =
        create_bearer_token_validator::<F::Token, _>(scene.pool.clone()).clock(scene.clock.clone());
    let header = format!("Bearer {access}");
    assert!(validator.acquire_token(Some(&header), &["profile"]).is_ok());
    let texts = F::stored_texts(&mut scene.conn());
    assert!(!texts.contains(&access) && !texts.contains(&refresh));

    forward(&scene.clock, 3_601);
    assert!(validator.acquire_token(Some(&header), &[]).is_err());
    assert_eq!(parts.failures.take(), []);
}

fn a_confidential_client_gets_its_tokens_without_pkce<F: OnOxide>() {
    let Some((_scene, mut parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    parts.pkce = None;
    let (access, _) = parts.tokens();
    assert!(parts.is_valid(&access));
    // The other way for a client to say its secret is off in oxide-auth unless asked for.
    let code = parts.code(&F::client_id(1));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT_URI),
        ("client_id", &F::client_id(1)),
        ("client_secret", "s3cret"),
    ];
    assert_eq!(
        error(parts.token(None, &form)),
        (Status::Unauthorized, "invalid_client".into())
    );
    // It never came to the code.
    let answer = parts.redeem(Some(&basic(&F::client_id(1))), &code);
    both(&answer.expect("is answered"));
}

fn a_wrong_verifier_gets_nothing_and_spends_the_code<F: OnOxide>() {
    let Some((scene, mut parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let auth = basic(&F::client_id(1));
    let other = "x".repeat(43);
    for verifier in [Some(other.as_str()), None] {
        let code = parts.code(&F::client_id(1));
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT_URI),
        ];
        form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
        assert_eq!(
            error(parts.token(Some(&auth), &form)),
            bad_request("invalid_request")
        );
        assert_eq!(parts.failures.take(), []);
        // Whoever guessed wrong has no second guess, and neither has the client.
        assert_eq!(
            error(parts.redeem(Some(&auth), &code)),
            bad_request("invalid_request")
        );
        assert_eq!(
            parts.failures.take(),
            [Error::CodeRefused(CodeRefusal::Replayed)]
        );
    }
    assert_eq!(F::count_tokens(&mut scene.conn()), 0);
}

fn a_second_use_revokes_what_the_first_one_got<F: OnOxide>() {
    let Some((scene, mut parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let auth = basic(&F::client_id(1));
    let (other, _) = parts.tokens();
    let code = parts.code(&F::client_id(1));
    let (first, refresh) = both(&parts.redeem(Some(&auth), &code).expect("is answered"));
    let (second, refresh) = both(&parts.exchange(&refresh).expect("is answered"));
    assert!(parts.is_valid(&second) && !parts.is_valid(&first));

    assert_eq!(
        error(parts.redeem(Some(&auth), &code)),
        bad_request("invalid_request")
    );
    assert!(!parts.is_valid(&second));
    assert_eq!(
        error(parts.exchange(&refresh)),
        bad_request("invalid_grant")
    );
    assert!(parts.is_valid(&other), "another code's tokens stay");

    // Another copy of the same server, which issued none of it, ends it all the same.
    let code = parts.code(&F::client_id(1));
    let (access, _) = both(&parts.redeem(Some(&auth), &code).expect("is answered"));
    let mut elsewhere = Parts::<F>::new(&scene, scene.pool.clone(), Settings::default());
    assert_eq!(
        error(elsewhere.redeem(Some(&auth), &code)),
        bad_request("invalid_request")
    );
    assert!(!parts.is_valid(&access));
}

fn strangers_and_latecomers_get_nothing<F: OnOxide>() {
    let Some((scene, mut parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    scene.another_client(2);
    let (mine, theirs) = (basic(&F::client_id(1)), basic(&F::client_id(2)));

    let code = parts.code(&F::client_id(1));
    assert_eq!(
        error(parts.redeem(Some(&theirs), &code)),
        bad_request("invalid_grant")
    );

    let code = parts.code(&F::client_id(1));
    let elsewhere = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", "https://b.example/cb"),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(
        error(parts.token(Some(&mine), &elsewhere)),
        bad_request("invalid_grant")
    );

    for unknown in ["unknown", "", "\u{e9}", "\0"] {
        let answer = parts.redeem(Some(&mine), unknown);
        assert_eq!(error(answer), bad_request("invalid_request"), "{unknown:?}");
    }
    let code = parts.code(&F::client_id(1));
    let swapped: String = code
        .chars()
        .map(|letter| match letter.is_ascii_lowercase() {
            true => letter.to_ascii_uppercase(),
            false => letter.to_ascii_lowercase(),
        })
        .collect();
    assert_eq!(
        error(parts.redeem(Some(&mine), &swapped)),
        bad_request("invalid_request")
    );

    parts.failures.take();
    forward(&scene.clock, 301);
    assert_eq!(
        error(parts.redeem(Some(&mine), &code)),
        bad_request("invalid_request")
    );
    assert_eq!(
        parts.failures.take(),
        [Error::CodeRefused(CodeRefusal::Expired)]
    );
    assert_eq!(F::count_tokens(&mut scene.conn()), 0);
}

fn the_challenge_is_the_core_s_too<F: OnOxide>() {
    let Some((scene, mut parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let codes = create_authorization_code_store::<F::Code, F::Token, _>(scene.pool.clone())
        .clock(scene.clock.clone());

    let code = parts.code(&F::client_id(1));
    let redemption = Redemption::new(&code, &scene.client).redirect_uri(REDIRECT_URI);
    let Err(Failure::Refused(refusal)) = codes.redeem(&redemption) else {
        panic!("the challenge is there");
    };
    assert_eq!(refusal, CodeRefusal::MissingVerifier);
    let with_verifier = redemption.code_verifier(VERIFIER);
    assert!(codes.redeem(&with_verifier).is_ok());

    let auth = basic(&F::client_id(1));
    for (name, challenge, method, is_right) in [
        ("s256", challenge(), "S256", true),
        ("plain", VERIFIER.to_owned(), "plain", true),
        ("wrong", challenge(), "plain", false),
    ] {
        let request = CodeRequest::new(&scene.client)
            .user(F::user(1))
            .redirect_uri(REDIRECT_URI)
            .scope("profile")
            .code_challenge(&challenge, method)
            .extra(F::extra());
        codes.save(name, &request).expect("is saved");
        let response = parts.redeem(Some(&auth), name).expect("is answered");
        assert_eq!(response.status == Status::Ok, is_right, "{name}");
    }

    let request = CodeRequest::new(&scene.client)
        .user(F::user(1))
        .redirect_uri(REDIRECT_URI)
        .code_challenge("x", "S512")
        .extra(F::extra());
    codes.save("unknown method", &request).expect("is saved");
    parts.failures.take();
    assert!(parts.redeem(Some(&auth), "unknown method").is_err());
    assert_eq!(
        parts.failures.take(),
        [Error::Unreadable {
            what: "code_challenge_method"
        }]
    );
}

fn a_code_is_for_an_owner_and_a_redirect_uri<F: OnOxide>() {
    let Some((scene, mut parts)) = set_up::<F>(Settings::default()) else {
        return;
    };
    let mut grant = oxide_auth::primitives::grant::Grant {
        owner_id: owner::<F>(1),
        client_id: F::client_id(1),
        scope: "profile".parse().expect("is a scope"),
        redirect_uri: REDIRECT_URI.parse().expect("is a URL"),
        until: chrono::Utc::now(),
        extensions: oxide_auth::primitives::grant::Extensions::new(),
    };
    let code = parts.authorizer.authorize(grant.clone()).expect("is saved");
    assert!(code.len() >= 22);
    let other = parts.authorizer.authorize(grant.clone()).expect("is saved");
    assert_ne!(code, other);

    // The store's lifetime counts, not the grant's.
    let extracted = parts.authorizer.extract(&code).expect("works");
    let extracted = extracted.expect("is there");
    assert_eq!(
        extracted.until.timestamp(),
        crate::parts::until(&scene, 300)
    );
    assert_eq!(extracted.owner_id, grant.owner_id);
    assert_eq!(extracted.client_id, grant.client_id);
    assert_eq!(extracted.scope, grant.scope);
    assert_eq!(extracted.redirect_uri, grant.redirect_uri);
    assert_eq!(extracted.extensions, grant.extensions);

    parts.failures.take();
    grant.redirect_uri = NO_REDIRECT_URI.parse().expect("is a URL");
    assert!(parts.authorizer.authorize(grant.clone()).is_err());
    assert_eq!(parts.failures.take(), [Error::NoRedirectUri]);

    grant.redirect_uri = REDIRECT_URI.parse().expect("is a URL");
    for other in ["", "nobody", "007"] {
        grant.owner_id = other.to_owned();
        assert!(parts.authorizer.authorize(grant.clone()).is_err());
        assert_eq!(parts.failures.take(), [Error::UnknownOwner], "{other:?}");
    }
}

/// As authlib writes them, and as they are when a table has just got its families.
fn a_code_without_a_family_begins_one_with_its_tokens<D>()
where
    D: TestDatabase,
    crate::fixture::Bundled<D>: OnOxide + Fixture<Conn = D::Conn>,
{
    let Some((scene, mut parts)) = set_up::<crate::fixture::Bundled<D>>(Settings::default()) else {
        return;
    };
    let client_id = crate::fixture::Bundled::<D>::client_id(1);
    let code = parts.code(&client_id);
    D::execute(&mut scene.conn(), "UPDATE oauth2_code SET grant_id = NULL");
    let auth = basic(&client_id);
    let (access, refresh) = both(&parts.redeem(Some(&auth), &code).expect("is answered"));
    assert!(parts.is_valid(&access));
    let (_, next) = both(&parts.exchange(&refresh).expect("is answered"));
    assert_eq!(
        error(parts.exchange(&refresh)),
        bad_request("invalid_grant")
    );
    assert_eq!(error(parts.exchange(&next)), bad_request("invalid_grant"));
}
