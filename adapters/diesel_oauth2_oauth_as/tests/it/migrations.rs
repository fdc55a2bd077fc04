//! The tables are made once, whoever comes first, and beside those of others.

use std::sync::Barrier;
use std::thread;

use diesel_oauth2::migrations::MigrationError;
use diesel_oauth2_oauth_as::migrations;

use crate::support::{TestDatabase, on_every_database};

on_every_database!(
    up_down_and_up_again,
    many_at_once_on_an_empty_database,
    the_core_and_the_application_are_not_in_the_way,
    a_run_cut_short_is_completed,
    a_table_of_another_s_is_left_alone,
);

const VERSION: &str = "20261124100000";

fn up_down_and_up_again<D: TestDatabase>() {
    let Some(database) = D::create() else {
        return;
    };
    let mut conn = database.connect();
    for _ in 0..2 {
        assert_eq!(migrations::pending(&mut conn), Ok(vec![VERSION.to_owned()]));
        assert_eq!(migrations::run(&mut conn), Ok(vec![VERSION.to_owned()]));
        assert_eq!(migrations::run(&mut conn), Ok(Vec::new()));
        assert_eq!(migrations::pending(&mut conn), Ok(Vec::new()));
        assert_eq!(
            migrations::revert_all(&mut conn),
            Ok(vec![VERSION.to_owned()])
        );
        assert_eq!(migrations::revert_all(&mut conn), Ok(Vec::new()));
    }
    let tables = D::tables(&mut conn).into_iter().map(|(table, _)| table);
    let tables: Vec<String> = tables.collect();
    assert_eq!(tables, ["__diesel_oauth2_oauth_as_migrations"]);
}

fn many_at_once_on_an_empty_database<D: TestDatabase>() {
    const PROCESSES: usize = 8;

    let Some(database) = D::create() else {
        return;
    };
    let start = Barrier::new(PROCESSES);
    let connections: Vec<_> = (0..PROCESSES).map(|_| database.connect()).collect();
    let applied: usize = thread::scope(|scope| {
        let runs: Vec<_> = connections
            .into_iter()
            .map(|mut conn| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    migrations::run(&mut conn).expect("runs").len()
                })
            })
            .collect();
        runs.into_iter()
            .map(|run| run.join().expect("no panic"))
            .sum()
    });
    assert_eq!(applied, 1);
    assert_eq!(database.number("SELECT COUNT(*) FROM oauth_as_code"), 0);
}

fn the_core_and_the_application_are_not_in_the_way<D: TestDatabase>() {
    let Some(database) = D::create() else {
        return;
    };
    let mut conn = database.connect();
    // The application has applied a migration of the same version, noted as Diesel does.
    database.execute(
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL,
             run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)",
    );
    database.execute(&format!(
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('{VERSION}')"
    ));
    assert_eq!(migrations::run(&mut conn), Ok(vec![VERSION.to_owned()]));
    let core = diesel_oauth2::migrations::run(&mut conn).expect("the core's run");
    assert!(!core.is_empty());
    assert_eq!(migrations::pending(&mut conn), Ok(Vec::new()));
    diesel_oauth2::migrations::revert_all(&mut conn).expect("the core's are reverted");
    assert_eq!(database.number("SELECT COUNT(*) FROM oauth_as_code"), 0);
    migrations::revert_all(&mut conn).expect("are reverted");
    assert_eq!(
        database.number("SELECT COUNT(*) FROM __diesel_schema_migrations"),
        1
    );
}

/// MySQL commits midway: what is left there is completed.
fn a_run_cut_short_is_completed<D: TestDatabase>() {
    let Some(database) = D::create() else {
        return;
    };
    let mut conn = database.connect();
    migrations::run(&mut conn).expect("runs");
    database.execute("UPDATE __diesel_oauth2_oauth_as_migrations SET state = 'begun'");
    for table in ["oauth_as_code", "oauth_as_barrier"] {
        database.execute(&format!("DROP TABLE {table}"));
    }
    assert_eq!(migrations::pending(&mut conn), Ok(vec![VERSION.to_owned()]));
    let again = migrations::run(&mut conn);
    if D::COMMITS_MIDWAY {
        assert_eq!(again, Ok(vec![VERSION.to_owned()]));
        assert_eq!(database.number("SELECT COUNT(*) FROM oauth_as_barrier"), 0);
        assert_eq!(database.number("SELECT COUNT(*) FROM oauth_as_lock"), 256);
    } else {
        // There it cannot be that way, and nothing is done.
        assert!(
            matches!(again, Err(MigrationError::Failed { .. })),
            "{again:?}"
        );
        assert!(
            !D::tables(&mut conn)
                .iter()
                .any(|(table, _)| table == "oauth_as_code")
        );
    }
}

fn a_table_of_another_s_is_left_alone<D: TestDatabase>() {
    let Some(database) = D::create() else {
        return;
    };
    let mut conn = database.connect();
    database.execute("CREATE TABLE oauth_as_consent (id INTEGER)");
    let refused = migrations::run(&mut conn);
    let table = "oauth_as_consent";
    assert_eq!(refused, Err(MigrationError::TableExists { table }));
    assert_eq!(migrations::pending(&mut conn), Ok(vec![VERSION.to_owned()]));
    database.execute("DROP TABLE oauth_as_consent");
    assert_eq!(migrations::run(&mut conn), Ok(vec![VERSION.to_owned()]));
}
