//! A primary and its streaming replica, two real PostgreSQL servers: look-ups are the replica's, decisions the primary's.
//! What that means while the replica lags behind (its replay is paused), when it has caught up, and while one of them is gone.

use std::time::Duration;

use diesel::prelude::*;
use diesel_oauth2::ClientMetadata;
use diesel_oauth2::models::{AuthorizationCode, Client, DeviceCode, Token};

use super::api::endpoint::EndpointRequest;
use super::api::lifecycle::{
    CodeRefusal, CodeRequest, DeviceRequest, Redemption, RefreshRefusal,
    create_authorization_code_store, create_device_code_store, create_grant_revocation,
    create_refresh_token_store,
};
use super::api::replicated::{Both, One, both, one};
use super::api::types::Endpoint;
use super::api::{
    Error, Failure, OAuth2Token, TokenRequest, create_bearer_token_validator,
    create_client_authenticator, create_introspection_endpoint, create_query_client_func,
    create_query_token_func, create_revocation_endpoint, create_save_token_func,
};
use crate::fixture::token;
use crate::support::replicated::{Asked, On, Replicated, pair};

const HOUR: Duration = Duration::from_secs(3_600);
const CLIENT: &str = "Client-1";

const BY_STANDBY: Asked = Asked {
    primary: 0,
    standby: 1,
};
const BY_PRIMARY: Asked = Asked {
    primary: 1,
    standby: 0,
};
const BY_BOTH: Asked = Asked {
    primary: 1,
    standby: 1,
};

/// One client on both servers, and their pools.
struct Scene<'p> {
    servers: Replicated<'p>,
    pool: Both,
    primary: One,
    client: Client,
}

impl<'p> Scene<'p> {
    fn new(servers: Replicated<'p>) -> Self {
        let (primary, standby) = (servers.url(On::Primary), servers.url(On::Standby));
        let mut conn = PgConnection::establish(&primary).expect("connects");
        insert_client(&mut conn, CLIENT);
        servers.resume();
        let primary_pool = one(&primary);
        let query_client = create_query_client_func::<Client, _>(primary_pool.clone());
        let client = query_client(CLIENT).expect("works").expect("is there");
        Self {
            pool: both(&primary, &standby, Duration::ZERO),
            primary: primary_pool,
            client,
            servers,
        }
    }

    fn save(&self, name: &str) {
        let save_token = create_save_token_func::<Token, _>(self.pool.clone());
        save_token(&token(name), &self.request()).expect("is saved");
    }

    fn request(&self) -> TokenRequest<'_, i64> {
        TokenRequest::new(&self.client).user(1)
    }

    /// Whether the validator on both accepts this access token.
    fn is_valid(&self, name: &str) -> bool {
        is_accepted(
            create_bearer_token_validator::<Token, _>(self.pool.clone())
                .acquire_token(Some(&format!("Bearer access-{name}")), &[]),
        )
    }

    /// Whether the validator on the primary alone accepts it.
    fn is_valid_on_primary(&self, name: &str) -> bool {
        is_accepted(
            create_bearer_token_validator::<Token, _>(self.primary.clone())
                .acquire_token(Some(&format!("Bearer access-{name}")), &[]),
        )
    }

    fn revoke(&self, token: &str) {
        let endpoint = create_revocation_endpoint::<Token, _>(self.pool.clone());
        let form = format!("token={token}");
        let request = EndpointRequest::new(None, form.as_bytes());
        let answer = endpoint.create_endpoint_response_for(&request, &self.client);
        assert_eq!(answer.expect("works").status, 200);
    }

    fn introspect(&self, token: &str) -> bool {
        let endpoint = create_introspection_endpoint::<Token, _>(self.pool.clone());
        let form = format!("token={token}");
        let request = EndpointRequest::new(None, form.as_bytes());
        let answer = endpoint.create_endpoint_response_for(&request, &self.client);
        let answer = answer.expect("works");
        answer.body.contains(r#""active":true"#)
    }
}

fn is_accepted<M>(answer: Result<M, Failure<super::api::BearerChallenge>>) -> bool {
    match answer {
        Ok(_) => true,
        Err(Failure::Refused(_)) => false,
        Err(Failure::Storage(error)) => panic!("{error}"),
    }
}

