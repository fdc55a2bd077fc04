//! Clients are those of `oauth2_client`: registered through either crate, they work with both.

use std::sync::Arc;

use diesel_oauth2::registration::{Registration, create_client_registry};
use diesel_oauth2::types::Endpoint;
use diesel_oauth2::{
    ClientMetadata, EndpointRequest, OAuth2Client, create_client_authenticator,
    create_query_client_func,
};
use diesel_oauth2_oauth_as::{Argon2Verifier, hash_client_secret};
use oauth_as::client::{DynamicRegistration, SecretHash};
use oauth_as::{
    AuthorizationServer, Client, ClientAuth, ClientId, GrantType, ServerConfig, Storage,
    TokenRequest,
};
use serde_json::{Value, json};

use crate::support::{
    TestDatabase, at, block_on, on_every_database, public_client, scopes, window,
};

on_every_database!(
    a_client_of_the_core_gets_tokens,
    a_client_of_oauth_as_authenticates_at_the_core,
    every_way_to_authenticate_comes_back_as_it_was,
    an_update_keeps_what_oauth_as_does_not_know,
    an_expired_secret_is_refused,
    a_replaced_secret_ends_the_overlap_with_the_one_before,
    the_secret_before_is_accepted_during_its_overlap,
    an_update_keeps_the_overlap_and_the_end_of_the_secret,
    a_secret_that_the_core_replaced_ends_when_the_core_says,
    a_strange_id_is_unknown,
    deleting_a_client_deletes_what_the_core_issued_it,
);

fn get<S: Storage>(storage: &S, client_id: &str) -> Option<Arc<Client>> {
    let client_id = ClientId::new(client_id);
    block_on(storage.get_client(&client_id)).expect("no error")
}

fn a_client_of_the_core_gets_tokens<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let hash = diesel_oauth2::secret::hash_client_secret("s3cret").expect("hashes");
    let metadata = json!({
        "grant_types": ["client_credentials", "password"],
        "redirect_uris": ["https://service.example/cb"],
        "scope": "a b",
        "client_name": "Service",
        "token_endpoint_auth_method": "client_secret_post",
    });
    for (client_id, secret) in [("hashed", &*hash), ("plain", "s3cret")] {
        database.execute(&format!(
            "INSERT INTO oauth2_client (client_id, client_secret, client_metadata)
             VALUES ('{client_id}', '{secret}', '{metadata}')"
        ));
    }
    database.execute("INSERT INTO oauth2_client (client_id) VALUES ('bare')");

    let storage = database.storage();
    let client = get(&storage, "hashed").expect("is found");
    assert_eq!(client.grant_types, [GrantType::ClientCredentials]);
    assert_eq!(client.redirect_uris, ["https://service.example/cb"]);
    assert_eq!(client.allowed_scopes, scopes("a b"));
    assert_eq!(client.name.as_deref(), Some("Service"));
    assert!(client.auth.is_confidential());

    let config = ServerConfig::new("https://as.example", "https://as.example/device");
    let server =
        AuthorizationServer::new(config, storage).with_secret_verifier(Box::new(Argon2Verifier));
    let ask = |client_id: &str, secret: Option<&str>| {
        let request = TokenRequest::ClientCredentials {
            client_id: ClientId::new(client_id),
            client_secret: secret.map(str::to_owned),
            scope: Some(scopes("a")),
        };
        block_on(server.token(request)).map_err(|error| error.http_status())
    };
    for client_id in ["hashed", "plain"] {
        let issued = ask(client_id, Some("s3cret")).expect("a token");
        assert_eq!(issued.scope.as_deref(), Some("a"));
        assert!(ask(client_id, Some("other")).is_err());
        assert!(ask(client_id, Some(&hash)).is_err());
        assert!(ask(client_id, None).is_err());
    }
    // Without a secret it is confidential all the same, and nothing authenticates it.
    for secret in [None, Some(""), Some("none")] {
        assert_eq!(ask("bare", secret), Err(401));
    }
}

