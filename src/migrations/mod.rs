//! The bundled tables, made and kept up to date from within the program.
//!
//! ```
//! use diesel::prelude::*;
//! use diesel_oauth2::migrations;
//!
//! # #[cfg(feature = "sqlite")] {
//! let mut connection = SqliteConnection::establish(":memory:").unwrap();
//! let applied = migrations::run(&mut connection)?;
//! assert_eq!(applied.len(), 4);
//! assert!(migrations::run(&mut connection)?.is_empty(), "running again changes nothing");
//! # }
//! # Ok::<(), migrations::MigrationError>(())
//! ```
//!
//! Each function takes a connection of Diesel's or one out of an r2d2 pool.
//!
//! # Beside the application's own migrations
//! What was applied is noted in a table of this crate's own, `__diesel_oauth2_migrations`. The application's
//! `diesel migration run`, `revert` and `redo` do not see these versions, nor do these functions see the
//! application's, so no version can collide with another.
//!
//! Who would rather have everything in Diesel's `__diesel_schema_migrations` gives `SQLITE_MIGRATIONS`,
//! `POSTGRES_MIGRATIONS` or `MYSQL_MIGRATIONS` to Diesel's own harness, and then never calls [`run`].
//!
//! # Many processes at once
//! [`run`] may be called by every process at its start. Where something is to be done they go one after the other, and
//! all but the first find nothing left to do. Where nothing is, [`run`] only reads: no lock is taken, and a read-only
//! replica is fine. A process that waits a minute in vain gets [`MigrationError::Busy`].
//!
//! # When a migration fails
//! * *SQLite, PostgreSQL*: everything that the call did is rolled back. Inside a transaction of the caller's, it is part
//!   of that transaction.
//! * *MySQL, MariaDB*: these commit after each statement that defines a table, so the part done so far stays. It is
//!   noted as begun, each statement skips what exists, and the next [`run`] completes it. Inside a transaction of the
//!   caller's, which would be committed midway, the functions refuse to work
//!   ([`MigrationError::InsideTransaction`]). The lock is one server's: in a Galera cluster, migrate on one node.
//!
//! # Tables that exist already
//! [`run`] does not touch tables of the same names that it did not make ([`MigrationError::TableExists`]). [`adopt`]
//! takes over those of a running authlib deployment as they are.
//!
//! # Another crate's tables
//! A crate that adds tables of its own, such as an adapter for a server crate, runs its migrations in the same way, with
//! notes of their own: [`MigrationSet`].

#[cfg_attr(
    not(any(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(dead_code)
)]
mod dialect;
mod error;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
mod set;
#[cfg(feature = "sqlite")]
mod sqlite;

use diesel::connection::SimpleConnection;
use diesel::r2d2::{ManageConnection, PooledConnection};

use dialect::{Connected, Dialect, State};
pub use error::MigrationError;
#[cfg(feature = "mysql")]
pub use mysql::MYSQL_MIGRATIONS;
#[cfg(feature = "postgres")]
pub use postgres::POSTGRES_MIGRATIONS;
pub use set::{MigrationSet, MigrationStatus};
#[cfg(feature = "sqlite")]
pub use sqlite::SQLITE_MIGRATIONS;

/// A connection whose database the migrations know: Diesel's `SqliteConnection`, `PgConnection` and
/// `MysqlConnection` as the features enable them, and an r2d2 pool's connection of those types.
#[diagnostic::on_unimplemented(
    message = "the migrations have no dialect for a connection of type `{Self}`",
    note = "enable the feature of its database: `sqlite`, `postgres` or `mysql`",
    note = "pass Diesel's own connection, or an r2d2 pool's connection of that type"
)]
pub trait MigrationTarget: Connected {}

impl<M> MigrationTarget for PooledConnection<M>
where
    M: ManageConnection,
    M::Connection: MigrationTarget,
{
}

/// The tables of the first version, with the columns that authlib's mixins and their users' models have.
const FIRST_TABLES: [(&str, &str); 3] = [
    (
        "oauth2_client",
        "id, user_id, client_id, client_secret, client_id_issued_at, client_secret_expires_at, client_metadata",
    ),
    (
        "oauth2_code",
        "id, user_id, code, client_id, redirect_uri, response_type, scope, nonce, auth_time, acr, amr, \
         code_challenge, code_challenge_method",
    ),
    (
        "oauth2_token",
        "id, user_id, client_id, token_type, access_token, refresh_token, scope, issued_at, \
         access_token_revoked_at, refresh_token_revoked_at, expires_in",
    ),
];