fn insert_client(conn: &mut PgConnection, name: &str) {
    use diesel_oauth2::schema::oauth2_client::dsl::*;

    let metadata = ClientMetadata {
        redirect_uris: vec!["https://a.example/cb".into()],
        grant_types: vec!["authorization_code".into(), "refresh_token".into()],
        scope: Some("profile email".into()),
        token_endpoint_auth_method: Some("client_secret_post".into()),
        ..Default::default()
    };
    let row = (
        client_id.eq(name),
        client_secret.eq("s3cret"),
        client_metadata.eq(metadata),
    );
    let inserted = diesel::insert_into(oauth2_client).values(row).execute(conn);
    inserted.expect("the client is stored");
}

#[test]
fn row_44_a_replica_that_has_caught_up_answers_look_ups_alone() {
    let Some(pair) = pair() else { return };
    let scene = Scene::new(Replicated::create(&pair));
    let servers = &scene.servers;
    scene.save("a");
    servers.resume();

    let query_token = create_query_token_func::<Token, _>(scene.pool.clone());
    let query_client = create_query_client_func::<Client, _>(scene.pool.clone());
    assert_eq!(servers.asked(|| scene.is_valid("a")), (true, BY_STANDBY));
    let (found, asked) = servers.asked(|| query_token("refresh-a", None).expect("works"));
    assert!(found.is_some());
    assert_eq!(asked, BY_STANDBY);
    let (found, asked) = servers.asked(|| query_client(CLIENT).expect("works"));
    assert!(found.is_some());
    assert_eq!(asked, BY_STANDBY);

    // What is nowhere costs both a statement.
    assert_eq!(servers.asked(|| scene.is_valid("b")), (false, BY_BOTH));

    scene.revoke("access-a");
    servers.resume();
    assert_eq!(servers.asked(|| scene.is_valid("a")), (false, BY_STANDBY));
}

#[test]
fn row_44_what_was_just_stored_is_found_though_the_replica_lags_behind() {
    let Some(pair) = pair() else { return };
    let scene = Scene::new(Replicated::create(&pair));
    let servers = &scene.servers;
    scene.save("before");
    servers.resume();
    servers.pause();

    scene.save("now");
    assert_eq!(servers.asked(|| scene.is_valid("now")), (true, BY_BOTH));
    assert_eq!(
        servers.asked(|| scene.is_valid("before")),
        (true, BY_STANDBY)
    );
    let query_token = create_query_token_func::<Token, _>(scene.pool.clone());
    let (found, asked) = servers.asked(|| query_token("refresh-now", None).expect("works"));
    assert!(found.is_some());
    assert_eq!(asked, BY_BOTH);

    let mut conn = PgConnection::establish(&servers.url(On::Primary)).expect("connects");
    insert_client(&mut conn, "Client-2");
    let query_client = create_query_client_func::<Client, _>(scene.pool.clone());
    let (found, asked) = servers.asked(|| query_client("Client-2").expect("works"));
    assert!(found.is_some());
    assert_eq!(asked, BY_BOTH);

    servers.resume();
    assert_eq!(servers.asked(|| scene.is_valid("now")), (true, BY_STANDBY));
}

