//! Access tokens of `oauth-as` at the core's validator and endpoints.

use diesel_oauth2::models::Client;
use diesel_oauth2::{
    OAuth2Token, TokenRequest, TokenResponse, create_bearer_token_validator, create_save_token_func,
};
use oauth_as::{ClientId, IssuedToken, Storage};
use serde_json::{Value, json};

use crate::flow::{VERIFIER, authorize, redemption, serve};
use crate::support::{TestDatabase, at, block_on, on_every_database, scopes};

on_every_database!(
    the_core_accepts_what_oauth_as_issued,
    what_is_more_than_a_bearer_token_is_not_found,
    the_core_issues_none,
);

fn the_core_accepts_what_oauth_as_issued<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let (server, issued) = block_on(async {
        let (server, _) = serve(&database, |_| {}).await;
        let code = authorize(&server).await;
        let issued = server.token(redemption(&code, VERIFIER)).await;
        (server, issued.expect("a token"))
    });
    let start = seconds(at(0));
    let acquire = |access_token: &str, now: i64, scope: &str| {
        let validator = create_bearer_token_validator::<D::BearerToken, _>(database.pool(1));
        let validator = validator.clock(move || now);
        let header = format!("Bearer {access_token}");
        validator.acquire_token(Some(&header), &[scope])
    };
    let token = acquire(&issued.access_token, start, "profile").expect("is valid");
    assert_eq!(token.user_id().cloned(), Some("user 7".to_owned()));
    assert_eq!(token.client_id(), "app");
    assert_eq!(token.scope(), "email profile");
    assert_eq!(token.issued_at(), Some(start));
    assert_eq!(token.expires_in(), Some(3600));
    assert!(acquire(&issued.access_token, start, "admin").is_err());
    assert!(acquire(&issued.access_token, start + 3600, "profile").is_ok());
    assert!(acquire(&issued.access_token, start + 3601, "profile").is_err());
    let refresh_token = issued.refresh_token.expect("a refresh token");
    assert!(acquire(&refresh_token, start, "profile").is_err());
    let app = ClientId::new("app");
    block_on(server.revoke(&app, None, &issued.access_token, None)).expect("is revoked");
    assert!(acquire(&issued.access_token, start, "profile").is_err());
}

fn seconds(time: std::time::SystemTime) -> i64 {
    let since = time
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    since.as_secs() as i64
}

fn what_is_more_than_a_bearer_token_is_not_found<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let token = IssuedToken::new(
        "token",
        ClientId::new("app"),
        None,
        scopes("profile"),
        at(0),
        at(3600),
    );
    let storage = database.storage();
    let now = seconds(at(1));
    let is_accepted = |member: &str, value: Value| {
        let mut token = serde_json::to_value(&token).expect("is JSON");
        token[member] = value;
        let token: IssuedToken = serde_json::from_value(token).expect("a token");
        let outcome = block_on(storage.put_token(token)).expect("no error");
        assert!(outcome.is_applied());
        create_bearer_token_validator::<D::BearerToken, _>(database.pool(1))
            .clock(move || now)
            .acquire_token(Some("Bearer token"), &[])
            .is_ok()
    };
    assert!(is_accepted("resource", json!([])));
    assert!(!is_accepted("resource", json!(["https://rs.example/"])));
    let thumbprint = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
    assert!(!is_accepted("x5t_s256", json!(thumbprint)));
    #[cfg(feature = "dpop")]
    assert!(!is_accepted("jkt", json!(thumbprint)));
    assert!(is_accepted("x5t_s256", Value::Null));
}

fn the_core_issues_none<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let save = create_save_token_func::<D::BearerToken, _>(database.pool(1));
    let response = TokenResponse::bearer("access");
    let client = Client {
        id: 1,
        user_id: None,
        client_id: "app".to_owned(),
        client_secret: None,
        client_id_issued_at: 0,
        client_secret_expires_at: 0,
        client_metadata: None,
        previous_client_secret: None,
        previous_client_secret_expires_at: 0,
    };
    assert!(save(&response, &TokenRequest::new(&client)).is_err());
    assert_eq!(
        database.number("SELECT COUNT(*) FROM oauth_as_access_token"),
        0
    );
}
