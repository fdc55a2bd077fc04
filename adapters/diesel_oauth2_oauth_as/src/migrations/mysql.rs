use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use diesel_oauth2::Error;
use diesel_oauth2::migrations::MigrationError;

use super::{
    Connected, Dialect, Found, MigrationTarget, PATIENCE_SECONDS, State, TRACKING_TABLE,
    load_notes, notes, same_in_every_dialect,
};

/// The migrations for MySQL and MariaDB, as a source for Diesel's own harness.
pub const MYSQL_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/mysql");

/// The lock's name, which is the server's: it tells the databases apart, in at most the 64 characters that it may have.
const LOCK_NAME: &str = "CONCAT('diesel_oauth2_oauth_as ', MD5(DATABASE()))";

impl MigrationTarget for MysqlConnection {}

impl Connected for MysqlConnection {
    type Connection = Self;

    fn connected(&mut self) -> &mut Self {
        self
    }
}

impl Dialect for MysqlConnection {
    const MIGRATIONS: EmbeddedMigrations = MYSQL_MIGRATIONS;

    fn exclusively<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, MigrationError>,
    ) -> Result<T, MigrationError> {
        if crate::transaction::is_inside(self) {
            return Err(MigrationError::InsideTransaction);
        }
        let lock = Lock::take(self)?;
        work(lock.connection)
    }

    fn has_table(&mut self, table: &str) -> Result<bool, MigrationError> {
        let query = "
            SELECT EXISTS (
                SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?
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

/// The lock while it is held: no transaction spans statements that define tables, so it is the session's.
struct Lock<'a> {
    connection: &'a mut MysqlConnection,
}

impl<'a> Lock<'a> {
    fn take(connection: &'a mut MysqlConnection) -> Result<Self, MigrationError> {
        let take = format!("GET_LOCK({LOCK_NAME}, {PATIENCE_SECONDS})");
        match diesel::select(sql::<Nullable<BigInt>>(&take)).get_result(connection)? {
            Some(1_i64) => Ok(Self { connection }),
            Some(_) => Err(MigrationError::Busy),
            None => Err(MigrationError::Database(Error::SchemaMismatch {
                message: "the connection has no database selected".to_owned(),
            })),
        }
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // Where this fails the connection is gone, and the lock with it.
        let _ = (self.connection).batch_execute(&format!("DO RELEASE_LOCK({LOCK_NAME})"));
    }
}