#[test]
fn row_44_decisions_are_the_primary_s_though_the_replica_lags_behind() {
    use diesel_oauth2::schema::oauth2_client::dsl;

    let Some(pair) = pair() else { return };
    let scene = Scene::new(Replicated::create(&pair));
    let servers = &scene.servers;
    let (pool, client) = (&scene.pool, &scene.client);
    let tokens = create_refresh_token_store::<Token, _>(pool.clone()).grace(0);
    let codes = create_authorization_code_store::<AuthorizationCode, Token, _>(pool.clone());
    let devices = create_device_code_store::<DeviceCode, Token, _>(pool.clone());
    for name in ["revoked", "rotated", "family"] {
        let grant = tokens.start(client, Some(&1)).expect("is started");
        let issued = tokens.issue(&token(name), &scene.request(), &grant);
        issued.expect("is issued");
    }
    codes
        .save(
            "spent",
            &CodeRequest::new(client)
                .user(1)
                .redirect_uri("https://a.example/cb"),
        )
        .expect("is saved");
    servers.resume();
    servers.pause();

    let ((), asked) = servers.asked(|| {
        // A revoked token is none any more.
        assert!(scene.introspect("access-revoked"));
        scene.revoke("refresh-revoked");
        assert!(!scene.introspect("access-revoked"));
        assert!(!scene.introspect("refresh-revoked"));
        let refused = tokens.authenticate("refresh-revoked", client);
        assert!(matches!(refused, Err(Failure::Refused(_))));

        // A refresh token is exchanged once.
        let old = tokens
            .authenticate("refresh-rotated", client)
            .expect("is valid");
        let rotated = tokens.rotate(&old, &token("next"), &scene.request());
        rotated.expect("is rotated");
        let next = tokens
            .authenticate("refresh-next", client)
            .expect("is valid");
        let again = tokens.rotate(&old, &token("twice"), &scene.request());
        assert!(matches!(again, Err(Failure::Refused(_))), "{again:?}");
        let reused = tokens.authenticate("refresh-rotated", client);
        assert!(matches!(
            reused,
            Err(Failure::Refused(RefreshRefusal::Reused))
        ));
        let ended = tokens.rotate(&next, &token("after"), &scene.request());
        assert!(matches!(ended, Err(Failure::Refused(_))), "{ended:?}");

        // A code is redeemed once.
        let redemption = Redemption::new("spent", client).redirect_uri("https://a.example/cb");
        codes.redeem(&redemption).expect("is redeemed");
        let replayed = codes.redeem(&redemption).map(|_| ());
        assert!(matches!(
            replayed,
            Err(Failure::Refused(CodeRefusal::Replayed))
        ));

        // A device is approved, and its code redeemed once.
        let issued = devices.start(&DeviceRequest::new(client), "https://a.example/device");
        let issued = issued.expect("is issued");
        devices.approve(&issued.user_code, &1).expect("is approved");
        let redeemed = devices.redeem(&issued.device_code, client);
        redeemed.expect("is redeemed");
        let again = devices.redeem(&issued.device_code, client);
        assert!(matches!(again, Err(Failure::Refused(_))));

        // 'Log out everywhere'.
        let revocation = create_grant_revocation::<Token, _>(pool.clone());
        revocation.revoke_by_user(&1).expect("works");
        assert!(!scene.introspect("access-family"));

        // A secret that was replaced is none any more, and the new one is one.
        let mut conn = PgConnection::establish(&servers.url(On::Primary)).expect("connects");
        let replaced = diesel::update(dsl::oauth2_client).set(dsl::client_secret.eq("n3w"));
        replaced.execute(&mut conn).expect("is replaced");
        let authenticator = create_client_authenticator::<Client, _>(pool.clone());
        for (secret, is_authentic) in [("s3cret", false), ("n3w", true)] {
            let form = format!("client_id={CLIENT}&client_secret={secret}");
            let request = EndpointRequest::new(None, form.as_bytes());
            let answer = authenticator.authenticate(&request, Endpoint::Token);
            assert_eq!(answer.is_ok(), is_authentic, "{secret}");
        }
    });
    assert_eq!(asked.standby, 0, "{asked:?}");
    assert!(asked.primary > 20, "{asked:?}");
}

#[test]
fn row_44_the_validator_is_as_stale_as_the_replica_and_not_on_the_primary() {
    let Some(pair) = pair() else { return };
    let scene = Scene::new(Replicated::create(&pair));
    let servers = &scene.servers;
    scene.save("a");
    servers.resume();
    servers.pause();

    scene.revoke("access-a");
    assert_eq!(servers.asked(|| scene.is_valid("a")), (true, BY_STANDBY));
    assert_eq!(
        servers.asked(|| scene.is_valid_on_primary("a")),
        (false, BY_PRIMARY)
    );
    // Expiry needs no replay: it stands in the row.
    let later = create_bearer_token_validator::<Token, _>(scene.pool.clone())
        .clock(|| diesel_oauth2::clock::Clock::now(&diesel_oauth2::clock::SystemClock) + 3_602);
    assert!(!is_accepted(
        later.acquire_token(Some("Bearer access-a"), &[])
    ));
    let query_token = create_query_token_func::<Token, _>(scene.pool.clone());
    let row = query_token("access-a", None).expect("works");
    assert!(
        !row.expect("is there").is_revoked(),
        "as the replica has it"
    );

    servers.resume();
    assert!(!scene.is_valid("a"));
}

