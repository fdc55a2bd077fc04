use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use diesel_oauth2::migrations::MigrationError;

use super::{
    Connected, Dialect, Found, MigrationTarget, PATIENCE_SECONDS, State, TRACKING_TABLE,
    load_notes, notes, same_in_every_dialect,
};

/// The migrations for SQLite, as a source for Diesel's own harness.
pub const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

impl MigrationTarget for SqliteConnection {}

impl Connected for SqliteConnection {
    type Connection = Self;

    fn connected(&mut self) -> &mut Self {
        self
    }
}

impl Dialect for SqliteConnection {
    const MIGRATIONS: EmbeddedMigrations = SQLITE_MIGRATIONS;

    fn exclusively<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, MigrationError>,
    ) -> Result<T, MigrationError> {
        patiently(self, |connection| {
            if crate::transaction::is_inside(connection) {
                connection.transaction(work)
            } else {
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

    fn notes(&mut self) -> Result<Vec<(String, State)>, MigrationError> {
        patiently(self, |connection| load_notes!(connection))
    }

    same_in_every_dialect!();
}

#[derive(QueryableByName)]
struct BusyTimeout {
    #[diesel(sql_type = Integer)]
    timeout: i32,
}

/// Without a busy timeout SQLite does not wait for others at all, not even to read.
fn patiently<T>(
    connection: &mut SqliteConnection,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, MigrationError>,
) -> Result<T, MigrationError> {
    const PATIENCE: i32 = PATIENCE_SECONDS as i32 * 1000;

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
