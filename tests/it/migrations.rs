//! Checklist rows 41 and 42: migrations.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use diesel::connection::Connection;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use diesel_oauth2::migrations::{
    self, MigrationError, adopt, pending, revert_all, revert_last, run, status,
};

use crate::support::{TestDatabase, on_every_database};

const FIRST: &str = "20261124000000";
/// Every version, oldest first, with the tables that are there once it was run.
const VERSIONS: [(&str, &[&str]); 4] = [
    (FIRST, &FIRST_TABLES),
    (
        "20261124000001",
        &[
            "oauth2_client",
            "oauth2_code",
            "oauth2_grant",
            "oauth2_token",
        ],
    ),
    ("20261124000002", &TABLES),
    ("20261124000003", &TABLES),
];
const TABLES: [&str; 5] = [
    "oauth2_client",
    "oauth2_code",
    "oauth2_device_code",
    "oauth2_grant",
    "oauth2_token",
];
/// Those of authlib, which the first version makes.
const FIRST_TABLES: [&str; 3] = ["oauth2_client", "oauth2_code", "oauth2_token"];

/// Every version, oldest first.
fn versions() -> Vec<String> {
    let versions = VERSIONS.iter();
    versions.map(|(version, _)| (*version).to_owned()).collect()
}

/// Every version, newest first.
fn newest_first() -> Vec<String> {
    let mut versions = versions();
    versions.reverse();
    versions
}

/// Every version but the first, oldest first.
fn later_versions() -> Vec<String> {
    versions().split_off(1)
}

fn revert_to_the_first<C: migrations::MigrationTarget>(conn: &mut C) {
    for version in later_versions().into_iter().rev() {
        assert_eq!(revert_last(conn), Ok(Some(version)));
    }
}

on_every_database!(
    row_41_up_down_up_again,
    row_41_run_twice_is_a_no_op,
    row_41_status_and_pending_only_read,
    row_41_eight_processes_at_once_on_one_empty_database,
    row_41_a_failure_leaves_nothing_that_running_again_does_not_complete,
    row_41_inside_a_transaction_of_the_callers,
    row_41_a_pooled_connection_does,
    row_41_tables_of_others_are_not_touched,
    row_41_authlib_s_live_tables_are_adopted_and_never_dropped,
    row_41_a_newer_release_s_version_is_left_alone,
    rows_of_the_first_version_survive_the_later_ones_and_their_revert,
    row_42_live_beside_the_apps_own_migrations_both_ways_round,
);

fn row_41_up_down_up_again<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    let conn = &mut database.connect();
    for _ in 0..2 {
        assert_eq!(run(conn), Ok(versions()));
        assert_eq!(existing_tables::<D>(conn), TABLES);
        D::execute(conn, "INSERT INTO oauth2_client (client_id) VALUES ('c')");
        for (version, tables) in VERSIONS.iter().rev() {
            assert_eq!(existing_tables::<D>(conn), *tables);
            assert_eq!(revert_last(conn), Ok(Some((*version).to_owned())));
        }
        assert!(existing_tables::<D>(conn).is_empty());
        assert_eq!(revert_last(conn), Ok(None));
    }
    run(conn).expect("runs");
    assert_eq!(revert_all(conn), Ok(newest_first()));
    assert_eq!(revert_all(conn), Ok(vec![]));
    assert!(existing_tables::<D>(conn).is_empty());
}

fn row_41_run_twice_is_a_no_op<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let conn = &mut database.connect();
    D::execute(conn, "INSERT INTO oauth2_client (client_id) VALUES ('c')");
    assert_eq!(run(conn), Ok(vec![]));
    assert_eq!(D::number(conn, "SELECT count(*) FROM oauth2_client"), 1);
    // Neither does it write: a replica may be started on.
    make_read_only::<D>(conn);
    assert_eq!(run(conn), Ok(vec![]));
}

fn row_41_status_and_pending_only_read<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    let conn = &mut database.connect();
    make_read_only::<D>(conn);
    let before = status(conn).expect("an empty database has a status");
    assert_eq!(before.len(), VERSIONS.len());
    assert_eq!(before[0].version, FIRST);
    assert_eq!(before[0].name, "create_oauth2_tables");
    assert!(!before[0].applied);
    assert_eq!(pending(conn), Ok(versions()));
    assert_eq!(revert_last(conn), Ok(None));
    assert_eq!(
        run(conn),
        Err(MigrationError::Database(diesel_oauth2::Error::ReadOnly))
    );

    let conn = &mut database.connect();
    run(conn).expect("runs");
    make_read_only::<D>(conn);
    assert!(status(conn).expect("a status")[0].applied);
    assert_eq!(pending(conn), Ok(vec![]));
}

