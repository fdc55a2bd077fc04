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

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use diesel_oauth2::migrations::{MigrationError, MigrationSet};

pub use diesel_oauth2::migrations::MigrationTarget;

/// The migrations for SQLite, as a source for Diesel's own harness.
#[cfg(feature = "sqlite")]
pub const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// The migrations for PostgreSQL, as a source for Diesel's own harness.
#[cfg(feature = "postgres")]
pub const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The migrations for MySQL and MariaDB, as a source for Diesel's own harness.
#[cfg(feature = "mysql")]
pub const MYSQL_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/mysql");

static MIGRATIONS: MigrationSet = {
    let set = MigrationSet::new("__diesel_oauth2_oauth_as_migrations").tables(&[
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
/// Those of [`MigrationSet::run`].
pub fn run<C: MigrationTarget>(connection: &mut C) -> Result<Vec<String>, MigrationError> {
    MIGRATIONS.run(connection)
}

/// The versions that [`run`] would apply, oldest first. Only reads.
///
/// # Errors
/// Those of [`MigrationSet::pending`].
pub fn pending<C: MigrationTarget>(connection: &mut C) -> Result<Vec<String>, MigrationError> {
    MIGRATIONS.pending(connection)
}

/// Reverts every applied version and returns them, newest first: it drops the tables with all that is in them.
///
/// # Errors
/// Those of [`MigrationSet::revert_all`].
pub fn revert_all<C: MigrationTarget>(connection: &mut C) -> Result<Vec<String>, MigrationError> {
    MIGRATIONS.revert_all(connection)
}
