//! Fresh databases to test on: a file for SQLite; for PostgreSQL and MariaDB a database of its own on the server that
//! `DIESEL_OAUTH2_TEST_POSTGRES_URL` and `DIESEL_OAUTH2_TEST_MYSQL_URL` name.
//!
//! Without such a URL the test is skipped and says so, unless `DIESEL_OAUTH2_TEST_REQUIRE_ALL` is set: then it fails.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_oauth2::pool::{DatabaseConnection, PoolBuilder};
use diesel_oauth2::table::{RegistrableClientTable, RotatableClientTable, TokenTable};
use diesel_oauth2_oauth_as::migrations::MigrationTarget;
use diesel_oauth2_oauth_as::{Database, DieselStorage};
use oauth_as::store::RevocationWindow;
use oauth_as::{Client, ClientAuth, ClientId, GrantType, ScopeSet};

/// A database for one test, removed when dropped.
pub trait TestDatabase: Sized + 'static {
    type Conn: Database + DatabaseConnection + MigrationTarget;

    /// The core's bundled client.
    type Client: RegistrableClientTable<Self::Conn, Extra = ()> + RotatableClientTable<Self::Conn>;

    /// The access tokens of `oauth-as` as the core reads them.
    type BearerToken: TokenTable<Self::Conn, UserId = String, Extra = ()>;

    /// Whether it commits after each statement that defines a table.
    const COMMITS_MIDWAY: bool = false;

    /// Whether one connection writes at a time.
    const HAS_ONE_WRITER: bool = false;

    /// An empty database, or `None` where the test is to be skipped.
    fn create() -> Option<Self>;

    /// Where it is.
    fn url(&self) -> String;

    /// The rows of a query of one text column named `value`.
    fn strings(conn: &mut Self::Conn, query: &str) -> Vec<String>;

    /// The names of all tables, and what makes one row of a table a text.
    fn tables(conn: &mut Self::Conn) -> Vec<(String, String)>;

    /// What is in the database's files, where they are at hand.
    fn files(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// A plain connection, without the settings that the crate's pool makes.
    fn connect(&self) -> Self::Conn {
        Self::Conn::establish(&self.url()).expect("the test database answers")
    }

    /// A database with the tables of both crates, or `None` where the test is to be skipped.
    fn create_migrated() -> Option<Self> {
        let database = Self::create()?;
        let mut conn = database.connect();
        diesel_oauth2::migrations::run(&mut conn).expect("the core's migrations run");
        diesel_oauth2_oauth_as::migrations::run(&mut conn).expect("the migrations run");
        Some(database)
    }

    fn pool(&self, size: u32) -> Pool<ConnectionManager<Self::Conn>> {
        PoolBuilder::new(self.url())
            .max_size(size)
            .build()
            .expect("the pool connects")
    }

    fn storage(&self) -> DatabaseStorage<Self> {
        DieselStorage::new(self.pool(12))
    }

    /// Runs statements without a result.
    fn execute(&self, statements: &str) {
        if let Err(error) = self.connect().batch_execute(statements) {
            panic!("{error}, in {statements}");
        }
    }

    /// The single number that a query gives.
    fn number(&self, query: &str) -> i64 {
        let query = format!("SELECT CAST(({query}) AS CHAR(20)) AS value");
        let value = Self::strings(&mut self.connect(), &query).remove(0);
        value.trim().parse().expect("a number")
    }
}

pub type DatabaseStorage<D> = DieselStorage<Pool<ConnectionManager<<D as TestDatabase>::Conn>>>;

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

/// Runs the future on several threads.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// A clock that the test turns.
#[derive(Clone)]
pub struct TestClock(Arc<Mutex<SystemTime>>);

impl TestClock {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(at(0))))
    }

    pub fn advance(&self, seconds: u64) {
        *self.0.lock().expect("the clock") += Duration::from_secs(seconds);
    }
}

impl oauth_as::Clock for TestClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().expect("the clock")
    }
}

