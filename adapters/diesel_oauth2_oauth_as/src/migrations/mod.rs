//! The adapter's own tables, made from within the program. Run those of [`diesel_oauth2::migrations`] too: clients are in
//! its `oauth2_client`.
//!
//! ```
//! use diesel::prelude::*;
//! use diesel_oauth2_oauth_as::migrations;
//!
//! # #[cfg(feature = "sqlite")] {
//! let mut connection = SqliteConnection::establish(":memory:").unwrap();
//! diesel_oauth2::migrations::run(&mut connection)?;
//! assert_eq!(migrations::run(&mut connection)?.len(), 1);
//! assert!(migrations::run(&mut connection)?.is_empty(), "running again changes nothing");
//! # }
//! # Ok::<(), diesel_oauth2::migrations::MigrationError>(())
//! ```
//!
//! What was applied is noted in a table of the adapter's own, `__diesel_oauth2_oauth_as_migrations`, so no version can
//! collide with one of the application's or of `diesel_oauth2`'s. [`run`] may be called by every process at its start:
//! they go one after the other, and where nothing is to be done it only reads.
//!
//! On MySQL and MariaDB, which commit after each statement that defines a table, a run cut short is completed by the next.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use diesel::Connection;
use diesel::migration::{Migration, MigrationSource};
use diesel::r2d2::{ManageConnection, PooledConnection};
use diesel_migrations::EmbeddedMigrations;
use diesel_oauth2::Error;
use diesel_oauth2::migrations::MigrationError;

#[cfg(feature = "mysql")]
pub use mysql::MYSQL_MIGRATIONS;
#[cfg(feature = "postgres")]
pub use postgres::POSTGRES_MIGRATIONS;
#[cfg(feature = "sqlite")]
pub use sqlite::SQLITE_MIGRATIONS;

/// How long to wait for other processes.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
const PATIENCE_SECONDS: u32 = 60;

/// The tables of the first version.
const TABLES: [&str; 9] = [
    "oauth_as_access_token",
    "oauth_as_refresh_token",
    "oauth_as_code",
    "oauth_as_device_grant",
    "oauth_as_pushed_request",
    "oauth_as_consent",
    "oauth_as_replay_id",
    "oauth_as_barrier",
    // MySQL's alone.
    "oauth_as_lock",
];

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
const TRACKING_TABLE: &str = "__diesel_oauth2_oauth_as_migrations";

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod tracking {
    diesel::table! {
        // `run_on` is for people to read.
        __diesel_oauth2_oauth_as_migrations (version) {
            version -> Text,
            state -> Text,
            run_on -> Timestamp,
        }
    }
}
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use tracking::__diesel_oauth2_oauth_as_migrations as notes;

/// A connection whose database the migrations know: Diesel's `SqliteConnection`, `PgConnection` and `MysqlConnection` as
/// the features enable them, and an r2d2 pool's connection of those types.
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

/// Something that a connection of a known dialect can be had of.
#[doc(hidden)]
pub trait Connected {
    /// The connection's type.
    type Connection: Dialect;

    /// The connection.
    fn connected(&mut self) -> &mut Self::Connection;
}

impl<M> Connected for PooledConnection<M>
where
    M: ManageConnection,
    M::Connection: Connected,
{
    type Connection = <M::Connection as Connected>::Connection;

    fn connected(&mut self) -> &mut Self::Connection {
        (**self).connected()
    }
}

/// What is noted about a version.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its statements are under way. Seen from outside only where the database commits midway, after a failure.
    Begun,
    /// All its statements were run.
    Applied,
}

impl State {
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Applied => "applied",
        }
    }

    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    fn from_str(text: &str) -> Self {
        match text {
            "applied" => Self::Applied,
            _ => Self::Begun,
        }
    }
}

/// A database's own ways.
#[doc(hidden)]
pub trait Dialect: Connection + 'static {
    /// The migrations in this dialect.
    const MIGRATIONS: EmbeddedMigrations;

    /// Does `work` while no other process does such; as one transaction where the database can.
    fn exclusively<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, MigrationError>,
    ) -> Result<T, MigrationError>;

    /// Makes the table of notes where it is not there.
    fn create_tracking_table(&mut self) -> Result<(), MigrationError>;

    /// Whether the table exists where an unqualified CREATE TABLE would put it.
    fn has_table(&mut self, table: &str) -> Result<bool, MigrationError>;

    /// All notes. None where their table is not there.
    fn notes(&mut self) -> Result<Vec<(String, State)>, MigrationError>;

    /// Notes a version as begun.
    fn begin(&mut self, version: &str) -> Result<(), MigrationError>;

    /// Notes a version that was begun as applied.
    fn finish(&mut self, version: &str) -> Result<(), MigrationError>;

    /// Removes a version's note.
    fn forget(&mut self, version: &str) -> Result<(), MigrationError>;
}

/// Applies what is pending and returns the versions applied, oldest first.
///
/// # Errors
/// [`MigrationError::Busy`] where other processes are at it for a minute, [`MigrationError::TableExists`] where a table is
/// there that this crate did not make, on MySQL [`MigrationError::InsideTransaction`], and whatever the database has
/// against it.
pub fn run<C: MigrationTarget>(connection: &mut C) -> Result<Vec<String>, MigrationError> {
    let connection = connection.connected();
    // Without a lock and without writing: the usual start, on a database that is up to date.
    if pending_in(connection)?.is_empty() {
        return Ok(Vec::new());
    }
    connection.exclusively(|connection| {
        connection.create_tracking_table()?;
        let notes = connection.notes()?;
        let mut applied = Vec::new();
        for (index, (version, migration)) in steps::<C::Connection>()?.into_iter().enumerate() {
            match notes.iter().find(|(noted, _)| *noted == version) {
                Some((_, State::Applied)) => continue,
                Some((_, State::Begun)) => {}
                None => {
                    if index == 0 {
                        refuse_existing_tables(connection)?;
                    }
                    connection.begin(&version)?;
                }
            }
            (migration.run(connection)).map_err(|error| failed(&version, &*error))?;
            connection.finish(&version)?;
            applied.push(version);
        }
        Ok(applied)
    })
}

