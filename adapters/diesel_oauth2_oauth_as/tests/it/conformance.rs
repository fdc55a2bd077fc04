//! The suite that `oauth-as` has for its storages, nothing waived.

use std::collections::HashSet;
use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_oauth2_oauth_as::DieselStorage;
use oauth_as::storage_conformance::{CHECKS, StorageConformance, Violation};
use tokio::sync::Barrier;

use crate::support::{DatabaseStorage, TestDatabase, block_on, on_every_database};

on_every_database!(
    no_violation_with_racers_on_several_threads,
    no_violation_over_the_application_s_own_pool,
);

const RACERS: usize = 16;

const TABLES: [&str; 9] = [
    "oauth_as_access_token",
    "oauth_as_refresh_token",
    "oauth_as_code",
    "oauth_as_device_grant",
    "oauth_as_pushed_request",
    "oauth_as_consent",
    "oauth_as_replay_id",
    "oauth_as_barrier",
    "oauth2_client",
];

fn no_violation_with_racers_on_several_threads<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    conforms(&database, database.storage());
}

/// With the databases' own defaults: REPEATABLE READ on MariaDB, and on SQLite one connection, because without a busy
/// timeout its writers do not wait for each other.
fn no_violation_over_the_application_s_own_pool<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let pool = Pool::builder()
        .max_size(if D::HAS_ONE_WRITER { 1 } else { 12 })
        .build(ConnectionManager::new(database.url()))
        .expect("the pool connects");
    conforms(&database, DieselStorage::new(pool));
}

fn conforms<D: TestDatabase>(database: &D, storage: DatabaseStorage<D>) {
    let fresh = || async {
        let mut conn = database.connect();
        for table in TABLES {
            let emptied = conn.batch_execute(&format!("DELETE FROM {table}"));
            emptied.expect("the table is emptied");
        }
        storage.clone()
    };
    let run = || async {
        // The suite's own gate spins, and gives up where the machine is so busy that a racer is not even there yet. All
        // come to it together.
        let start = Arc::new(Barrier::new(RACERS));
        let suite = StorageConformance::new(fresh).with_spawn(move |task| {
            let start = Arc::clone(&start);
            tokio::spawn(async move {
                start.wait().await;
                task.await;
            });
        });
        suite.racers(RACERS).run().await
    };
    let violations = block_on(async {
        for _ in 0..9 {
            let violations = run().await;
            // A race that did not come about proves nothing: everything is run again.
            let is_unproven = |it: &Violation| it.check == "harness/race_setup";
            if violations.is_empty() || !violations.iter().all(is_unproven) {
                return violations;
            }
        }
        run().await
    });
    assert!(violations.is_empty(), "{violations:#?}");
}

/// The names are those of this release: a suite that lost checks would pass just as well.
#[test]
fn the_suite_has_the_checks_that_were_read() {
    let checks: HashSet<&str> = CHECKS.iter().copied().collect();
    assert!(checks.len() >= 65, "{}", checks.len());
    for check in [
        "atomic_take/take_authorization_code",
        "atomic_rotate/rotate_refresh_token",
        "revocation_barrier/admits_a_later_grant",
        "user_code_index/refusal_writes_nothing",
        "sweep_expired/safe_under_concurrent_writes",
    ] {
        assert!(checks.contains(check), "{check}");
    }
}
