//! Nothing that was issued is readable in the database, and no error repeats a value.

use std::time::Duration;

use oauth_as::{AuthorizationCodeRecord, ServerConfig, Storage};

use crate::flow::{VERIFIER, ask, authorize, redemption, refreshing, serve};
use crate::support::{TestDatabase, at, block_on, on_every_database, public_client};

on_every_database!(
    no_secret_is_stored_as_it_is,
    user_codes_need_the_key,
    no_error_repeats_a_value,
);

fn no_secret_is_stored_as_it_is<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let mut secrets = block_on(async {
        let configure = |config: &mut ServerConfig| {
            // So that the answers of rotations are stored too.
            config.refresh_retry_window = Duration::from_secs(30);
        };
        let (server, _) = serve(&database, configure).await;
        let unredeemed = authorize(&server).await;
        // Redeemed, it is kept with the tokens that it became.
        let code = authorize(&server).await;
        let first = server.token(redemption(&code, VERIFIER)).await;
        let first = first.expect("a token");
        let second = server.token(refreshing(&first)).await.expect("rotates");
        let again = server.token(refreshing(&first)).await.expect("the same");
        assert_eq!(again.access_token, second.access_token, "it was stored");
        let asked = ask(&server).await;
        let waiting = ask(&server).await;
        server
            .approve_device(&asked.user_code, "user 7")
            .await
            .expect("is approved");
        let mut secrets = vec![unredeemed, code, first.access_token, second.access_token];
        secrets.extend(first.refresh_token);
        secrets.extend(second.refresh_token);
        for device in [asked, waiting] {
            secrets.push(device.user_code.replace('-', ""));
            secrets.push(device.user_code);
            secrets.push(device.device_code);
        }
        #[cfg(feature = "par")]
        secrets.extend(push(server.store()).await);
        secrets
    });
    secrets.push(VERIFIER.to_owned());

    let mut conn = database.connect();
    let mut stored = Vec::new();
    for (table, row) in D::tables(&mut conn) {
        stored.extend(D::strings(
            &mut conn,
            &format!("SELECT {row} AS value FROM {table}"),
        ));
    }
    assert!(stored.len() > 10, "{} rows were read", stored.len());
    assert!(
        stored.iter().any(|row| row.contains("user 7")),
        "what is no secret is found"
    );
    for secret in &secrets {
        assert!(secret.len() >= 8, "a secret");
        let row = stored.iter().find(|row| row.contains(secret.as_str()));
        assert_eq!(row, None, "{secret}");
    }
    for bytes in database.files() {
        for secret in &secrets {
            let mut windows = bytes.windows(secret.len());
            let is_there = windows.any(|window| window == secret.as_bytes());
            assert!(!is_there, "{secret} is in a file of the database");
        }
    }
}

#[cfg(feature = "par")]
async fn push(storage: &impl Storage) -> Vec<String> {
    let request = serde_json::json!({
        "request_uri": "urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c",
        "client_id": "app",
        "state": "af0ifjsldkj-csrf",
        "resource": [],
        "pushed_at": at(0),
        "expires_at": at(60),
    });
    let request = serde_json::from_value(request).expect("a pushed request");
    let pushed = storage.put_pushed_authorization_request(request).await;
    assert!(pushed.expect("no error").is_applied());
    vec![
        "6esc_11ACC5bwc014ltc14eY22c".to_owned(),
        "af0ifjsldkj-csrf".to_owned(),
    ]
}

fn user_codes_need_the_key<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    block_on(async {
        let (server, _) = serve(&database, |_| {}).await;
        let plain = ask(&server).await;
        let keyed = database.storage().user_code_key(*b"0123456789abcdef");
        let grant = server
            .store()
            .get_device_grant(&plain.device_code)
            .await
            .expect("no error")
            .expect("is found");
        let normalized = plain.user_code.replace('-', "");
        let found = keyed.find_device_grant_by_user_code(&normalized).await;
        assert_eq!(found, Ok(None));
        keyed
            .put_device_grant(grant.clone())
            .await
            .expect("is stored");
        let found = keyed.find_device_grant_by_user_code(&normalized).await;
        assert_eq!(found, Ok(Some(grant.clone())));
        let found = server.store().find_device_grant_by_user_code(&normalized);
        assert_eq!(found.await, Ok(None));
        let by_device_code = server.store().get_device_grant(&plain.device_code).await;
        assert_eq!(by_device_code, Ok(Some(grant)));
    });
}

fn no_error_repeats_a_value<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    block_on(async {
        let (server, _) = serve(&database, |_| {}).await;
        let storage = server.store();
        let one = ask(&server).await;
        let mut grant = storage
            .get_device_grant(&one.device_code)
            .await
            .expect("no error")
            .expect("is found");
        grant.device_code = "another-device".to_owned();
        let taken = storage.put_device_grant(grant).await.expect_err("is taken");

        let mut client = public_client(&"long-client-id".repeat(10));
        client.name = Some("a-client's-name".to_owned());
        let too_long = storage.put_client(client).await.expect_err("too long");

        let code = AuthorizationCodeRecord::new(
            "s3cret-code",
            oauth_as::ClientId::new("app"),
            "https://app.example/cb",
            oauth_as::ScopeSet::empty(),
            "long-subject".repeat(30),
            "challenge",
            at(60),
        );
        let subject = storage
            .put_authorization_code(code)
            .await
            .expect_err("too long");

        for (error, part) in [
            (&taken, "exists already"),
            (&too_long, "client_id"),
            (&subject, "subject"),
        ] {
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(part), "{shown}");
            for value in [
                "another-device",
                &*one.user_code,
                "long-client-id",
                "a-client's-name",
                "s3cret-code",
                "long-subject",
            ] {
                assert!(!shown.contains(value), "{shown}");
            }
        }
        let debug = format!("{storage:?}");
        assert!(debug.starts_with("DieselStorage"), "{debug}");
        assert!(
            !debug.contains("postgres") && !debug.contains("sqlite"),
            "{debug}"
        );
    });
}