fn row_41_eight_processes_at_once_on_one_empty_database<D: TestDatabase>() {
    for _ in 0..3 {
        let Some(database) = D::create() else { return };
        let mut children: Vec<_> = (0..8)
            .map(|_| {
                Command::new(std::env::current_exe().expect("the path of this program"))
                    .args([
                        "--exact",
                        "migrations::one_of_eight_processes",
                        "--nocapture",
                    ])
                    .env("TEST_MIGRATE_DATABASE", D::NAME)
                    .env("TEST_MIGRATE_URL", database.url())
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .expect("starts")
            })
            .collect();
        // Each reads a line before it begins: so all begin at once.
        for child in &mut children {
            let stdin = child.stdin.as_mut().expect("is piped");
            stdin.write_all(b"go\n").expect("is read");
        }
        let mut appliers = 0;
        for child in children {
            let output = child.wait_with_output().expect("ends");
            let printed = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success(),
                "{printed}{}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(printed.contains("applied: "), "{printed}");
            appliers += usize::from(printed.contains(FIRST));
        }
        assert_eq!(appliers, 1, "one process applied the version");
        let conn = &mut database.connect();
        assert_eq!(existing_tables::<D>(conn), TABLES);
        assert_eq!(pending(conn), Ok(vec![]));
    }
}

/// The other side of the test above; without its variables, nothing.
#[test]
fn one_of_eight_processes() {
    fn migrate<C: Connection + migrations::MigrationTarget>(url: &str) {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).expect("a line");
        let mut conn = C::establish(url).expect("the database answers");
        println!("applied: {:?}", run(&mut conn).expect("runs"));
    }

    let (Ok(database), Ok(url)) = (
        std::env::var("TEST_MIGRATE_DATABASE"),
        std::env::var("TEST_MIGRATE_URL"),
    ) else {
        return;
    };
    match database.as_str() {
        #[cfg(feature = "sqlite")]
        "sqlite" => migrate::<diesel::SqliteConnection>(&url),
        #[cfg(feature = "postgres")]
        "postgres" => migrate::<diesel::PgConnection>(&url),
        #[cfg(feature = "mysql")]
        "mysql" => migrate::<diesel::MysqlConnection>(&url),
        other => panic!("unknown database {other}"),
    }
}

fn row_41_a_failure_leaves_nothing_that_running_again_does_not_complete<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    let conn = &mut database.connect();
    if D::NAME == "mysql" {
        // As a run leaves it that was cut short behind its first table.
        run(conn).expect("runs");
        D::execute(
            conn,
            "DROP TABLE oauth2_token; DROP TABLE oauth2_code;
             UPDATE __diesel_oauth2_migrations SET state = 'begun'",
        );
        assert_eq!(pending(conn), Ok(versions()));
    } else {
        // A view in the way of the last table: the first two are made, and undone again.
        D::execute(conn, "CREATE VIEW oauth2_token AS SELECT 1 AS one");
        let error = run(conn).expect_err("the name is taken");
        assert!(
            matches!(&error, MigrationError::Failed { version, message, .. }
                if version == FIRST && message.contains("oauth2_token")),
            "{error:?}"
        );
        assert!(existing_tables::<D>(conn).is_empty());
        D::execute(conn, "DROP VIEW oauth2_token");
    }
    assert_eq!(run(conn), Ok(versions()));
    assert_eq!(existing_tables::<D>(conn), TABLES);
}

fn row_41_inside_a_transaction_of_the_callers<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    let conn = &mut database.connect();
    let inside = conn.transaction(|conn| {
        let applied = run(conn)?;
        assert_eq!(applied, versions());
        Err::<(), _>(MigrationError::UnknownVersion {
            version: "rolled back".to_owned(),
        })
    });
    let inside = inside.expect_err("is never committed");
    if D::NAME == "mysql" {
        assert_eq!(inside, MigrationError::InsideTransaction);
    } else {
        assert!(inside.to_string().contains("rolled back"), "{inside}");
    }
    assert!(existing_tables::<D>(conn).is_empty());
    assert_eq!(run(conn), Ok(versions()));
}

fn row_41_a_pooled_connection_does<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    let pool = Pool::builder()
        .max_size(1)
        .build(ConnectionManager::<D::Conn>::new(database.url()))
        .expect("a pool");
    let mut conn = pool.get().expect("a connection");
    assert_eq!(run(&mut conn), Ok(versions()));
    assert_eq!(run(&mut *conn), Ok(vec![]));
}

