use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Text, Untyped};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use sha2::{Digest, Sha256};

use super::dialect::{self, Connected, Dialect, Found, State};
use super::{MigrationError, MigrationSet, MigrationTarget};

/// The bundled migrations for PostgreSQL, as a source for Diesel's own harness.
pub const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

impl MigrationTarget for PgConnection {}

impl Connected for PgConnection {
    type Connection = Self;

    fn connected(&mut self) -> &mut Self {
        self
    }
}

impl Dialect for PgConnection {
    fn migrations(set: &MigrationSet) -> Option<&EmbeddedMigrations> {
        set.postgres.as_ref()
    }

    fn exclusively<T>(
        &mut self,
        notes: &str,
        work: impl FnOnce(&mut Self) -> Result<T, MigrationError>,
    ) -> Result<T, MigrationError> {
        let work = |connection: &mut Self| {
            lock(connection, lock_key(notes))?;
            work(connection)
        };
        if dialect::is_in_transaction(self)? {
            return self.transaction(work);
        }
        // Each statement must see what was committed while it waited for the lock, whatever the session's default.
        self.build_transaction().read_committed().run(work)
    }

    fn has_table(&mut self, table: &str) -> Result<bool, MigrationError> {
        // Only where CREATE TABLE would put it, and not further down the search path: each schema of a database
        // divided among tenants has its own tables.
        let query = "
            SELECT EXISTS (
                SELECT FROM pg_catalog.pg_class AS class
                JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
                WHERE class.relname = $1 AND class.relkind IN ('r', 'p') AND namespace.nspname = current_schema()
            ) AS found";
        let row: Found = diesel::sql_query(query)
            .bind::<Text, _>(table)
            .get_result(self)?;
        Ok(row.found)
    }

    fn records(&mut self, notes: &str) -> Result<Vec<(String, State)>, MigrationError> {
        dialect::load_records!(self, notes)
    }

    dialect::same_in_every_dialect!();
}

/// The advisory lock's key, which is this database's alone: one for each table of notes.
fn lock_key(notes: &str) -> i64 {
    let digest = Sha256::digest(format!("diesel_oauth2 migrations {notes}"));
    digest[..8]
        .iter()
        .fold(0, |key, byte| key << 8 | i64::from(*byte))
}

#[derive(QueryableByName)]
struct LockTimeout {
    #[diesel(sql_type = Text)]
    lock_timeout: String,
}

/// Takes the lock until the end of the transaction, so that no path can leave it taken and a pooler in transaction mode
/// does not matter.
///
/// The session's own `lock_timeout`, which suits statements among live traffic, holds again for the migrations: one
/// that alters a table in use must not make everybody queue up behind it.
fn lock(connection: &mut PgConnection, key: i64) -> Result<(), MigrationError> {
    let own: LockTimeout =
        diesel::sql_query("SELECT current_setting('lock_timeout') AS lock_timeout")
            .get_result(connection)?;
    connection.batch_execute(&format!(
        "SET LOCAL lock_timeout = '{}s'; SELECT pg_advisory_xact_lock({key})",
        dialect::PATIENCE_SECONDS
    ))?;
    diesel::sql_query("SELECT set_config('lock_timeout', $1, true)")
        .bind::<Text, _>(own.lock_timeout)
        .execute(connection)?;
    Ok(())
}
