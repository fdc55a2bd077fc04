use crate::Error;

/// Why migrations could not be run, named by what the caller can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// Another process held the lock for too long: its migration, or on SQLite any writing. Nothing was done. Retry.
    #[error("another process kept the database locked for too long")]
    Busy,

    /// MySQL and MariaDB: the connection is inside a transaction, which defining a table would commit. Nothing was
    /// done. Call again outside of it.
    #[error("migrations on MySQL would commit the transaction that the connection is in")]
    InsideTransaction,

    /// A table of this name is there, and these migrations did not make it. Nothing was done. Give the other table another
    /// name, or [`adopt`](super::adopt) it if it is one of those of the bundled migrations.
    #[error("table {table} exists already, and not through these migrations")]
    TableExists {
        /// The table.
        table: &'static str,
    },

    /// A table to be adopted lacks something. Nothing was done.
    #[error("table {table} cannot be adopted: {reason}")]
    NotAdoptable {
        /// The table.
        table: &'static str,
        /// What it lacks, in the database's words.
        reason: String,
    },

    /// A version that this release does not have was applied: by a newer release, which can revert it.
    #[error("version {version} is not known to this release")]
    UnknownVersion {
        /// The version.
        version: String,
    },

    /// The [set](super::MigrationSet) has no migrations for this connection's database. Nothing was done. Turn on the
    /// feature of the database in the crate that the set is of.
    #[error("{version_table} has no migrations for this database: is its feature on?")]
    NoMigrations {
        /// The table in which the set notes what was applied.
        version_table: &'static str,
    },

    /// A migration's own statements failed. What the database rolled back, and what not, is told in the
    /// [module's documentation](super#when-a-migration-fails).
    #[error("migration {version} failed: {message}")]
    Failed {
        /// The version.
        version: String,
        /// The database's words, which name tables and columns and quote no row.
        message: String,
        /// The same as a storage error.
        #[source]
        cause: Error,
    },

    /// The database could not be read, or not be written, before any migration's own statements.
    #[error("the state of the migrations could not be read or noted: {0}")]
    Database(#[source] Error),
}

impl From<Error> for MigrationError {
    fn from(error: Error) -> Self {
        match error {
            Error::LockTimeout => MigrationError::Busy,
            error => MigrationError::Database(error),
        }
    }
}

impl From<diesel::result::Error> for MigrationError {
    fn from(error: diesel::result::Error) -> Self {
        Error::from(error).into()
    }
}