fn row_41_tables_of_others_are_not_touched<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    let conn = &mut database.connect();
    D::execute(
        conn,
        "CREATE TABLE oauth2_token (id INTEGER NOT NULL PRIMARY KEY, access_token VARCHAR(255))",
    );
    let table = "oauth2_token";
    assert_eq!(run(conn), Err(MigrationError::TableExists { table }));
    assert_eq!(existing_tables::<D>(conn), [table]);
    assert!(matches!(
        adopt(conn),
        Err(MigrationError::NotAdoptable {
            table: "oauth2_client",
            ..
        })
    ));
    // A table with a column too few.
    D::execute(
        conn,
        &AUTHLIB_S_TABLES.replace(" oauth2_token ", " other_token "),
    );
    let error = adopt(conn).expect_err("oauth2_token lacks most columns");
    assert!(
        matches!(&error, MigrationError::NotAdoptable { table: "oauth2_token", reason }
            if reason.contains("user_id")),
        "{error:?}"
    );
    assert_eq!(pending(conn), Ok(versions()));
}

/// As SQLAlchemy makes them from authlib's mixins.
const AUTHLIB_S_TABLES: &str = "
    CREATE TABLE oauth2_client (
        id INTEGER NOT NULL, user_id INTEGER, client_id VARCHAR(48), client_secret VARCHAR(120),
        client_id_issued_at INTEGER NOT NULL, client_secret_expires_at INTEGER NOT NULL, client_metadata TEXT,
        PRIMARY KEY (id)
    );
    CREATE INDEX ix_oauth2_client_client_id ON oauth2_client (client_id);
    CREATE TABLE oauth2_code (
        id INTEGER NOT NULL, user_id INTEGER, code VARCHAR(120) NOT NULL, client_id VARCHAR(48), redirect_uri TEXT,
        response_type TEXT, scope TEXT, nonce TEXT, auth_time INTEGER NOT NULL, acr TEXT, amr TEXT,
        code_challenge TEXT, code_challenge_method VARCHAR(48), PRIMARY KEY (id), UNIQUE (code)
    );
    CREATE TABLE oauth2_token (
        id INTEGER NOT NULL, user_id INTEGER, client_id VARCHAR(48), token_type VARCHAR(40),
        access_token VARCHAR(255) NOT NULL, refresh_token VARCHAR(255), scope TEXT, issued_at INTEGER NOT NULL,
        access_token_revoked_at INTEGER NOT NULL, refresh_token_revoked_at INTEGER NOT NULL,
        expires_in INTEGER NOT NULL, PRIMARY KEY (id), UNIQUE (access_token)
    );
    CREATE INDEX ix_oauth2_token_refresh_token ON oauth2_token (refresh_token);";

fn row_41_authlib_s_live_tables_are_adopted_and_never_dropped<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    let conn = &mut database.connect();
    D::execute(conn, AUTHLIB_S_TABLES);
    D::execute(
        conn,
        "INSERT INTO oauth2_client (id, client_id, client_id_issued_at, client_secret_expires_at)
         VALUES (1, 'c', 0, 0)",
    );
    assert!(matches!(run(conn), Err(MigrationError::TableExists { .. })));
    assert_eq!(adopt(conn), Ok(Some(FIRST.to_owned())));
    assert_eq!(adopt(conn), Ok(None));
    assert!(status(conn).expect("a status")[0].applied);
    assert_eq!(run(conn), Ok(later_versions()));
    assert_eq!(existing_tables::<D>(conn), TABLES);
    assert_eq!(revert_all(conn), Ok(newest_first()));
    assert_eq!(existing_tables::<D>(conn), FIRST_TABLES);
    assert_eq!(D::number(conn, "SELECT count(*) FROM oauth2_client"), 1);
    // Forgotten, not dropped: they can be adopted again.
    assert_eq!(adopt(conn), Ok(Some(FIRST.to_owned())));
}

fn row_41_a_newer_release_s_version_is_left_alone<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let conn = &mut database.connect();
    D::execute(
        conn,
        "INSERT INTO __diesel_oauth2_migrations (version, state) VALUES ('29990101000000', 'applied')",
    );
    assert_eq!(run(conn), Ok(vec![]));
    assert_eq!(pending(conn), Ok(vec![]));
    let version = "29990101000000".to_owned();
    assert_eq!(
        revert_last(conn),
        Err(MigrationError::UnknownVersion { version })
    );
    assert_eq!(existing_tables::<D>(conn), TABLES);
}

