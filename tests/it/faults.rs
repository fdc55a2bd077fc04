//! Checklist row 44: each fault is an error of its own, and nothing is half-written.

use std::time::Duration;

use diesel::connection::{Connection, SimpleConnection};
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_oauth2::lifecycle::{RefreshStore, create_refresh_token_store};
use diesel_oauth2::pool::PoolBuilder;
use diesel_oauth2::table::GrantTable;
use diesel_oauth2::{Error, Failure, OAuth2Grant};

use crate::fixture::{Fixture, ManualClock, NOW, Scene, on_every_schema, token};

#[cfg(any(feature = "postgres", feature = "mysql"))]
mod outage;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod private;

on_every_schema!(row_44_pool_exhausted, row_44_lock_timeout, row_44_read_only,);

/// A family with one token, `refresh-old`.
fn start<F: Fixture>(scene: &Scene<F>) -> <F::Grant as OAuth2Grant>::Id {
    start_on::<F>(&scene.pool, &scene.client)
}

fn start_on<F: Fixture>(
    pool: &Pool<ConnectionManager<F::Conn>>,
    client: &F::Client,
) -> <F::Grant as OAuth2Grant>::Id {
    let store = create_refresh_token_store::<F::Token, _>(pool.clone());
    let store = store.clock(ManualClock::default());
    let id = store.start(client, Some(&F::user(1))).expect("is started");
    store
        .issue(&token("old"), &Scene::<F>::request_of(client), &id)
        .expect("is issued");
    id
}

/// Exchanges `refresh-old`, by this pool.
fn rotate<F: Fixture>(
    scene: &Scene<F>,
    pool: &Pool<ConnectionManager<F::Conn>>,
) -> Result<(), Error> {
    rotate_on::<F>(pool, &scene.client, "old", "new")
}

/// Exchanges the refresh token of the first name for that of the second.
fn rotate_on<F: Fixture>(
    pool: &Pool<ConnectionManager<F::Conn>>,
    client: &F::Client,
    old: &str,
    new: &str,
) -> Result<(), Error> {
    let store: RefreshStore<F::Token, _> =
        create_refresh_token_store(pool.clone()).clock(ManualClock::default());
    let request = Scene::<F>::request_of(client);
    let outcome = store
        .authenticate(&format!("refresh-{old}"), client)
        .and_then(|refreshing| store.rotate(&refreshing, &token(new), &request));
    match outcome {
        Ok(()) => Ok(()),
        Err(Failure::Storage(error)) => Err(error),
        Err(Failure::Refused(refusal)) => panic!("{refusal}"),
    }
}

/// The fault left nothing behind, and once it is over the same call works.
fn check_nothing_is_half_written<F: Fixture>(scene: &Scene<F>) {
    assert_eq!(F::count_tokens(&mut scene.conn()), 1);
    rotate(scene, &scene.pool).expect("is rotated");
    assert_eq!(F::count_tokens(&mut scene.conn()), 2);
}

/// What SQLite, PostgreSQL or MariaDB is told.
fn dialect<F: Fixture>(sqlite: &str, postgres: &str, mysql: &str) -> String {
    let connection = std::any::type_name::<F::Conn>();
    let statement = match connection {
        name if name.ends_with("SqliteConnection") => sqlite,
        name if name.ends_with("PgConnection") => postgres,
        _ => mysql,
    };
    statement.to_owned()
}

fn row_44_pool_exhausted<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    start(&scene);
    let pool = PoolBuilder::<F::Conn>::new(scene.fixture.url())
        .max_size(1)
        .connection_timeout(Duration::from_secs(2))
        .build()
        .expect("the database answers");
    let taken = pool.get().expect("is free");
    let error = rotate(&scene, &pool).expect_err("none is free");
    assert_eq!(error, Error::PoolExhausted);
    assert!(error.is_retryable());
    drop(taken);
    check_nothing_is_half_written(&scene);
}

fn row_44_lock_timeout<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let grant = start(&scene);
    let pool = PoolBuilder::<F::Conn>::new(scene.fixture.url())
        .max_size(1)
        .lock_timeout(Duration::from_millis(50))
        .build()
        .expect("the database answers");
    scene
        .conn()
        .transaction(|conn| {
            assert!(F::Grant::touch(conn, &grant, NOW)?);
            let error = rotate(&scene, &pool).expect_err("the grant is held");
            assert_eq!(error, Error::LockTimeout);
            assert!(error.is_retryable());
            Ok::<_, Error>(())
        })
        .expect("is committed");
    check_nothing_is_half_written(&scene);
}

fn row_44_read_only<F: Fixture>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    start(&scene);
    let pool = scene.fixture.pool_of(1);
    let statement = dialect::<F>(
        "PRAGMA query_only = ON",
        "SET default_transaction_read_only = on",
        "SET SESSION TRANSACTION READ ONLY",
    );
    let mut conn = pool.get().expect("is free");
    conn.batch_execute(&statement).expect("is set");
    drop(conn);
    let error = rotate(&scene, &pool).expect_err("nothing is written");
    assert_eq!(error, Error::ReadOnly);
    assert!(!error.is_retryable());
    check_nothing_is_half_written(&scene);
}
