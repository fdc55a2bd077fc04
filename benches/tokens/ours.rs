//! This crate's public calls, through a pool made by `PoolBuilder`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::connection::{Connection, InstrumentationEvent};
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_oauth2::models::{Client, authlib};
use diesel_oauth2::pool::{ConnectionPool, DatabaseConnection, PoolBuilder, Synchronous};
use diesel_oauth2::table::{ClientTable, RevocableTokenTable};
use diesel_oauth2::types::TokenTypeHint;
use diesel_oauth2::{
    OAuth2Token, TokenRequest, TokenResponse, create_bearer_token_validator,
    create_query_client_func, create_query_token_func, create_revocation_endpoint,
    create_save_token_func,
};

use crate::stores::{AnyStore, CLIENT_ID, Kind, Store, Tokens, USER_ID};

fn pool<C: DatabaseConnection>(url: &str, connections: u32) -> Pool<ConnectionManager<C>> {
    PoolBuilder::new(url)
        .max_size(connections)
        .synchronous(Synchronous::Normal)
        .build()
        .expect("the database answers")
}

pub(crate) fn connect<M, C>(url: &str) -> impl Store<Row = M> + use<M, C>
where
    C: DatabaseConnection,
    M: RevocableTokenTable<C> + OAuth2Token<UserId = i64, Extra = ()>,
    Client: ClientTable<C>,
{
    store(pool::<C>(url, 10))
}

fn store<M, P>(pool: P) -> impl Store<Row = M>
where
    P: ConnectionPool,
    M: RevocableTokenTable<P::Connection> + OAuth2Token<UserId = i64, Extra = ()>,
    Client: ClientTable<P::Connection>,
{
    let client = create_query_client_func::<Client, _>(pool.clone())(CLIENT_ID);
    let client = client.expect("query").expect("client");
    let validator = create_bearer_token_validator::<M, _>(pool.clone());
    let query_token = create_query_token_func::<M, _>(pool.clone());
    let save_token = create_save_token_func::<M, _>(pool.clone());
    let revocation = create_revocation_endpoint::<M, _>(pool);
    Calls {
        by_access_token: move |token: &str| validator.authenticate_token(token).expect("query"),
        by_either_token: move |token: &str| query_token(token, None).expect("query"),
        save: move |token: &TokenResponse| {
            save_token(token, &TokenRequest::new(&client).user(USER_ID)).expect("insert");
        },
        revoke: move |row: &M| {
            let revoked = revocation.revoke_token(row, TokenTypeHint::AccessToken);
            assert_eq!(revoked, Ok(true));
        },
    }
}

struct Calls<A, E, S, R> {
    by_access_token: A,
    by_either_token: E,
    save: S,
    revoke: R,
}

impl<M, A, E, S, R> Store for Calls<A, E, S, R>
where
    A: Fn(&str) -> Option<M>,
    E: Fn(&str) -> Option<M>,
    S: Fn(&TokenResponse),
    R: Fn(&M),
{
    type Row = M;

    fn by_access_token(&mut self, token: &str) -> Option<M> {
        (self.by_access_token)(token)
    }

    fn by_either_token(&mut self, token: &str) -> Option<M> {
        (self.by_either_token)(token)
    }

    fn save(&mut self, token: &TokenResponse) {
        (self.save)(token)
    }

    fn revoke(&mut self, row: &M) {
        (self.revoke)(row)
    }
}

/// How many statements each call sends, counted on a warm connection.
pub(crate) fn count_statements<C>(url: &str, tokens: &Tokens<'_>) -> String
where
    C: DatabaseConnection,
    authlib::Token: RevocableTokenTable<C>,
    Client: ClientTable<C>,
{
    const CALLS: usize = 20;
    let pool = pool::<C>(url, 1);
    let sent = Arc::new(AtomicUsize::new(0));
    let prepared = Arc::new(AtomicUsize::new(0));
    let counters = (sent.clone(), prepared.clone());
    pool.get()
        .expect("connection")
        .set_instrumentation(move |event: InstrumentationEvent<'_>| {
            match event {
                // BEGIN and its like are told as statements too.
                InstrumentationEvent::StartQuery { .. } => {
                    counters.0.fetch_add(1, Ordering::Relaxed)
                }
                InstrumentationEvent::CacheQuery { .. } => {
                    counters.1.fetch_add(1, Ordering::Relaxed)
                }
                _ => 0,
            };
        });
    let mut store = store::<authlib::Token, _>(pool);
    let counts = Kind::ALL.map(|kind| {
        let mut calls = store.calls(kind, tokens);
        // Prepares them.
        calls(1);
        prepared.store(0, Ordering::Relaxed);
        sent.store(0, Ordering::Relaxed);
        calls(CALLS);
        assert_eq!(
            prepared.load(Ordering::Relaxed),
            0,
            "{} is prepared again",
            kind.name()
        );
        // What is to be revoked was looked up before, in one statement each.
        let looked_up = if matches!(kind, Kind::Revoke) {
            CALLS
        } else {
            0
        };
        let statements = (sent.load(Ordering::Relaxed) - looked_up) as f64 / CALLS as f64;
        format!("{} {statements}", kind.name())
    });
    format!(
        "Statements a call, all prepared before: {}",
        counts.join("; ")
    )
}