fn a_client_of_oauth_as_authenticates_at_the_core<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let storage = database.storage();
    let mut client = public_client("app");
    client.auth = ClientAuth::ConfidentialSecretHash {
        hash: hash_client_secret("s3cret").expect("hashes"),
    };
    block_on(async {
        storage.put_client(client).await.expect("is registered");
        let public = public_client("public");
        storage.put_client(public).await.expect("is registered");
        let mut assertion = public_client("sha256");
        assertion.auth = ClientAuth::ConfidentialSecretHash {
            hash: SecretHash::sha256("s3cret"),
        };
        storage.put_client(assertion).await.expect("is registered");
    });

    let query_client = create_query_client_func::<D::Client, _>(database.pool(1));
    let stored = query_client("app").expect("no error").expect("is found");
    assert!(stored.check_redirect_uri("https://app.example/cb"));
    assert!(stored.check_response_type("code"));
    assert!(stored.check_grant_type(&diesel_oauth2::types::GrantType::RefreshToken));
    assert_eq!(stored.get_allowed_scope("email admin"), "email");
    assert!(stored.check_client_secret("s3cret", 0));
    assert!(!stored.check_client_secret("other", 0));

    let authenticator = create_client_authenticator::<D::Client, _>(database.pool(1));
    let authenticate = |body: &str| {
        let request = EndpointRequest::new(None, body.as_bytes());
        authenticator
            .authenticate(&request, Endpoint::Revocation)
            .is_ok()
    };
    assert!(authenticate("client_id=app&client_secret=s3cret"));
    assert!(!authenticate("client_id=app&client_secret=other"));
    assert!(!authenticate("client_id=app"));
    assert!(authenticate("client_id=public"));
    // A hash that the core does not verify is not taken for the secret itself.
    let hash = SecretHash::sha256("s3cret");
    assert!(!authenticate(&format!(
        "client_id=sha256&client_secret={}",
        hash.encoded()
    )));
    assert!(!authenticate("client_id=sha256"));
}

fn every_way_to_authenticate_comes_back_as_it_was<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let storage = database.storage();
    let hash = |hash| ClientAuth::ConfidentialSecretHash { hash };
    let secret = |secret: &str| ClientAuth::ConfidentialSecret {
        secret: secret.to_owned(),
    };
    let ways = vec![
        ClientAuth::Public,
        secret("s3cret"),
        secret(""),
        secret("$argon2id$looks-like-a-hash"),
        secret(&"long".repeat(200)),
        hash(SecretHash::sha256("s3cret")),
        hash(hash_client_secret("s3cret").expect("hashes")),
        hash(SecretHash::custom("argon2", "no PHC string")),
        hash(SecretHash::custom("kms", "key/7")),
        #[cfg(feature = "client-assertion")]
        serde_json::from_value(json!({"ConfidentialAssertion": {"keys": {"ClientSecret": {
            "secret": "a secret of at least thirty-two bytes, for HMAC",
        }}}}))
        .expect("assertion keys"),
    ];
    let registration = |method: &str| {
        Some(Box::new(DynamicRegistration {
            registration_access_token_hash: SecretHash::sha256("management"),
            client_id_issued_at: Some(1_700_000_000),
            client_secret_expires_at: Some(0),
            token_endpoint_auth_method: method.to_owned(),
        }))
    };
    let registrations = [
        None,
        registration("none"),
        registration("client_secret_post"),
    ];
    for auth in ways {
        for registration in &registrations {
            for name in [
                None,
                Some(String::new()),
                Some("Ä \"quoted\" 🦀".to_owned()),
            ] {
                let mut client = public_client("app");
                client.auth = auth.clone();
                client.registration = registration.clone();
                client.name = name;
                block_on(storage.put_client(client.clone())).expect("is registered");
                assert_eq!(get(&storage, "app").as_deref(), Some(&client));
                let mut updated = client.clone();
                updated.redirect_uris.clear();
                updated.default_scopes = scopes("");
                let swapped = storage.compare_and_swap_client(&client, updated.clone());
                assert_eq!(block_on(swapped), Ok(true), "{client:?}");
                assert_eq!(get(&storage, "app").as_deref(), Some(&updated));
            }
        }
    }
}

fn an_update_keeps_what_oauth_as_does_not_know<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let metadata = json!({
        "grant_types": ["authorization_code", "password"],
        "response_types": ["code", "code id_token"],
        "token_endpoint_auth_method": "client_secret_post",
        "contacts": ["ops@app.example"],
        "x_tier": {"gold": true},
        "scope": "profile",
    });
    database.execute(&format!(
        "INSERT INTO oauth2_client (user_id, client_id, client_secret, client_id_issued_at, client_metadata)
         VALUES (7, 'app', 's3cret', 1700000000, '{metadata}')"
    ));
    let storage = database.storage();
    let before = get(&storage, "app").expect("is found");
    let mut after = Client::clone(&before);
    after.grant_types.push(GrantType::RefreshToken);
    after.name = Some("App".to_owned());
    let swap = |expected: &Client, updated: &Client| {
        block_on(storage.compare_and_swap_client(expected, updated.clone()))
    };
    assert_eq!(swap(&before, &after), Ok(true));
    assert_eq!(swap(&before, &after), Ok(false), "it has changed since");
    assert_eq!(get(&storage, "app").as_deref(), Some(&after));

    let mut conn = database.connect();
    let query = "SELECT client_metadata AS value FROM oauth2_client";
    let stored: Value = serde_json::from_str(&D::strings(&mut conn, query)[0]).expect("is JSON");
    assert_eq!(
        stored,
        json!({
            "grant_types": ["authorization_code", "refresh_token", "password"],
            "response_types": ["code", "code id_token"],
            "token_endpoint_auth_method": "client_secret_post",
            "contacts": ["ops@app.example"],
            "x_tier": {"gold": true},
            "scope": "profile",
            "client_name": "App",
        })
    );
    let kept = "SELECT COUNT(*) FROM oauth2_client
                WHERE user_id = 7 AND client_secret = 's3cret' AND client_id_issued_at = 1700000000";
    assert_eq!(database.number(kept), 1);
}

