//! What differs between the databases, and the notes about what was applied.

use diesel::prelude::*;
use diesel::r2d2::{ManageConnection, PooledConnection};
use diesel_migrations::EmbeddedMigrations;

use super::MigrationError;

/// How long to wait for other processes. The unit tests wait in vain.
pub(super) const PATIENCE_SECONDS: u32 = if cfg!(test) { 1 } else { 60 };

// The notes. `run_on` is for people to read.
diesel::table! {
    __diesel_oauth2_migrations (version) {
        version -> Text,
        state -> Text,
        run_on -> Timestamp,
    }
}

pub(super) const TRACKING_TABLE: &str = "__diesel_oauth2_migrations";

pub(super) const CREATE_TRACKING_TABLE: &str = "
    CREATE TABLE IF NOT EXISTS __diesel_oauth2_migrations (
        version VARCHAR(50) NOT NULL PRIMARY KEY,
        state VARCHAR(20) NOT NULL,
        run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
    )";

/// What is noted about a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its statements are under way. Seen from outside only where the database commits midway, after a failure.
    Begun,
    /// All its statements were run.
    Applied,
    /// What it makes was there before; none of its statements was run.
    Adopted,
}

impl State {
    pub(super) fn is_applied(self) -> bool {
        matches!(self, State::Applied | State::Adopted)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            State::Begun => "begun",
            State::Applied => "applied",
            State::Adopted => "adopted",
        }
    }

    pub(super) fn from_str(text: &str) -> Self {
        match text {
            "applied" => State::Applied,
            "adopted" => State::Adopted,
            _ => State::Begun,
        }
    }
}

/// Something that a connection of a known dialect can be had of.
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

/// A database's own ways.
pub trait Dialect: Connection + 'static {
    /// The migrations in this dialect.
    const MIGRATIONS: EmbeddedMigrations;

    /// Does `work` while no other process does such; as one transaction where the database can.
    fn exclusively<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, MigrationError>,
    ) -> Result<T, MigrationError>;

    /// Whether the table exists where an unqualified CREATE TABLE would put it.
    fn has_table(&mut self, table: &str) -> Result<bool, MigrationError>;

    /// Makes the table of notes where it is not there.
    fn create_tracking_table(&mut self) -> Result<(), MigrationError>;

    /// All notes. None where their table is not there.
    fn records(&mut self) -> Result<Vec<(String, State)>, MigrationError>;

    /// Notes a version.
    fn insert_record(&mut self, version: &str, state: State) -> Result<(), MigrationError>;

    /// Changes a version's note.
    fn update_record(&mut self, version: &str, state: State) -> Result<(), MigrationError>;

    /// Removes a version's note.
    fn delete_record(&mut self, version: &str) -> Result<(), MigrationError>;
}

/// Whether a statement of [`Dialect::has_table`] found it.
#[derive(QueryableByName)]
pub(super) struct Found {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    pub(super) found: bool,
}

/// Whether the connection is inside a transaction.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(super) fn is_in_transaction<C: Connection>(connection: &mut C) -> Result<bool, MigrationError> {
    use diesel::connection::TransactionManager;

    let status = C::TransactionManager::transaction_manager_status_mut(connection);
    Ok(status.transaction_depth()?.is_some())
}

/// The methods of [`Dialect`] that have the same body for each connection type. Generic over the type, they would need
/// bounds longer than themselves.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
macro_rules! same_in_every_dialect {
    () => {
        fn create_tracking_table(&mut self) -> Result<(), MigrationError> {
            if !self.has_table(dialect::TRACKING_TABLE)? {
                self.batch_execute(dialect::CREATE_TRACKING_TABLE)?;
            }
            Ok(())
        }

        fn insert_record(&mut self, version: &str, state: State) -> Result<(), MigrationError> {
            use dialect::__diesel_oauth2_migrations as notes;

            diesel::insert_into(notes::table)
                .values((notes::version.eq(version), notes::state.eq(state.as_str())))
                .execute(self)?;
            Ok(())
        }

        fn update_record(&mut self, version: &str, state: State) -> Result<(), MigrationError> {
            use dialect::__diesel_oauth2_migrations as notes;

            diesel::update(notes::table.find(version))
                .set(notes::state.eq(state.as_str()))
                .execute(self)?;
            Ok(())
        }

        fn delete_record(&mut self, version: &str) -> Result<(), MigrationError> {
            use dialect::__diesel_oauth2_migrations as notes;

            diesel::delete(notes::table.find(version)).execute(self)?;
            Ok(())
        }
    };
}
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(super) use same_in_every_dialect;

/// [`Dialect::records`] once the table is known to exist; a macro for the same reason.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
macro_rules! load_records {
    ($connection:expr) => {{
        use dialect::__diesel_oauth2_migrations as notes;

        if !$connection.has_table(dialect::TRACKING_TABLE)? {
            return Ok(Vec::new());
        }
        let records: Vec<(String, String)> = notes::table
            .select((notes::version, notes::state))
            .load($connection)?;
        let records = records.into_iter();
        Ok(records
            .map(|(version, state)| (version, State::from_str(&state)))
            .collect())
    }};
}
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(super) use load_records;
