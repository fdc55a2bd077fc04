use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text, Untyped};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::dialect::{self, Connected, Dialect, Found, State};
use super::{MigrationError, MigrationSet, MigrationTarget};

/// The bundled migrations for SQLite, as a source for Diesel's own harness.
pub const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

impl MigrationTarget for SqliteConnection {}

impl Connected for SqliteConnection {
    type Connection = Self;

    fn connected(&mut self) -> &mut Self {
        self
    }
}

impl Dialect for SqliteConnection {
    fn migrations(set: &MigrationSet) -> Option<&EmbeddedMigrations> {
        set.sqlite.as_ref()
    }

    fn exclusively<T>(
        &mut self,
        _: &str,
        work: impl FnOnce(&mut Self) -> Result<T, MigrationError>,
    ) -> Result<T, MigrationError> {
        patiently(self, |connection| {
            if dialect::is_in_transaction(connection)? {
                connection.transaction(work)
            } else {
                // A transaction that reads first and writes later is refused, not made to wait, once another has
                // written in between.
                connection.immediate_transaction(work)
            }
        })
    }

    fn has_table(&mut self, table: &str) -> Result<bool, MigrationError> {
        let query = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?) AS found";
        let row: Found = diesel::sql_query(query)
            .bind::<Text, _>(table)
            .get_result(self)?;
        Ok(row.found)
    }

    fn records(&mut self, notes: &str) -> Result<Vec<(String, State)>, MigrationError> {
        patiently(self, |connection| dialect::load_records!(connection, notes))
    }

    dialect::same_in_every_dialect!();
}

#[derive(QueryableByName)]
struct BusyTimeout {
    #[diesel(sql_type = Integer)]
    timeout: i32,
}

/// Without a busy timeout SQLite does not wait for others at all.
fn patiently<T>(
    connection: &mut SqliteConnection,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, MigrationError>,
) -> Result<T, MigrationError> {
    const PATIENCE: i32 = dialect::PATIENCE_SECONDS as i32 * 1000;

    let own = diesel::sql_query("PRAGMA busy_timeout").get_result::<BusyTimeout>(connection)?;
    if own.timeout >= PATIENCE {
        return work(connection);
    }
    connection.batch_execute(&format!("PRAGMA busy_timeout = {PATIENCE}"))?;
    let result = work(connection);
    let restored = connection.batch_execute(&format!("PRAGMA busy_timeout = {}", own.timeout));
    let value = result?;
    restored?;
    Ok(value)
}
