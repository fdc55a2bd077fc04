//! What concerns the blocking functions alone: how many statements they send on a connection, and their part in a transaction
//! of the caller's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::connection::{Connection, InstrumentationEvent};
#[cfg(all(feature = "postgres", feature = "uuid"))]
use diesel_oauth2::lifecycle::create_refresh_token_store;
use diesel_oauth2::lifecycle::{CodeRequest, Redemption, create_authorization_code_store};
use diesel_oauth2::pool::SharedConnection;
use diesel_oauth2::types::TokenTypeHint;
use diesel_oauth2::{
    Error, Failure, OAuth2AuthorizationCode, OAuth2Client, TokenResponse,
    create_bearer_token_validator, create_query_client_func, create_query_token_func,
    create_revocation_endpoint,
};

use crate::fixture::{Fixture, Scene, on_every_schema, token};
#[cfg(all(feature = "postgres", feature = "uuid"))]
use crate::refresh_store::{Tokens, refresh, start};
use crate::refresh_store::{is_valid, tokens};

on_every_schema!(
    row_16_one_statement_per_look_up,
    redeeming_and_issuing_can_be_one_transaction,
);

fn row_16_one_statement_per_look_up<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    scene.save(&token("1")).expect("is saved");
    let statements = Arc::new(AtomicUsize::new(0));
    let mut connection = F::Conn::establish(&scene.fixture.url()).expect("connects");
    connection.set_instrumentation({
        let statements = Arc::clone(&statements);
        move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { .. } = event {
                statements.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let pool = SharedConnection::new(connection);
    let counted = |what: &str, action: &dyn Fn()| {
        statements.store(0, Ordering::SeqCst);
        action();
        assert_eq!(statements.load(Ordering::SeqCst), 1, "{what}");
    };
    let query_client = create_query_client_func::<F::Client, _>(pool.clone());
    let query_token = create_query_token_func::<F::Token, _>(pool.clone());
    let validator = create_bearer_token_validator::<F::Token, _>(pool.clone());
    let revocation = create_revocation_endpoint::<F::Token, _>(pool.clone());
    counted("query_client", &|| {
        assert!(
            query_client(&scene.client.client_id())
                .expect("no error")
                .is_some()
        );
    });
    for token in ["access-1", "refresh-1", "unknown"] {
        for hint in [
            None,
            Some(TokenTypeHint::AccessToken),
            Some(TokenTypeHint::RefreshToken),
        ] {
            counted("query_token", &|| {
                query_token(token, hint).expect("no error");
            });
        }
    }
    counted("authenticate_token", &|| {
        assert!(
            validator
                .authenticate_token("access-1")
                .expect("no error")
                .is_some()
        );
    });
    let (found, kind) = revocation
        .query_token("access-1", None)
        .expect("no error")
        .expect("is found");
    counted("revoke_token", &|| {
        assert!(revocation.revoke_token(&found, kind).expect("no error"));
    });
    // Nothing to ask the database about.
    statements.store(0, Ordering::SeqCst);
    assert!(query_token("", None).expect("no error").is_none());
    assert!(query_token("a\0b", None).expect("no error").is_none());
    assert_eq!(statements.load(Ordering::SeqCst), 0);
}

/// Counts the statements that a connection sends from now on, and those of them that it prepares.
#[cfg(all(feature = "postgres", feature = "uuid"))]
fn count<Conn: Connection>(conn: &mut Conn) -> impl Fn() -> (usize, usize) + use<Conn> {
    let (sent, prepared) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counters = (Arc::clone(&sent), Arc::clone(&prepared));
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| match event {
        InstrumentationEvent::StartQuery { .. } => {
            counters.0.fetch_add(1, Ordering::SeqCst);
        }
        InstrumentationEvent::CacheQuery { .. } => {
            counters.1.fetch_add(1, Ordering::SeqCst);
        }
        _ => {}
    });
    move || (sent.load(Ordering::SeqCst), prepared.load(Ordering::SeqCst))
}

/// On a connection that has prepared them.
#[cfg(all(feature = "postgres", feature = "uuid"))]
fn row_34_rotation_is_one_statement_on_postgres<F>()
where
    F: Fixture<Conn = diesel::PgConnection>,
{
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let pool = scene.fixture.pool_of(1);
    let tokens: Tokens<F> = create_refresh_token_store(pool.clone()).clock(scene.clock.clone());
    start(&scene, &tokens, "a");
    refresh(&scene, &tokens, "a", "b").expect("is rotated");
    let refreshing = tokens
        .authenticate("refresh-b", &scene.client)
        .expect("is valid");
    let counts = count(&mut *pool.get().expect("a connection is free"));
    tokens
        .rotate(&refreshing, &token("c"), &scene.request())
        .expect("is rotated");
    assert_eq!(counts(), (1, 0));
    assert!(is_valid(&scene, "access-c") && !is_valid(&scene, "access-b"));
}

/// The look-up, and one that spends the code and makes the grant.
#[cfg(all(feature = "postgres", feature = "uuid"))]
fn row_30_redeeming_is_two_statements_on_postgres<F>()
where
    F: Fixture<Conn = diesel::PgConnection>,
{
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let pool = scene.fixture.pool_of(1);
    let codes = create_authorization_code_store::<F::Code, F::Token, _>(pool.clone())
        .clock(scene.clock.clone());
    let request = CodeRequest::new(&scene.client)
        .user(F::user(1))
        .extra(F::extra());
    for code in ["first", "second"] {
        codes.save(code, &request).expect("is saved");
    }
    let redeem = |code| codes.redeem(&Redemption::new(code, &scene.client));
    redeem("first").expect("is redeemed");
    let counts = count(&mut *pool.get().expect("a connection is free"));
    let code = redeem("second").expect("is redeemed");
    assert_eq!(counts(), (2, 0));
    // The grant is there.
    let grant = code.grant_id().expect("has a grant");
    tokens(&scene)
        .issue(&token("a"), &scene.request(), grant)
        .expect("is issued");
    assert!(redeem("second").is_err());
    assert!(!is_valid(&scene, "access-a"));
}

#[cfg(all(feature = "postgres", feature = "uuid"))]
macro_rules! on_postgres {
    ($($test:ident,)+) => {$(
        mod $test {
            use crate::fixture::{Bundled, Own};
            use crate::support::Postgres;

            #[test]
            fn postgres_bundled() {
                super::$test::<Bundled<Postgres>>();
            }

            #[test]
            fn postgres_own() {
                super::$test::<Own<Postgres>>();
            }
        }
    )+};
}

#[cfg(all(feature = "postgres", feature = "uuid"))]
on_postgres!(
    row_30_redeeming_is_two_statements_on_postgres,
    row_34_rotation_is_one_statement_on_postgres,
);

fn redeeming_and_issuing_can_be_one_transaction<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let codes = create_authorization_code_store::<F::Code, F::Token, _>(scene.pool.clone())
        .clock(scene.clock.clone());
    let tokens = tokens(&scene);
    let request = CodeRequest::new(&scene.client)
        .user(F::user(1))
        .extra(F::extra());
    codes.save("code", &request).expect("is saved");
    let exchange = |response: &TokenResponse| {
        scene.conn().transaction(|conn| {
            let code = codes
                .redeem_on(conn, &Redemption::new("code", &scene.client))
                .map_err(|_| Error::Database)?;
            let grant = code.grant_id().expect("has a grant");
            tokens
                .issue_on(conn, response, &scene.request(), grant)
                .map_err(|failure| match failure {
                    Failure::Storage(error) => error,
                    Failure::Refused(refusal) => panic!("{refusal}"),
                })
        })
    };
    scene.save(&token("taken")).expect("is saved");
    let taken = exchange(&token("taken"));
    assert!(matches!(taken, Err(Error::Duplicate { .. })), "{taken:?}");
    // The code was not spent on it.
    assert_eq!(exchange(&token("free")), Ok(()));
    assert!(is_valid(&scene, "access-free"));
    assert!(exchange(&token("late")).is_err());
}