fn rows_of_the_first_version_survive_the_later_ones_and_their_revert<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    let conn = &mut database.connect();
    revert_to_the_first(conn);
    D::execute(
        conn,
        "INSERT INTO oauth2_client (client_id, client_secret) VALUES ('c', 's');
         INSERT INTO oauth2_code (client_id, code, auth_time) VALUES ('c', 'o', 5);
         INSERT INTO oauth2_token (client_id, access_token, refresh_token, issued_at, expires_in)
         VALUES ('c', 'a', 'r', 7, 60)",
    );
    assert_eq!(run(conn), Ok(later_versions()));
    let count =
        |conn: &mut D::Conn, rows: &str| D::number(conn, &format!("SELECT count(*) FROM {rows}"));
    let token = "oauth2_token WHERE access_token = 'a' AND refresh_token = 'r' AND issued_at = 7 \
                 AND grant_id IS NULL AND refresh_token_rotated_at = 0";
    assert_eq!(count(conn, token), 1);
    let code =
        "oauth2_code WHERE code = 'o' AND auth_time = 5 AND grant_id IS NULL AND redeemed_at = 0";
    assert_eq!(count(conn, code), 1);
    let client = "oauth2_client WHERE client_id = 'c' AND client_secret = 's' \
                  AND previous_client_secret IS NULL AND previous_client_secret_expires_at = 0";
    assert_eq!(count(conn, client), 1);
    revert_to_the_first(conn);
    assert_eq!(count(conn, "oauth2_token WHERE access_token = 'a'"), 1);
    assert_eq!(count(conn, "oauth2_client WHERE client_secret = 's'"), 1);
    assert_eq!(run(conn), Ok(later_versions()));
}

fn row_42_live_beside_the_apps_own_migrations_both_ways_round<D: TestDatabase>() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Even a version of the same number.
    let names = ["00000000000001_first", "20261124000000_second"];
    for name in names {
        write_app_migration(folder.path(), name);
    }
    let app = FileBasedMigrations::from_path(folder.path()).expect("migrations");

    for app_first in [true, false] {
        let Some(database) = D::create() else { return };
        let conn = &mut database.connect();
        let run_app = |conn: &mut D::Conn| {
            let applied = conn.run_pending_migrations(app.clone()).expect("run");
            assert_eq!(applied.len(), 2);
        };
        if app_first {
            run_app(conn);
        }
        assert_eq!(run(conn), Ok(versions()));
        if !app_first {
            run_app(conn);
        }
        D::execute(
            conn,
            "INSERT INTO oauth2_client (client_id) VALUES ('c'); INSERT INTO app_second (id) VALUES (1)",
        );

        // `diesel migration redo`, and then `revert --all`
        let reverted = conn.revert_last_migration(app.clone()).expect("reverts");
        assert_eq!(reverted.to_string(), "20261124000000");
        let again = conn.run_pending_migrations(app.clone()).expect("run");
        assert_eq!(again.len(), 1);
        let reverted = conn.revert_all_migrations(app.clone()).expect("reverts");
        assert_eq!(reverted.len(), 2);
        assert_eq!(D::number(conn, "SELECT count(*) FROM oauth2_client"), 1);
        assert_eq!(pending(conn), Ok(vec![]));

        // The other way round.
        run_app(conn);
        D::execute(conn, "INSERT INTO app_second (id) VALUES (1)");
        assert_eq!(revert_all(conn), Ok(newest_first()));
        assert!(existing_tables::<D>(conn).is_empty());
        assert_eq!(D::number(conn, "SELECT count(*) FROM app_second"), 1);
        assert!(
            !conn.has_pending_migration(app.clone()).expect("a status"),
            "the app's versions are still noted"
        );
        assert_eq!(run(conn), Ok(versions()));
    }
}

fn write_app_migration(folder: &Path, name: &str) {
    let (_, table) = name.split_once('_').expect("a version and a name");
    let folder = folder.join(name);
    std::fs::create_dir(&folder).expect("a folder");
    let up = format!("CREATE TABLE app_{table} (id INTEGER NOT NULL PRIMARY KEY)");
    std::fs::write(folder.join("up.sql"), up).expect("a file");
    std::fs::write(folder.join("down.sql"), format!("DROP TABLE app_{table}")).expect("a file");
}

/// The names of the bundled tables that exist, sorted.
fn existing_tables<D: TestDatabase>(conn: &mut D::Conn) -> Vec<String> {
    D::strings(
        conn,
        match D::NAME {
            "sqlite" => {
                "SELECT name AS value FROM sqlite_master
                 WHERE type = 'table' AND name LIKE 'oauth2%' ORDER BY name"
            }
            "postgres" => {
                "SELECT table_name::text AS value FROM information_schema.tables
                 WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND table_name LIKE 'oauth2%'
                 ORDER BY table_name"
            }
            _ => {
                "SELECT table_name AS value FROM information_schema.tables
                 WHERE table_schema = DATABASE() AND table_name LIKE 'oauth2%' ORDER BY table_name"
            }
        },
    )
}

/// From here on this connection is refused every write.
fn make_read_only<D: TestDatabase>(conn: &mut D::Conn) {
    D::execute(
        conn,
        match D::NAME {
            "sqlite" => "PRAGMA query_only = ON",
            "postgres" => "SET default_transaction_read_only = on",
            _ => "SET SESSION TRANSACTION READ ONLY",
        },
    );
}
