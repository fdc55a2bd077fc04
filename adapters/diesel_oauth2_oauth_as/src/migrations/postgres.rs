use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use diesel_oauth2::migrations::MigrationError;

use super::{
    Connected, Dialect, Found, MigrationTarget, PATIENCE_SECONDS, State, TRACKING_TABLE,
    load_notes, notes, same_in_every_dialect,
};

/// The migrations for PostgreSQL, as a source for Diesel's own harness.
pub const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The advisory lock's key, which is this database's alone: "oautha" and a version of the scheme, as bytes.
const LOCK_KEY: i64 = 0x6f61_7574_6861_0001;

impl MigrationTarget for PgConnection {}

impl Connected for PgConnection {
    type Connection = Self;

    fn connected(&mut self) -> &mut Self {
        self
    }
}

impl Dialect for PgConnection {
    const MIGRATIONS: EmbeddedMigrations = POSTGRES_MIGRATIONS;

    fn exclusively<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, MigrationError>,
    ) -> Result<T, MigrationError> {
        let work = |connection: &mut Self| {
            lock(connection)?;
            work(connection)
        };
        if crate::transaction::is_inside(self) {
            return self.transaction(work);
        }
        // Each statement must see what was committed while it waited for the lock, whatever the session's default.
        self.build_transaction().read_committed().run(work)
    }

    fn has_table(&mut self, table: &str) -> Result<bool, MigrationError> {
        // Only where CREATE TABLE would put it, and not further down the search path.
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

    fn notes(&mut self) -> Result<Vec<(String, State)>, MigrationError> {
        load_notes!(self)
    }

    same_in_every_dialect!();
}

#[derive(QueryableByName)]
struct LockTimeout {
    #[diesel(sql_type = Text)]
    lock_timeout: String,
}

/// Takes the lock until the end of the transaction. The session's own `lock_timeout` holds again for the migrations.
fn lock(connection: &mut PgConnection) -> Result<(), MigrationError> {
    let own: LockTimeout =
        diesel::sql_query("SELECT current_setting('lock_timeout') AS lock_timeout")
            .get_result(connection)?;
    connection.batch_execute(&format!(
        "SET LOCAL lock_timeout = '{PATIENCE_SECONDS}s'; SELECT pg_advisory_xact_lock({LOCK_KEY})"
    ))?;
    diesel::sql_query("SELECT set_config('lock_timeout', $1, true)")
        .bind::<Text, _>(own.lock_timeout)
        .execute(connection)?;
    Ok(())
}