/// The versions that [`run`] would apply, oldest first. Only reads.
///
/// # Errors
/// Only what the database has against reading.
pub fn pending<C: MigrationTarget>(connection: &mut C) -> Result<Vec<String>, MigrationError> {
    pending_in(connection.connected())
}

/// Reverts every applied version and returns them, newest first: it drops the tables with all that is in them.
///
/// # Errors
/// [`MigrationError::UnknownVersion`] where a newer release of this crate applied one; otherwise as [`run`].
pub fn revert_all<C: MigrationTarget>(connection: &mut C) -> Result<Vec<String>, MigrationError> {
    let connection = connection.connected();
    if applied_in(connection)?.is_empty() {
        return Ok(Vec::new());
    }
    connection.exclusively(|connection| {
        let mut applied = applied_in(connection)?;
        applied.sort_unstable_by(|one, other| other.cmp(one));
        let steps = steps::<C::Connection>()?;
        for version in &applied {
            let Some((_, migration)) = steps.iter().find(|(known, _)| known == version) else {
                let version = version.clone();
                return Err(MigrationError::UnknownVersion { version });
            };
            (migration.revert(connection)).map_err(|error| failed(version, &*error))?;
            connection.forget(version)?;
        }
        Ok(applied)
    })
}

type Step<C> = (String, Box<dyn Migration<<C as Connection>::Backend>>);

/// Every migration, oldest first.
fn steps<C: Dialect>() -> Result<Vec<Step<C>>, MigrationError> {
    let migrations: Vec<Box<dyn Migration<C::Backend>>> =
        (C::MIGRATIONS.migrations()).map_err(|error| failed("of the crate", &*error))?;
    let mut steps: Vec<Step<C>> = migrations
        .into_iter()
        .map(|migration| (migration.name().version().to_string(), migration))
        .collect();
    steps.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    Ok(steps)
}

fn pending_in<C: Dialect>(connection: &mut C) -> Result<Vec<String>, MigrationError> {
    let applied = applied_in(connection)?;
    let versions = steps::<C>()?.into_iter().map(|(version, _)| version);
    Ok(versions
        .filter(|version| !applied.contains(version))
        .collect())
}

fn applied_in<C: Dialect>(connection: &mut C) -> Result<Vec<String>, MigrationError> {
    let notes = connection.notes()?.into_iter();
    let applied = notes.filter(|(_, state)| *state == State::Applied);
    Ok(applied.map(|(version, _)| version).collect())
}

/// MySQL would take a table of another's for its own.
fn refuse_existing_tables<C: Dialect>(connection: &mut C) -> Result<(), MigrationError> {
    for table in TABLES {
        if connection.has_table(table)? {
            return Err(MigrationError::TableExists { table });
        }
    }
    Ok(())
}

fn failed(version: &str, error: &(dyn std::error::Error + 'static)) -> MigrationError {
    // Diesel wraps the database's answer into a type that it does not export: only the text gets through. These
    // migrations touch no row that it could quote.
    let text = error.to_string();
    let message = match text.split_once(" with: ") {
        Some((_, message)) => message.to_owned(),
        None => text,
    };
    MigrationError::Failed {
        version: version.to_owned(),
        cause: Error::from(diesel::result::Error::DatabaseError(
            diesel::result::DatabaseErrorKind::Unknown,
            Box::new(message.clone()),
        )),
        message,
    }
}

/// The methods of [`Dialect`] that have the same body for each connection type. Generic over the type, they would need
/// bounds longer than themselves.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
macro_rules! same_in_every_dialect {
    () => {
        fn create_tracking_table(&mut self) -> Result<(), MigrationError> {
            self.batch_execute(
                "CREATE TABLE IF NOT EXISTS __diesel_oauth2_oauth_as_migrations (
                    version VARCHAR(50) NOT NULL PRIMARY KEY,
                    state VARCHAR(20) NOT NULL,
                    run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
                )",
            )?;
            Ok(())
        }

        fn begin(&mut self, version: &str) -> Result<(), MigrationError> {
            diesel::insert_into(notes::table)
                .values((
                    notes::version.eq(version),
                    notes::state.eq(State::Begun.as_str()),
                ))
                .execute(self)?;
            Ok(())
        }

        fn finish(&mut self, version: &str) -> Result<(), MigrationError> {
            diesel::update(notes::table.find(version))
                .set(notes::state.eq(State::Applied.as_str()))
                .execute(self)?;
            Ok(())
        }

        fn forget(&mut self, version: &str) -> Result<(), MigrationError> {
            diesel::delete(notes::table.find(version)).execute(self)?;
            Ok(())
        }
    };
}
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use same_in_every_dialect;

/// [`Dialect::notes`]; a macro for the same reason.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
macro_rules! load_notes {
    ($connection:expr) => {{
        if !$connection.has_table(TRACKING_TABLE)? {
            return Ok(Vec::new());
        }
        let rows: Vec<(String, String)> = notes::table
            .select((notes::version, notes::state))
            .load($connection)?;
        let rows = rows.into_iter();
        Ok(rows
            .map(|(version, state)| (version, State::from_str(&state)))
            .collect())
    }};
}
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use load_notes;

/// Whether a statement of [`Dialect::has_table`] found it.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
#[derive(diesel::QueryableByName)]
struct Found {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    found: bool,
}