/// The bundled migrations.
static BUNDLED: MigrationSet = {
    let set = MigrationSet::new("__diesel_oauth2_migrations").tables(&[
        FIRST_TABLES[0].0,
        FIRST_TABLES[1].0,
        FIRST_TABLES[2].0,
    ]);
    #[cfg(feature = "sqlite")]
    let set = set.sqlite(SQLITE_MIGRATIONS);
    #[cfg(feature = "postgres")]
    let set = set.postgres(POSTGRES_MIGRATIONS);
    #[cfg(feature = "mysql")]
    let set = set.mysql(MYSQL_MIGRATIONS);
    set
};

/// Applies what is pending and returns the versions applied, oldest first.
///
/// # Errors
/// [`MigrationError::Busy`] where other processes are at it for a minute, [`MigrationError::TableExists`] where a
/// table is there that this crate did not make, and whatever the database has against it.
pub fn run<C: MigrationTarget>(connection: &mut C) -> Result<Vec<String>, MigrationError> {
    BUNDLED.run(connection)
}

/// Every bundled migration, oldest first, and whether it was applied. Only reads.
///
/// # Errors
/// Only what the database has against reading.
pub fn status<C: MigrationTarget>(
    connection: &mut C,
) -> Result<Vec<MigrationStatus>, MigrationError> {
    BUNDLED.status(connection)
}

/// The versions that [`run`] would apply, oldest first. Only reads.
///
/// # Errors
/// Only what the database has against reading.
pub fn pending<C: MigrationTarget>(connection: &mut C) -> Result<Vec<String>, MigrationError> {
    BUNDLED.pending(connection)
}

/// Reverts the last applied version and returns it, or `None` where nothing was applied.
///
/// Reverting the first version drops the tables with all that is in them, unless they were [adopted](adopt): those
/// stay, and are only forgotten.
///
/// # Errors
/// [`MigrationError::UnknownVersion`] where a newer release of this crate applied it; otherwise as [`run`].
pub fn revert_last<C: MigrationTarget>(
    connection: &mut C,
) -> Result<Option<String>, MigrationError> {
    BUNDLED.revert_last(connection)
}

/// Reverts every applied version and returns them, newest first. See [`revert_last`].
///
/// # Errors
/// As [`revert_last`].
pub fn revert_all<C: MigrationTarget>(connection: &mut C) -> Result<Vec<String>, MigrationError> {
    BUNDLED.revert_all(connection)
}

/// Takes over tables that are there already, as those of a running authlib deployment: notes the first version as
/// applied without running it, and returns it, or `None` where that was noted before. [`run`] then applies what later
/// versions add.
///
/// The tables must have the names and at least the columns of the first version. Nothing of them is changed: their
/// integers stay 32 bits wide, and on MySQL their secrets stay in the collation that they have. The bundled models read
/// them all the same.
///
/// # Errors
/// [`MigrationError::NotAdoptable`] where a table or column is missing; otherwise as [`run`].
pub fn adopt<C: MigrationTarget>(connection: &mut C) -> Result<Option<String>, MigrationError> {
    let connection = connection.connected();
    let Some(first) = BUNDLED.steps::<C::Connection>()?.into_iter().next() else {
        return Ok(None);
    };
    let is_recorded = |connection: &mut C::Connection| {
        let records = connection.records(BUNDLED.version_table())?;
        // On MySQL, a version only begun is this crate's own work, to be completed and not adopted.
        Ok::<_, MigrationError>(set::state_of(&records, &first.version).is_some())
    };
    if is_recorded(connection)? {
        return Ok(None);
    }
    connection.exclusively(BUNDLED.version_table(), |connection| {
        connection.create_notes(BUNDLED.version_table())?;
        if is_recorded(connection)? {
            return Ok(None);
        }
        for (table, columns) in FIRST_TABLES {
            if !connection.has_table(table)? {
                return Err(MigrationError::NotAdoptable {
                    table,
                    reason: "it does not exist".to_owned(),
                });
            }
            let no_rows = format!("SELECT {columns} FROM {table} WHERE 1 = 0");
            connection.batch_execute(&no_rows).map_err(|error| {
                match crate::Error::from(error) {
                    crate::Error::SchemaMismatch { message } => MigrationError::NotAdoptable {
                        table,
                        reason: message,
                    },
                    other => other.into(),
                }
            })?;
        }
        connection.insert_record(BUNDLED.version_table(), &first.version, State::Adopted)?;
        Ok(Some(first.version.clone()))
    })
}

