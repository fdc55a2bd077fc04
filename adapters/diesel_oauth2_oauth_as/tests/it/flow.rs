//! The grants of `oauth-as`'s own server, from request to token, on the storage.

use std::time::Duration;

use oauth_as::pkce::code_challenge_s256;
use oauth_as::server::UserApproval;
use oauth_as::{
    AuthorizationRequest, AuthorizationServer, ClientId, DeviceAuthorizationResponse, ErrorCode,
    ServerConfig, Storage, TokenRequest, TokenResponse,
};

use crate::support::{
    DatabaseStorage, TestClock, TestDatabase, at, block_on, on_every_database, public_client,
};

on_every_database!(
    a_code_is_redeemed_once_and_its_replay_revokes_what_it_became,
    a_refresh_token_rotates_and_its_reuse_revokes_the_family,
    a_lost_answer_is_given_again_within_the_window,
    a_device_is_approved_by_its_user_and_redeems_once,
    a_device_is_denied,
    a_revoked_token_is_inactive,
    an_expired_record_is_swept,
    two_sweeps_at_once_share_the_work,
);

pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

pub type Server<S> = AuthorizationServer<S, TestClock>;

/// A server with the client `app`.
pub async fn serve<D: TestDatabase>(
    database: &D,
    configure: impl FnOnce(&mut ServerConfig),
) -> (Server<DatabaseStorage<D>>, TestClock) {
    let clock = TestClock::new();
    let mut config = ServerConfig::new("https://as.example", "https://as.example/device");
    configure(&mut config);
    let server = AuthorizationServer::with_clock(config, database.storage(), clock.clone());
    let registered = server.register_client(public_client("app")).await;
    registered.expect("the client is registered");
    (server, clock)
}

/// The code that user 7 gives to `app`.
pub async fn authorize<S: Storage>(server: &Server<S>) -> String {
    let request = AuthorizationRequest::from_pairs([
        ("response_type", "code".to_owned()),
        ("client_id", "app".to_owned()),
        ("redirect_uri", "https://app.example/cb".to_owned()),
        ("scope", "profile email".to_owned()),
        ("code_challenge", code_challenge_s256(VERIFIER)),
        ("code_challenge_method", "S256".to_owned()),
    ]);
    let request = server.validate_authorization_request(&request).await;
    let request = request.expect("the request is valid");
    let approval = UserApproval::granted(&request, "user 7");
    let response = server.issue_authorization_code(approval).await;
    response.expect("a code").code
}

/// A device that waits for its user.
pub async fn ask<S: Storage>(server: &Server<S>) -> DeviceAuthorizationResponse {
    let client_id = ClientId::new("app");
    let asked = server.device_authorization(&client_id, None, None).await;
    asked.expect("a device code")
}

pub fn redemption(code: &str, verifier: &str) -> TokenRequest {
    TokenRequest::AuthorizationCode {
        client_id: ClientId::new("app"),
        client_secret: None,
        code: code.to_owned(),
        redirect_uri: Some("https://app.example/cb".to_owned()),
        code_verifier: Some(verifier.to_owned()),
    }
}

pub fn refreshing(response: &TokenResponse) -> TokenRequest {
    TokenRequest::RefreshToken {
        client_id: ClientId::new("app"),
        client_secret: None,
        refresh_token: response.refresh_token.clone().expect("a refresh token"),
        scope: None,
    }
}

fn poll(device_code: &str) -> TokenRequest {
    TokenRequest::DeviceCode {
        client_id: ClientId::new("app"),
        client_secret: None,
        device_code: device_code.to_owned(),
    }
}

async fn token<S: Storage>(
    server: &Server<S>,
    request: TokenRequest,
) -> Result<TokenResponse, ErrorCode> {
    server.token(request).await.map_err(|error| error.error)
}

async fn is_active<S: Storage>(server: &Server<S>, access_token: &str) -> bool {
    let introspected = server.introspect(access_token).await;
    introspected.expect("no error").is_some()
}

fn a_code_is_redeemed_once_and_its_replay_revokes_what_it_became<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    block_on(async {
        let (server, _) = serve(&database, |_| {}).await;
        let code = authorize(&server).await;
        let wrong = redemption(&code, &"x".repeat(43));
        assert_eq!(token(&server, wrong).await, Err(ErrorCode::InvalidGrant));
        let issued = token(&server, redemption(&code, VERIFIER)).await;
        let issued = issued.expect("the stranger did not spend it");
        let introspected = server.introspect(&issued.access_token).await;
        let introspected = introspected.expect("no error").expect("is active");
        assert_eq!(introspected.subject.as_deref(), Some("user 7"));
        assert_eq!(introspected.scope.to_string(), "email profile");

        let replay = token(&server, redemption(&code, VERIFIER)).await;
        assert_eq!(replay, Err(ErrorCode::InvalidGrant));
        assert!(!is_active(&server, &issued.access_token).await);
        let refreshed = token(&server, refreshing(&issued)).await;
        assert_eq!(refreshed, Err(ErrorCode::InvalidGrant));
    });
}

fn a_refresh_token_rotates_and_its_reuse_revokes_the_family<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    block_on(async {
        let (server, clock) = serve(&database, |_| {}).await;
        let code = authorize(&server).await;
        let other = authorize(&server).await;
        let first = token(&server, redemption(&code, VERIFIER))
            .await
            .expect("a token");
        let other = token(&server, redemption(&other, VERIFIER))
            .await
            .expect("a token");
        clock.advance(60);
        let second = token(&server, refreshing(&first)).await.expect("rotates");
        let third = token(&server, refreshing(&second)).await.expect("rotates");
        assert!(is_active(&server, &first.access_token).await);
        assert!(is_active(&server, &third.access_token).await);

        let reused = token(&server, refreshing(&first)).await;
        assert_eq!(reused, Err(ErrorCode::InvalidGrant));
        for response in [&first, &second, &third] {
            assert!(!is_active(&server, &response.access_token).await);
            let refreshed = token(&server, refreshing(response)).await;
            assert_eq!(refreshed, Err(ErrorCode::InvalidGrant));
        }
        assert!(
            is_active(&server, &other.access_token).await,
            "another family lives"
        );
        token(&server, refreshing(&other)).await.expect("rotates");
    });
}

