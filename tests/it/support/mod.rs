//! Fresh databases to test on: a file for SQLite; for PostgreSQL and MariaDB a database of its own on the server that
//! `DIESEL_OAUTH2_TEST_POSTGRES_URL` and `DIESEL_OAUTH2_TEST_MYSQL_URL` name (`./test.sh servers` starts both).
//!
//! Without such a URL the test is skipped and says so, unless `DIESEL_OAUTH2_TEST_REQUIRE_ALL` is set: then it fails.

#[cfg(any(feature = "postgres", feature = "mysql"))]
#[allow(dead_code)] // whole, whatever the tests of the databases at hand use of it
pub mod private_server;
#[cfg(feature = "postgres")]
pub mod replicated;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;

use diesel::Connection;
use diesel_migrations::MigrationHarness;
use diesel_oauth2::migrations::{self, MigrationTarget};
use diesel_oauth2::pool::DatabaseConnection;

#[cfg(feature = "mysql")]
pub use server::Mysql;
#[cfg(feature = "postgres")]
pub use server::Postgres;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;

/// A database for one test, removed when dropped.
pub trait TestDatabase: Sized + 'static {
    type Conn: DatabaseConnection
        + MigrationTarget
        + MigrationHarness<<Self::Conn as Connection>::Backend>;

    /// The connection whose statements are awaited; `()` without the feature for it.
    type AsyncConn: crate::awaited::bounds::AwaitedConn;

    /// As it is called in a list of expectations: `sqlite`, `postgres` or `mysql`.
    const NAME: &'static str;

    /// An empty database, or `None` where the test is to be skipped.
    fn create() -> Option<Self>;

    /// Where it is.
    fn url(&self) -> String;

    /// The rows of a query of one text column named `value`.
    fn strings(conn: &mut Self::Conn, query: &str) -> Vec<String>;

    /// How the database would run this query. Its parameters are written `?` and bound to the texts given.
    fn explain(conn: &mut Self::Conn, query: &str, parameters: &[&str]) -> String;

    /// A plain connection, without the settings that the crate's pool makes.
    fn connect(&self) -> Self::Conn {
        Self::Conn::establish(&self.url()).expect("the test database answers")
    }

    /// A database with the bundled tables, or `None` where the test is to be skipped.
    fn create_migrated() -> Option<Self> {
        let database = Self::create()?;
        migrations::run(&mut database.connect()).expect("the migrations run");
        Some(database)
    }

    /// Runs statements without a result.
    fn execute(conn: &mut Self::Conn, statements: &str) {
        if let Err(error) = diesel::connection::SimpleConnection::batch_execute(conn, statements) {
            panic!("{error}, in {statements}");
        }
    }

    /// The single number that a query gives.
    fn number(conn: &mut Self::Conn, query: &str) -> i64 {
        let query = format!("SELECT CAST(({query}) AS CHAR(20)) AS value");
        let value = Self::strings(conn, &query).remove(0);
        value.trim().parse().expect("a number")
    }
}

/// Makes a test of each database out of a generic function of the same name, `fn name<D: TestDatabase>()`.
macro_rules! on_every_database {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[cfg(feature = "sqlite")]
            #[test]
            fn sqlite() {
                super::$name::<crate::support::Sqlite>();
            }
            #[cfg(feature = "postgres")]
            #[test]
            fn postgres() {
                super::$name::<crate::support::Postgres>();
            }
            #[cfg(feature = "mysql")]
            #[test]
            fn mysql() {
                super::$name::<crate::support::Mysql>();
            }
        }
    )*};
}
pub(crate) use on_every_database;

/// A row of [`TestDatabase::strings`].
#[derive(diesel::QueryableByName)]
struct Value {
    #[diesel(sql_type = diesel::sql_types::Text)]
    value: String,
}