#[cfg(feature = "cache")]
#[test]
fn row_44_a_cache_over_a_replica_is_as_stale_as_both_together() {
    let Some(pair) = pair() else { return };
    let scene = Scene::new(Replicated::create(&pair));
    let servers = &scene.servers;
    scene.save("a");
    servers.resume();
    servers.pause();

    let clock = crate::fixture::ManualClock::default();
    let start = diesel_oauth2::clock::Clock::now(&diesel_oauth2::clock::SystemClock);
    clock.set(start);
    let cache = diesel_oauth2::cache::TokenCache::<Token>::new(10, 100);
    let validator = create_bearer_token_validator::<Token, _>(scene.pool.clone())
        .clock(clock.clone())
        .cache(cache.clone());
    let is_valid = || is_accepted(validator.acquire_token(Some("Bearer access-a"), &[]));
    assert!(is_valid());

    // The cache forgets it at once, and learns it anew from the replica.
    let revocation = create_revocation_endpoint::<Token, _>(scene.pool.clone()).observer(cache);
    let request = EndpointRequest::new(None, b"token=access-a");
    let answer = revocation.create_endpoint_response_for(&request, &scene.client);
    assert_eq!(answer.expect("works").status, 200);
    assert_eq!(servers.asked(is_valid), (true, BY_STANDBY));
    servers.resume();
    clock.set(start + 9);
    assert!(
        is_valid(),
        "for the cache's age after the replica caught up"
    );
    clock.set(start + 10);
    assert_eq!(servers.asked(is_valid), (false, BY_STANDBY));
}

#[test]
fn row_44_while_the_replica_is_gone_the_primary_answers_and_then_it_is_used_again() {
    let Some(pair) = pair() else { return };
    let scene = Scene::new(Replicated::create(&pair));
    let servers = &scene.servers;
    scene.save("a");
    servers.resume();
    let resting = both(&servers.url(On::Primary), &servers.url(On::Standby), HOUR);
    let resting = create_bearer_token_validator::<Token, _>(resting);
    let is_valid_resting = || is_accepted(resting.acquire_token(Some("Bearer access-a"), &[]));
    assert_eq!(servers.asked(|| scene.is_valid("a")), (true, BY_STANDBY));
    assert_eq!(servers.asked(is_valid_resting), (true, BY_STANDBY));

    servers.down(On::Standby);
    for _ in 0..2 {
        assert_eq!(servers.asked(|| scene.is_valid("a")), (true, BY_PRIMARY));
        assert_eq!(servers.asked(is_valid_resting), (true, BY_PRIMARY));
    }
    assert!(!scene.is_valid("b"));
    scene.save("while-gone");
    assert!(scene.is_valid("while-gone"));

    servers.up(On::Standby);
    servers.wait_until("the replica is used again", || {
        servers.asked(|| scene.is_valid("a")) == (true, BY_STANDBY)
    });
    // As long as it rests, it is not even tried.
    assert_eq!(servers.asked(is_valid_resting), (true, BY_PRIMARY));
}

#[test]
fn row_44_while_the_primary_is_gone_the_replica_answers_what_it_has() {
    let Some(pair) = pair() else { return };
    let scene = Scene::new(Replicated::create(&pair));
    let servers = &scene.servers;
    scene.save("a");
    servers.resume();
    assert!(scene.is_valid("a"));

    servers.down(On::Primary);
    assert_eq!(servers.asked(|| scene.is_valid("a")), (true, BY_STANDBY));
    let query_token = create_query_token_func::<Token, _>(scene.pool.clone());
    let unknown = query_token("access-b", None).map(|_| ());
    assert_eq!(unknown, Err(Error::Unreachable));
    let tokens = create_refresh_token_store::<Token, _>(scene.pool.clone());
    let decided = tokens.authenticate("refresh-a", &scene.client).map(|_| ());
    assert_eq!(decided, Err(Failure::Storage(Error::Unreachable)));

    servers.up(On::Primary);
    servers.wait_until("the primary is used again", || {
        tokens.authenticate("refresh-a", &scene.client).is_ok()
    });
    scene.save("c");
    assert!(scene.is_valid("c"));
}