fn a_lost_answer_is_given_again_within_the_window<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    block_on(async {
        let configure = |config: &mut ServerConfig| {
            config.refresh_retry_window = Duration::from_secs(30);
        };
        let (server, clock) = serve(&database, configure).await;
        let code = authorize(&server).await;
        let first = token(&server, redemption(&code, VERIFIER))
            .await
            .expect("a token");
        let second = token(&server, refreshing(&first)).await.expect("rotates");
        clock.advance(20);
        let again = token(&server, refreshing(&first)).await.expect("the same");
        assert_eq!(again.access_token, second.access_token);
        assert_eq!(again.refresh_token, second.refresh_token);
        clock.advance(20);
        let third = token(&server, refreshing(&second)).await.expect("rotates");
        clock.advance(60);
        let late = token(&server, refreshing(&second)).await;
        assert_eq!(late, Err(ErrorCode::InvalidGrant), "that is reuse");
        assert!(!is_active(&server, &third.access_token).await);
    });
}

fn a_device_is_approved_by_its_user_and_redeems_once<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    block_on(async {
        let (server, clock) = serve(&database, |_| {}).await;
        let asked = ask(&server).await;
        let poll = || token(&server, poll(&asked.device_code));
        assert_eq!(poll().await, Err(ErrorCode::AuthorizationPending));
        assert_eq!(poll().await, Err(ErrorCode::SlowDown), "no time has passed");
        let typed = asked.user_code.replace('-', " ").to_lowercase();
        let approved = server.approve_device(&typed, "user 7").await;
        approved.expect("is approved");
        assert!(
            server.deny_device(&typed).await.is_err(),
            "the first decision stands"
        );
        clock.advance(60);
        let issued = poll().await.expect("a token");
        assert_eq!(issued.scope.as_deref(), Some("profile"));
        assert!(is_active(&server, &issued.access_token).await);
        clock.advance(60);
        assert_eq!(poll().await, Err(ErrorCode::InvalidGrant));
        token(&server, refreshing(&issued)).await.expect("rotates");
    });
}

fn a_device_is_denied<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    block_on(async {
        let (server, clock) = serve(&database, |_| {}).await;
        let asked = ask(&server).await;
        server
            .deny_device(&asked.user_code)
            .await
            .expect("is denied");
        clock.advance(60);
        let polled = token(&server, poll(&asked.device_code)).await;
        assert_eq!(polled, Err(ErrorCode::AccessDenied));
    });
}

fn a_revoked_token_is_inactive<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    block_on(async {
        let (server, _) = serve(&database, |_| {}).await;
        let code = authorize(&server).await;
        let issued = token(&server, redemption(&code, VERIFIER))
            .await
            .expect("a token");
        let refresh_token = issued.refresh_token.clone().expect("a refresh token");
        let app = ClientId::new("app");
        let revoked = server.revoke(&app, None, &refresh_token, None).await;
        revoked.expect("is revoked");
        assert!(!is_active(&server, &issued.access_token).await);
        let refreshed = token(&server, refreshing(&issued)).await;
        assert_eq!(refreshed, Err(ErrorCode::InvalidGrant));
    });
}

fn an_expired_record_is_swept<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    block_on(async {
        let (server, clock) = serve(&database, |_| {}).await;
        let code = authorize(&server).await;
        token(&server, redemption(&code, VERIFIER))
            .await
            .expect("a token");
        ask(&server).await;
        let now = || oauth_as::Clock::now(&clock);
        assert_eq!(server.store().sweep_expired(now()).await, Ok(0));
        clock.advance(10 * 365 * 86_400);
        let swept = server.store().sweep_expired(now()).await;
        // The code, the grant and the access token; the refresh token where it expires.
        assert!((3..=4).contains(&swept.expect("is swept")));
        assert_eq!(database.number("SELECT COUNT(*) FROM oauth_as_code"), 0);
        assert_eq!(
            database.number("SELECT COUNT(*) FROM oauth_as_device_grant"),
            0
        );
        assert_eq!(
            database.number("SELECT COUNT(*) FROM oauth_as_access_token"),
            0
        );
    });
}

fn two_sweeps_at_once_share_the_work<D: TestDatabase>() {
    const DEAD: usize = 1201;

    let Some(database) = D::create_migrated() else {
        return;
    };
    let row = |number: usize| {
        // All at once, in more than one batch; what lives is among them.
        let expires_at = if number % 401 == 0 { i64::MAX } else { 1 };
        format!("('{number}', 0, {expires_at})")
    };
    let rows: Vec<String> = (1..=DEAD + 3).map(row).collect();
    database.execute(&format!(
        "INSERT INTO oauth_as_barrier (scope, recorded_at, expires_at) VALUES {}",
        rows.join(", ")
    ));
    let storage = database.storage();
    let swept = block_on(async {
        let sweep = || {
            let storage = storage.clone();
            tokio::spawn(async move { storage.sweep_expired(at(0)).await.expect("sweeps") })
        };
        let (one, other) = (sweep(), sweep());
        one.await.expect("no panic") + other.await.expect("no panic")
    });
    assert_eq!(swept, DEAD as u64);
    assert_eq!(database.number("SELECT COUNT(*) FROM oauth_as_barrier"), 3);
}
