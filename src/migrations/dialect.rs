//! What differs between the databases, and the notes about what was applied.

use diesel::prelude::*;
use diesel::r2d2::{ManageConnection, PooledConnection};
use diesel_migrations::EmbeddedMigrations;

use super::{MigrationError, MigrationSet};

/// How long to wait for other processes. The unit tests wait in vain.
pub(super) const PATIENCE_SECONDS: u32 = if cfg!(test) { 1 } else { 60 };

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

/// A database's own ways. `notes` is the name of a set's table of notes.
pub trait Dialect: Connection + 'static {
    /// The set's migrations in this dialect.
    fn migrations(set: &MigrationSet) -> Option<&EmbeddedMigrations>;

    /// Does `work` while no other process works on the same notes; as one transaction where the database can.
    fn exclusively<T>(
        &mut self,
        notes: &str,
        work: impl FnOnce(&mut Self) -> Result<T, MigrationError>,
    ) -> Result<T, MigrationError>;

    /// Whether the table exists where an unqualified CREATE TABLE would put it.
    fn has_table(&mut self, table: &str) -> Result<bool, MigrationError>;

    /// Makes the table of notes where it is not there.
    fn create_notes(&mut self, notes: &str) -> Result<(), MigrationError>;

    /// All notes. None where their table is not there.
    fn records(&mut self, notes: &str) -> Result<Vec<(String, State)>, MigrationError>;

    /// Notes a version.
    fn insert_record(
        &mut self,
        notes: &str,
        version: &str,
        state: State,
    ) -> Result<(), MigrationError>;

    /// Changes a version's note.
    fn update_record(
        &mut self,
        notes: &str,
        version: &str,
        state: State,
    ) -> Result<(), MigrationError>;

    /// Removes a version's note.
    fn delete_record(&mut self, notes: &str, version: &str) -> Result<(), MigrationError>;
}

/// A row of the notes.
#[derive(QueryableByName)]
pub(super) struct Record {
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub(super) version: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub(super) state: String,
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
        fn create_notes(&mut self, notes: &str) -> Result<(), MigrationError> {
            if !self.has_table(notes)? {
                // `run_on` is for people to read.
                self.batch_execute(&format!(
                    "CREATE TABLE IF NOT EXISTS {notes} (
                        version VARCHAR(50) NOT NULL PRIMARY KEY,
                        state VARCHAR(20) NOT NULL,
                        run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
                    )"
                ))?;
            }
            Ok(())
        }

        fn insert_record(
            &mut self,
            notes: &str,
            version: &str,
            state: State,
        ) -> Result<(), MigrationError> {
            let insert = format!("INSERT INTO {notes} (version, state) VALUES (");
            diesel::dsl::sql::<Untyped>(&insert)
                .bind::<Text, _>(version)
                .sql(", ")
                .bind::<Text, _>(state.as_str())
                .sql(")")
                .execute(self)?;
            Ok(())
        }

        fn update_record(
            &mut self,
            notes: &str,
            version: &str,
            state: State,
        ) -> Result<(), MigrationError> {
            diesel::dsl::sql::<Untyped>(&format!("UPDATE {notes} SET state = "))
                .bind::<Text, _>(state.as_str())
                .sql(" WHERE version = ")
                .bind::<Text, _>(version)
                .execute(self)?;
            Ok(())
        }

        fn delete_record(&mut self, notes: &str, version: &str) -> Result<(), MigrationError> {
            diesel::dsl::sql::<Untyped>(&format!("DELETE FROM {notes} WHERE version = "))
                .bind::<Text, _>(version)
                .execute(self)?;
            Ok(())
        }
    };
}
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(super) use same_in_every_dialect;

/// [`Dialect::records`]; a macro for the same reason.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
macro_rules! load_records {
    ($connection:expr, $notes:expr) => {{
        if !$connection.has_table($notes)? {
            return Ok(Vec::new());
        }
        let query = format!("SELECT version, state FROM {}", $notes);
        let records: Vec<dialect::Record> = diesel::sql_query(query).load($connection)?;
        let records = records.into_iter();
        Ok(records
            .map(|record| (record.version, State::from_str(&record.state)))
            .collect())
    }};
}
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(super) use load_records;