#[cfg(all(test, any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
mod tests {
    use super::*;

    const NOTES: &str = "__diesel_oauth2_migrations";

    /// Two connections to one database: while the first is at it, the second is refused after a while; then it works.
    fn only_one_at_a_time<C: Dialect + MigrationTarget<Connection = C>>(
        one: &mut C,
        another: &mut C,
    ) {
        one.exclusively(NOTES, |_| {
            assert_eq!(
                another.exclusively(NOTES, |_| Ok(())),
                Err(MigrationError::Busy),
                "the lock is held"
            );
            Ok(())
        })
        .expect("the lock is free");
        another
            .exclusively(NOTES, |_| Ok(()))
            .expect("the lock is free");
        // Work that fails gives it back as well.
        let version = "1".to_owned();
        let failure = MigrationError::UnknownVersion { version };
        assert_eq!(
            one.exclusively(NOTES, |_| Err::<(), _>(failure.clone())),
            Err(failure)
        );
        another
            .exclusively(NOTES, |_| Ok(()))
            .expect("the lock is free");
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn row_41_only_one_at_a_time_on_sqlite() {
        use diesel::{Connection, SqliteConnection};

        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("test.sqlite");
        let connect =
            || SqliteConnection::establish(file.to_str().expect("UTF-8")).expect("a database");
        only_one_at_a_time(&mut connect(), &mut connect());
    }

    /// On the administrator's own database: nothing is written there.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    fn only_one_at_a_time_on<C: Dialect + MigrationTarget<Connection = C>>(variable: &str) {
        let Ok(url) = std::env::var(variable) else {
            assert!(
                std::env::var_os("DIESEL_OAUTH2_TEST_REQUIRE_ALL").is_none(),
                "{variable} is not set, and every database is asked for"
            );
            eprintln!("skipped: {variable} is not set");
            return;
        };
        let connect = || C::establish(&url).expect("the test server answers");
        only_one_at_a_time(&mut connect(), &mut connect());
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn row_41_only_one_at_a_time_on_postgres() {
        only_one_at_a_time_on::<diesel::PgConnection>("DIESEL_OAUTH2_TEST_POSTGRES_URL");
    }

    #[cfg(feature = "mysql")]
    #[test]
    fn row_41_only_one_at_a_time_on_mysql() {
        only_one_at_a_time_on::<diesel::MysqlConnection>("DIESEL_OAUTH2_TEST_MYSQL_URL");
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_set_without_migrations_for_the_database_does_nothing() {
        use diesel::{Connection, SqliteConnection};

        static EMPTY: MigrationSet = MigrationSet::new("__empty_migrations");
        let connection = &mut SqliteConnection::establish(":memory:").expect("a database");
        let version_table = "__empty_migrations";
        let refused = MigrationError::NoMigrations { version_table };
        assert_eq!(EMPTY.run(connection), Err(refused.clone()));
        assert_eq!(EMPTY.pending(connection), Err(refused));
        assert_eq!(EMPTY.revert_all(connection), Ok(Vec::new()));
        assert_eq!(connection.has_table(version_table), Ok(false));
    }

    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    #[test]
    fn each_migration_runs_inside_the_transaction_of_the_call() {
        fn check<C: Dialect>() {
            for step in BUNDLED.steps::<C>().expect("migrations") {
                // One that may not would need a lock that outlives transactions.
                assert!(step.migration.metadata().run_in_transaction());
            }
        }

        #[cfg(feature = "sqlite")]
        check::<diesel::SqliteConnection>();
        #[cfg(feature = "postgres")]
        check::<diesel::PgConnection>();
    }
}