/// A moment of the tests' time.
pub fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::new(1_800_000_000 + seconds, 123_456_789)
}

/// What a revocation leaves behind: it was now, and nothing lives for longer than a day.
pub fn window(recorded_at: SystemTime) -> RevocationWindow {
    RevocationWindow {
        recorded_at,
        until: recorded_at + Duration::from_secs(86_400),
    }
}

pub fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).expect("scopes")
}

/// A client that may do everything, with no secret.
pub fn public_client(client_id: &str) -> Client {
    Client {
        client_id: ClientId::new(client_id),
        auth: ClientAuth::Public,
        grant_types: vec![
            GrantType::AuthorizationCode,
            GrantType::RefreshToken,
            GrantType::DeviceCode,
        ],
        redirect_uris: vec!["https://app.example/cb".to_owned()],
        allowed_scopes: scopes("profile email"),
        default_scopes: scopes("profile"),
        name: Some("App".to_owned()),
        registration: None,
    }
}

/// How often a race is run.
pub fn rounds() -> usize {
    std::env::var("DIESEL_OAUTH2_TEST_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(20)
}

#[derive(QueryableByName)]
struct Value {
    #[diesel(sql_type = diesel::sql_types::Text)]
    value: String,
}

macro_rules! strings {
    () => {
        fn strings(conn: &mut Self::Conn, query: &str) -> Vec<String> {
            let rows = diesel::sql_query(query).load::<Value>(conn);
            let rows = rows.unwrap_or_else(|error| panic!("{error}, in {query}"));
            rows.into_iter().map(|row| row.value).collect()
        }
    };
}

#[cfg(feature = "sqlite")]
pub struct Sqlite {
    folder: tempfile::TempDir,
}

#[cfg(feature = "sqlite")]
impl TestDatabase for Sqlite {
    const HAS_ONE_WRITER: bool = true;

    type Conn = SqliteConnection;
    type Client = diesel_oauth2::models::Client;
    type BearerToken = diesel_oauth2_oauth_as::BearerToken;

    fn create() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Some(Self { folder })
    }

    fn url(&self) -> String {
        let file = self.folder.path().join("test.sqlite");
        file.to_str().expect("a path in UTF-8").to_owned()
    }

    fn files(&self) -> Vec<Vec<u8>> {
        let files = std::fs::read_dir(self.folder.path()).expect("the folder");
        let read = |file: std::io::Result<std::fs::DirEntry>| {
            std::fs::read(file.expect("a file").path()).expect("is read")
        };
        files.map(read).collect()
    }

    fn tables(conn: &mut Self::Conn) -> Vec<(String, String)> {
        let tables = Self::strings(
            conn,
            "SELECT name AS value FROM sqlite_master WHERE type = 'table'",
        );
        let row = |table: &String| {
            let columns = Self::strings(
                conn,
                &format!("SELECT name AS value FROM pragma_table_info('{table}')"),
            );
            let texts = columns
                .iter()
                .map(|column| format!("COALESCE(CAST({column} AS TEXT), '')"));
            texts.collect::<Vec<_>>().join(" || ' ' || ")
        };
        let rows: Vec<String> = tables.iter().map(row).collect();
        tables.into_iter().zip(rows).collect()
    }

    strings!();
}

#[cfg(feature = "postgres")]
pub struct Postgres(server::OnServer<PgConnection>);

#[cfg(feature = "postgres")]
impl TestDatabase for Postgres {
    type Conn = PgConnection;
    type Client = diesel_oauth2::models::Client;
    type BearerToken = diesel_oauth2_oauth_as::BearerToken;

    fn create() -> Option<Self> {
        server::OnServer::create("DIESEL_OAUTH2_TEST_POSTGRES_URL", |name| {
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        })
        .map(Self)
    }

    fn url(&self) -> String {
        self.0.url()
    }

