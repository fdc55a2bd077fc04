//! Statements that the database gives up: too slow, deadlocked, not serializable.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_oauth2::lifecycle::create_refresh_token_store;
use diesel_oauth2::table::GrantTable;
use diesel_oauth2::{Error, Failure};

use super::private::{Served, on_every_server};
use super::{check_nothing_is_half_written, dialect, rotate, rotate_on, start, start_on};
use crate::fixture::{Fixture, ManualClock, NOW, Scene, token};
use crate::support::TestDatabase;

on_every_server!(
    row_44_statement_timeout,
    row_44_a_deadlock_is_a_conflict,
    row_44_a_deadlocked_rotation_is_tried_again,
    row_44_conflicts_are_tried_again_with_a_bound,
);

fn row_44_statement_timeout<F: Served>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let grant = start(&scene);
    // Its lock timeout is a minute.
    let pool = scene.fixture.pool_of(1);
    let statement = dialect::<F>(
        "",
        "SET statement_timeout = '100ms'",
        "SET SESSION max_statement_time = 0.1",
    );
    let mut conn = pool.get().expect("is free");
    conn.batch_execute(&statement).expect("is set");
    drop(conn);
    scene
        .conn()
        .transaction(|conn| {
            assert!(F::Grant::touch(conn, &grant, NOW)?);
            let error = rotate(&scene, &pool).expect_err("the grant is held");
            assert_eq!(error, Error::StatementTimeout);
            assert!(error.is_retryable());
            Ok::<_, Error>(())
        })
        .expect("is committed");
    check_nothing_is_half_written(&scene);
}

fn row_44_a_deadlock_is_a_conflict<F: Served>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let a = start(&scene);
    let store = create_refresh_token_store::<F::Token, _>(scene.pool.clone());
    let b = store.clock(ManualClock::default());
    let b = b.start(&scene.client, None).expect("is started");
    let both_hold_one = Barrier::new(2);
    let touch_both = |first, second| {
        let mut conn = scene.pool.get().expect("is free");
        conn.transaction(|conn| {
            assert!(F::Grant::touch(conn, first, NOW + 1)?);
            both_hold_one.wait();
            F::Grant::touch(conn, second, NOW + 1)
        })
    };
    let outcomes = std::thread::scope(|scope| {
        let one = scope.spawn(|| touch_both(&a, &b));
        let other = touch_both(&b, &a);
        [one.join().expect("no panic"), other]
    });
    assert!(outcomes.contains(&Ok(true)), "{outcomes:?}");
    assert!(outcomes.contains(&Err(Error::Conflict)), "{outcomes:?}");
    assert!(Error::Conflict.is_retryable());
    check_nothing_is_half_written(&scene);
}

/// Waits until a statement of another connection waits for a lock.
fn wait_for_a_waiting_statement<F: Served>(conn: &mut F::Conn) {
    let query = dialect::<F>(
        "",
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        "SELECT count(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p \
         ON p.id = t.trx_mysql_thread_id WHERE trx_state = 'LOCK WAIT' AND p.db = database()",
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    while F::number(conn, &query) == 0 {
        assert!(Instant::now() < deadline, "nothing waits");
        // InnoDB's table of transactions stays as it is as long as someone reads it more often than every 100 ms.
        std::thread::sleep(Duration::from_millis(230));
    }
}

fn row_44_a_deadlocked_rotation_is_tried_again<F: Served>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    let grant = start(&scene);
    let (pool, client) = (&*scene.pool, &scene.client);
    let mut other = F::connect(&scene.fixture);
    let mut onlooker = F::connect(&scene.fixture);
    // The rotation is to be the one that is given up: PostgreSQL looks for a deadlock where one has waited long enough,
    // MariaDB ends the transaction that has written less.
    let weight = dialect::<F>(
        "",
        "SET deadlock_timeout = '1min'",
        "CREATE TABLE weight (number INT PRIMARY KEY)",
    );
    other.batch_execute(&weight).expect("is set");
    std::thread::scope(|scope| {
        let rotation = other.transaction(|conn| {
            let write = dialect::<F>(
                "",
                "SELECT 1",
                "INSERT INTO weight SELECT seq FROM seq_1_to_1000",
            );
            conn.batch_execute(&write)?;
            conn.batch_execute("UPDATE oauth2_token SET scope = scope")?;
            // Holds the grant, or comes to it after the token.
            let rotation = scope.spawn(|| rotate_on::<F>(pool, client, "old", "new"));
            wait_for_a_waiting_statement::<F>(&mut onlooker);
            assert!(F::Grant::touch(conn, &grant, NOW + 1)?);
            Ok::<_, Error>(rotation)
        });
        let rotation = rotation.expect("is not the one that is given up");
        assert_eq!(rotation.join().expect("no panic"), Ok(()));
    });
    assert_eq!(F::count_tokens(&mut scene.conn()), 2);
}

