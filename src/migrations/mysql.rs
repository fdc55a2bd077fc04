use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Untyped};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::dialect::{self, Connected, Dialect, Found, State};
use super::{MigrationError, MigrationSet, MigrationTarget};
use crate::Error;

/// The bundled migrations for MySQL and MariaDB, as a source for Diesel's own harness.
pub const MYSQL_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/mysql");

impl MigrationTarget for MysqlConnection {}

impl Connected for MysqlConnection {
    type Connection = Self;

    fn connected(&mut self) -> &mut Self {
        self
    }
}

impl Dialect for MysqlConnection {
    fn migrations(set: &MigrationSet) -> Option<&EmbeddedMigrations> {
        set.mysql.as_ref()
    }

    fn exclusively<T>(
        &mut self,
        notes: &str,
        work: impl FnOnce(&mut Self) -> Result<T, MigrationError>,
    ) -> Result<T, MigrationError> {
        if dialect::is_in_transaction(self)? {
            return Err(MigrationError::InsideTransaction);
        }
        let lock = Lock::take(self, notes)?;
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

    fn records(&mut self, notes: &str) -> Result<Vec<(String, State)>, MigrationError> {
        dialect::load_records!(self, notes)
    }

    dialect::same_in_every_dialect!();
}

/// The lock while it is held: no transaction spans statements that define tables, so it is the session's.
struct Lock<'a> {
    connection: &'a mut MysqlConnection,
    name: String,
}

impl<'a> Lock<'a> {
    fn take(connection: &'a mut MysqlConnection, notes: &str) -> Result<Self, MigrationError> {
        // The name is the server's: it tells databases and notes apart, in at most the 64 characters that it may have.
        let name =
            format!("CONCAT('diesel_oauth2 migrations ', MD5(CONCAT(DATABASE(), ' {notes}')))");
        let patience = dialect::PATIENCE_SECONDS;
        let take = format!("GET_LOCK({name}, {patience})");
        match diesel::select(sql::<Nullable<BigInt>>(&take)).get_result(connection)? {
            Some(1_i64) => Ok(Self { connection, name }),
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
        let _ = (self.connection).batch_execute(&format!("DO RELEASE_LOCK({})", self.name));
    }
}