    fn tables(conn: &mut Self::Conn) -> Vec<(String, String)> {
        let tables = Self::strings(
            conn,
            "SELECT tablename::text AS value FROM pg_tables WHERE schemaname = 'public'",
        );
        let row = |table: &String| format!("{table}::text");
        let rows: Vec<String> = tables.iter().map(row).collect();
        tables.into_iter().zip(rows).collect()
    }

    strings!();
}

#[cfg(feature = "mysql")]
pub struct Mysql(server::OnServer<MysqlConnection>);

#[cfg(feature = "mysql")]
impl TestDatabase for Mysql {
    const COMMITS_MIDWAY: bool = true;

    type Conn = MysqlConnection;
    type Client = diesel_oauth2::models::Client;
    type BearerToken = diesel_oauth2_oauth_as::BearerToken;

    fn create() -> Option<Self> {
        server::OnServer::create("DIESEL_OAUTH2_TEST_MYSQL_URL", |name| {
            format!("DROP DATABASE IF EXISTS {name}")
        })
        .map(Self)
    }

    fn url(&self) -> String {
        self.0.url()
    }

    fn tables(conn: &mut Self::Conn) -> Vec<(String, String)> {
        let tables = Self::strings(
            conn,
            "SELECT CAST(table_name AS CHAR) AS value FROM information_schema.tables WHERE table_schema = DATABASE()",
        );
        let row = |table: &String| {
            let columns = Self::strings(
                conn,
                &format!(
                    "SELECT CAST(column_name AS CHAR) AS value FROM information_schema.columns
                     WHERE table_schema = DATABASE() AND table_name = '{table}'"
                ),
            );
            let texts = columns
                .iter()
                .map(|column| format!("COALESCE(CAST({column} AS CHAR), '')"));
            format!("CONCAT_WS(' ', {})", texts.collect::<Vec<_>>().join(", "))
        };
        let rows: Vec<String> = tables.iter().map(row).collect();
        tables.into_iter().zip(rows).collect()
    }

    strings!();
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server {
    use std::marker::PhantomData;
    use std::sync::atomic::{AtomicU32, Ordering};

    use diesel::Connection;

    /// A database on a server, dropped with this.
    pub struct OnServer<C: Connection> {
        admin_url: String,
        name: String,
        drop: fn(&str) -> String,
        connection: PhantomData<C>,
    }

    impl<C: Connection> OnServer<C> {
        pub fn create(variable: &str, drop: fn(&str) -> String) -> Option<Self> {
            static COUNTER: AtomicU32 = AtomicU32::new(0);

            let Ok(admin_url) = std::env::var(variable) else {
                assert!(
                    std::env::var_os("DIESEL_OAUTH2_TEST_REQUIRE_ALL").is_none(),
                    "{variable} is not set, and every database is asked for"
                );
                eprintln!("skipped: {variable} is not set");
                return None;
            };
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("diesel_oauth2_oauth_as_{}_{number}", std::process::id());
            let mut admin = C::establish(&admin_url).expect("the test server answers");
            // One of the same process id may have been killed.
            for statement in [drop(&name), format!("CREATE DATABASE {name}")] {
                admin.batch_execute(&statement).expect(&statement);
            }
            Some(Self {
                admin_url,
                name,
                drop,
                connection: PhantomData,
            })
        }

        pub fn url(&self) -> String {
            let (url, parameters) = match self.admin_url.split_once('?') {
                Some((url, parameters)) => (url, format!("?{parameters}")),
                None => (self.admin_url.as_str(), String::new()),
            };
            let (server, _) = url.rsplit_once('/').expect("a URL with a database");
            format!("{server}/{}{parameters}", self.name)
        }
    }

    impl<C: Connection> Drop for OnServer<C> {
        fn drop(&mut self) {
            let dropped = C::establish(&self.admin_url)
                .map_err(|error| error.to_string())
                .and_then(|mut admin| {
                    let statement = (self.drop)(&self.name);
                    (admin.batch_execute(&statement)).map_err(|error| error.to_string())
                });
            if let Err(error) = dropped {
                eprintln!("{} is left on the server: {error}", self.name);
            }
        }
    }
}