fn an_expired_secret_is_refused<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    for (client_id, expires_at) in [("old", 1), ("new", i64::from(u32::MAX)), ("endless", 0)] {
        database.execute(&format!(
            "INSERT INTO oauth2_client (client_id, client_secret, client_secret_expires_at)
             VALUES ('{client_id}', 's3cret', {expires_at})"
        ));
    }
    let storage = database.storage();
    for (client_id, is_valid) in [("old", false), ("new", true), ("endless", true)] {
        let client = get(&storage, client_id).expect("is found");
        assert_eq!(client.auth.verify(Some("s3cret")), is_valid, "{client_id}");
        assert!(!client.auth.verify(None));
    }
}

/// Registers the client `app` at the core and gives it another secret, with an overlap of an hour. The two secrets.
fn rotate_at_the_core<D: TestDatabase>(database: &D) -> [String; 2] {
    let registry = create_client_registry::<D::Client, _>(database.pool(1)).secret_lifetime(86_400);
    let registration = Registration::new(ClientMetadata {
        grant_types: vec!["client_credentials".to_owned()],
        scope: Some("a".to_owned()),
        ..Default::default()
    });
    let first = registry.register(&registration.client_id("app"));
    let first = first.expect("is registered").client_secret;
    let query_client = create_query_client_func::<D::Client, _>(database.pool(1));
    let client = query_client("app").expect("no error").expect("is found");
    let second = registry.rotate_secret(&client, 3600).expect("is replaced");
    [first, second.client_secret].map(|secret| secret.expect("a secret"))
}

/// Whether the core accepts these secrets of `app`.
fn accepted_by_the_core<D: TestDatabase>(database: &D, secrets: &[String; 2]) -> [bool; 2] {
    let query_client = create_query_client_func::<D::Client, _>(database.pool(1));
    let client = query_client("app").expect("no error").expect("is found");
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
    let now = i64::try_from(now.as_secs()).expect("a time");
    secrets
        .each_ref()
        .map(|secret| client.check_client_secret(secret, now))
}

/// Whether `oauth-as` issues `app` a token for these secrets.
fn accepted_by_oauth_as<D: TestDatabase>(database: &D, secrets: &[String; 2]) -> [bool; 2] {
    let config = ServerConfig::new("https://as.example", "https://as.example/device");
    let server = AuthorizationServer::new(config, database.storage())
        .with_secret_verifier(Box::new(Argon2Verifier));
    secrets.each_ref().map(|secret| {
        let request = TokenRequest::ClientCredentials {
            client_id: ClientId::new("app"),
            client_secret: Some(secret.clone()),
            scope: None,
        };
        block_on(server.token(request)).is_ok()
    })
}

fn a_replaced_secret_ends_the_overlap_with_the_one_before<D: TestDatabase>() {
    for put in [false, true] {
        let Some(database) = D::create_migrated() else {
            return;
        };
        let secrets = rotate_at_the_core(&database);
        assert_eq!(accepted_by_the_core(&database, &secrets), [true, true]);
        let storage = database.storage();
        let before = get(&storage, "app").expect("is found");
        let mut after = Client::clone(&before);
        after.auth = ClientAuth::ConfidentialSecretHash {
            hash: hash_client_secret("third").expect("hashes"),
        };
        if put {
            block_on(storage.put_client(after)).expect("is replaced");
        } else {
            let swapped = block_on(storage.compare_and_swap_client(&before, after));
            assert_eq!(swapped, Ok(true));
        }
        assert_eq!(accepted_by_the_core(&database, &secrets), [false, false]);
        assert_eq!(accepted_by_oauth_as(&database, &secrets), [false, false]);
        let third = ["third".to_owned(), String::new()];
        assert_eq!(accepted_by_the_core(&database, &third), [true, false]);
        assert_eq!(accepted_by_oauth_as(&database, &third), [true, false]);
    }
}