/// Every insertion of a token fails, and is counted outside of the transaction.
fn refuse_every_token<F: Served>(conn: &mut F::Conn) {
    let trigger = dialect::<F>(
        "",
        "CREATE SEQUENCE tries;
         CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM nextval('tries'); RAISE EXCEPTION 'refused' USING ERRCODE = '40001';
         END $$;
         CREATE TRIGGER refuse BEFORE INSERT ON oauth2_token FOR EACH ROW EXECUTE FUNCTION refuse()",
        "CREATE TRIGGER refuse BEFORE INSERT ON oauth2_token FOR EACH ROW BEGIN
             SET @tries = COALESCE(@tries, 0) + 1;
             SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'refused';
         END",
    );
    conn.batch_execute(&trigger).expect("is made");
}

fn row_44_conflicts_are_tried_again_with_a_bound<F: Served>() {
    let Some(scene) = Scene::<F>::set_up() else {
        return;
    };
    start(&scene);
    let pool = scene.fixture.pool_of(1);
    refuse_every_token::<F>(&mut scene.conn());
    assert_eq!(rotate(&scene, &pool), Err(Error::Conflict));
    let tries = dialect::<F>("", "SELECT last_value FROM tries", "SELECT @tries");
    let tries = F::number(&mut pool.get().expect("is free"), &tries);
    assert_eq!(tries, 6);
    let drop_trigger = dialect::<F>(
        "",
        "DROP TRIGGER refuse ON oauth2_token",
        "DROP TRIGGER refuse",
    );
    scene.conn().batch_execute(&drop_trigger).expect("is gone");
    check_nothing_is_half_written(&scene);
}

/// Where every transaction is serializable, the database gives up transactions also where no rows are in common.
#[cfg(feature = "postgres")]
#[test]
fn row_44_serialization_failures_are_tried_again_on_postgres() {
    type F = crate::fixture::Bundled<crate::support::Postgres>;
    for level in ["serializable", "repeatable read"] {
        let Some(scene) = Scene::<F>::set_up() else {
            return;
        };
        let name = scene.fixture.url();
        let (_, name) = name.rsplit_once('/').expect("a URL with a database");
        let name = name.split('?').next().expect("a name");
        let set = format!("ALTER DATABASE {name} SET default_transaction_isolation = '{level}'");
        scene.conn().batch_execute(&set).expect("is set");
        let pool = scene.fixture.pool_of(8);
        let in_use = <crate::support::Postgres as TestDatabase>::strings(
            &mut pool.get().expect("is free"),
            "SELECT current_setting('transaction_isolation') AS value",
        );
        assert_eq!(in_use, [level]);
        check_a_race_of_rotations::<F>(&scene, &pool);
        check_a_conflict_is_seen(&scene, &pool);
    }
}

/// Eight threads rotate one token: one wins, and the others are refused or told to try again.
#[cfg(feature = "postgres")]
fn check_a_race_of_rotations<F: Fixture>(
    scene: &Scene<F>,
    pool: &Pool<ConnectionManager<F::Conn>>,
) {
    let store = create_refresh_token_store::<F::Token, _>((*pool).clone());
    let store = &store.clock(ManualClock::default());
    for round in 0..5 {
        F::delete_tokens(&mut scene.conn());
        start_on::<F>(pool, &scene.client);
        let barrier = Barrier::new(8);
        let client = &scene.client;
        let won: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        barrier.wait();
                        let outcome =
                            store
                                .authenticate("refresh-old", client)
                                .and_then(|refreshing| {
                                    let next = token(&format!("{round}-{thread}"));
                                    store.rotate(
                                        &refreshing,
                                        &next,
                                        &Scene::<F>::request_of(client),
                                    )
                                });
                        match outcome {
                            Ok(()) => 1,
                            Err(Failure::Refused(_)) => 0,
                            Err(Failure::Storage(error)) => {
                                assert_eq!(error, Error::Conflict);
                                0
                            }
                        }
                    })
                })
                .collect();
            let won = threads.into_iter().map(|it| it.join().expect("no panic"));
            won.sum()
        });
        assert_eq!(won, 1, "round {round}");
        assert_eq!(F::count_tokens(&mut scene.conn()), 2, "round {round}");
    }
}

/// A rotation whose token was written by another transaction since its own began is begun again.
#[cfg(feature = "postgres")]
fn check_a_conflict_is_seen<F: Served>(scene: &Scene<F>, pool: &Pool<ConnectionManager<F::Conn>>) {
    F::delete_tokens(&mut scene.conn());
    start_on::<F>(pool, &scene.client);
    let client = &scene.client;
    let mut other = F::connect(&scene.fixture);
    let mut onlooker = F::connect(&scene.fixture);
    std::thread::scope(|scope| {
        let rotation = other.transaction(|conn| {
            conn.batch_execute("UPDATE oauth2_token SET scope = scope")?;
            let rotation = scope.spawn(|| rotate_on::<F>(pool, client, "old", "new"));
            wait_for_a_waiting_statement::<F>(&mut onlooker);
            Ok::<_, Error>(rotation)
        });
        // Its commit is what the rotation cannot be serialized after.
        let rotation = rotation.expect("is committed");
        assert_eq!(rotation.join().expect("no panic"), Ok(()));
    });
    assert_eq!(F::count_tokens(&mut scene.conn()), 2);
}