fn the_secret_before_is_accepted_during_its_overlap<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let secrets = rotate_at_the_core(&database);
    assert_eq!(accepted_by_oauth_as(&database, &secrets), [true, true]);
    let other = [
        "other".to_owned(),
        format!("{}\n{}", secrets[1], secrets[0]),
    ];
    assert_eq!(accepted_by_oauth_as(&database, &other), [false, false]);
    // A client that was registered by its plain secret.
    database.execute("UPDATE oauth2_client SET previous_client_secret = 'plain'");
    let plain = ["plain".to_owned(), secrets[1].clone()];
    assert_eq!(accepted_by_oauth_as(&database, &plain), [true, true]);
    database.execute("UPDATE oauth2_client SET previous_client_secret_expires_at = 1");
    assert_eq!(accepted_by_oauth_as(&database, &plain), [false, true]);
}

fn an_update_keeps_the_overlap_and_the_end_of_the_secret<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let secrets = rotate_at_the_core(&database);
    let storage = database.storage();
    let before = get(&storage, "app").expect("is found");
    let mut after = Client::clone(&before);
    after.name = Some("App".to_owned());
    let ends = "SELECT client_secret_expires_at FROM oauth2_client";
    let end = database.number(ends);
    assert_ne!(end, 0);
    let swapped = block_on(storage.compare_and_swap_client(&before, after));
    assert_eq!(swapped, Ok(true));
    assert_eq!(database.number(ends), end);
    assert_eq!(accepted_by_the_core(&database, &secrets), [true, true]);
    assert_eq!(accepted_by_oauth_as(&database, &secrets), [true, true]);
}

fn a_secret_that_the_core_replaced_ends_when_the_core_says<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let storage = database.storage();
    let mut client = public_client("app");
    client.grant_types = vec![GrantType::ClientCredentials];
    client.auth = ClientAuth::ConfidentialSecretHash {
        hash: hash_client_secret("first").expect("hashes"),
    };
    // It has ended.
    client.registration = Some(Box::new(DynamicRegistration {
        registration_access_token_hash: SecretHash::sha256("management"),
        client_id_issued_at: Some(1_700_000_000),
        client_secret_expires_at: Some(1_700_000_001),
        token_endpoint_auth_method: "client_secret_post".to_owned(),
    }));
    block_on(storage.put_client(client)).expect("is registered");
    let registry = create_client_registry::<D::Client, _>(database.pool(1));
    let query_client = create_query_client_func::<D::Client, _>(database.pool(1));
    let client = query_client("app").expect("no error").expect("is found");
    let second = registry.rotate_secret(&client, 3600).expect("is replaced");
    let secrets = ["first".to_owned(), second.client_secret.expect("a secret")];
    assert_eq!(accepted_by_the_core(&database, &secrets), [false, true]);
    assert_eq!(accepted_by_oauth_as(&database, &secrets), [false, true]);
}

fn a_strange_id_is_unknown<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let storage = database.storage();
    block_on(storage.put_client(public_client("app"))).expect("is registered");
    let long = "a".repeat(10_000);
    for client_id in [
        "",
        "APP",
        "app ",
        " app",
        "app\0",
        "ap\u{fffd}p",
        "../app",
        "🦀",
        "' OR ''='",
        &*long,
    ] {
        assert_eq!(get(&storage, client_id), None, "{client_id:?}");
    }
    #[cfg(feature = "consent")]
    block_on(async {
        let client_id = ClientId::new("app\0");
        assert_eq!(storage.get_consent("\0").await, Ok(None));
        assert_eq!(storage.find_consent(&client_id, "7\0").await, Ok(None));
        assert_eq!(storage.consents_for_subject("\0").await, Ok(Vec::new()));
        assert_eq!(storage.revoke_consent("\0", window(at(0))).await, Ok(0));
    });
}

fn deleting_a_client_deletes_what_the_core_issued_it<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let storage = database.storage();
    block_on(storage.put_client(public_client("app"))).expect("is registered");
    database.execute(
        "INSERT INTO oauth2_token (client_id, access_token, issued_at) VALUES ('app', 'sha256:x', 1)",
    );
    let app = ClientId::new("app");
    let deleted = || block_on(storage.delete_client(&app, window(at(0))));
    assert_eq!(deleted(), Ok(true));
    assert_eq!(deleted(), Ok(false));
    assert_eq!(database.number("SELECT COUNT(*) FROM oauth2_token"), 0);
}
