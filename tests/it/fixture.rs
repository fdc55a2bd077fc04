//! A schema on a database, so that one test body runs on every database with the bundled models and with an own schema.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use chrono::DateTime;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool, PooledConnection};
use diesel_oauth2::clock::Clock;
use diesel_oauth2::pool::{ConnectionPool, DatabaseConnection, Intent, PoolBuilder};
use diesel_oauth2::table::{
    AgedTable, DeviceCodeTable, FamilyTokenTable, GrantTable, RedeemableCodeTable,
    RegistrableClientTable, RevocableTokenTable, RotatableClientTable, TokenTable,
};
use diesel_oauth2::{
    ClientMetadata, Error, OAuth2Grant, OAuth2Token, TokenRequest, TokenResponse,
    create_query_client_func, create_save_token_func_with_clock,
};

use crate::awaited::bounds::{
    AwaitedClient, AwaitedCode, AwaitedConn, AwaitedDevice, AwaitedRevocable, AwaitedRows,
    AwaitedToken,
};
use crate::own_schema::Context;
use crate::support::TestDatabase;

/// The moment at which every test's clock starts.
pub const NOW: i64 = 1_790_000_000;

/// A client as a test registers it.
#[derive(Clone, Debug, Default)]
pub struct NewClient {
    pub id: String,
    pub secret: Option<String>,
    pub secret_expires_at: i64,
    pub metadata: ClientMetadata,
}

/// A pool for the blocking functions, and where another one can be made for those that are awaited.
pub struct TestPool<F: Fixture> {
    pool: Pool<ConnectionManager<F::Conn>>,
    url: String,
    size: u32,
    awaited: Arc<OnceLock<<F::AsyncConn as AwaitedConn>::Pool>>,
}

impl<F: Fixture> TestPool<F> {
    /// The pool of connections whose statements are awaited.
    #[allow(dead_code)]
    pub fn awaited(&self) -> &<F::AsyncConn as AwaitedConn>::Pool {
        self.awaited
            .get_or_init(|| F::AsyncConn::pool(&self.url, self.size))
    }
}

impl<F: Fixture> Clone for TestPool<F> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            url: self.url.clone(),
            size: self.size,
            awaited: Arc::clone(&self.awaited),
        }
    }
}

impl<F: Fixture> std::ops::Deref for TestPool<F> {
    type Target = Pool<ConnectionManager<F::Conn>>;

    fn deref(&self) -> &Self::Target {
        &self.pool
    }
}

impl<F: Fixture> ConnectionPool for TestPool<F> {
    type Connection = F::Conn;

    fn run<T>(
        &self,
        intent: Intent,
        work: impl FnMut(&mut F::Conn) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.pool.run(intent, work)
    }
}

type UserId<F> = <<F as Fixture>::Token as OAuth2Token>::UserId;
type Extra<F> = <<F as Fixture>::Token as OAuth2Token>::Extra;

/// A fresh database with one schema in it.
pub trait Fixture: Sized + 'static {
    type Conn: DatabaseConnection;
    /// The connection whose statements are awaited.
    type AsyncConn: AwaitedConn;
    type Client: RegistrableClientTable<Self::Conn, Extra = ()>
        + RotatableClientTable<Self::Conn>
        + AwaitedClient<Self::AsyncConn>
        + Clone;
    type Token: FamilyTokenTable<
            Self::Conn,
            Grant = Self::Grant,
            GrantId = <Self::Grant as OAuth2Grant>::Id,
            UserId = <Self::Grant as OAuth2Grant>::UserId,
        > + AgedTable<Self::Conn>
        + AwaitedToken<Self::AsyncConn>;
    type Grant: GrantTable<Self::Conn>
        + AgedTable<Self::Conn, Key = <Self::Grant as OAuth2Grant>::Id>;
    /// The same table with secrets stored in plain.
    type PlainToken: RevocableTokenTable<
            Self::Conn,
            UserId = <Self::Token as OAuth2Token>::UserId,
            Extra = <Self::Token as OAuth2Token>::Extra,
        > + AwaitedRevocable<Self::AsyncConn>;
    /// The same table with plain secrets found too.
    type EitherToken: TokenTable<Self::Conn> + AwaitedRows<Self::AsyncConn>;
    /// The same table with plain secrets found too, and rewritten.
    type MovingToken: TokenTable<Self::Conn> + AwaitedRows<Self::AsyncConn>;
    type Code: RedeemableCodeTable<
            Self::Conn,
            GrantId = <Self::Grant as OAuth2Grant>::Id,
            UserId = <Self::Token as OAuth2Token>::UserId,
            Extra = <Self::Token as OAuth2Token>::Extra,
        > + AgedTable<Self::Conn>
        + AwaitedCode<Self::AsyncConn>;

    type Device: DeviceCodeTable<
            Self::Conn,
            GrantId = <Self::Grant as OAuth2Grant>::Id,
            UserId = <Self::Token as OAuth2Token>::UserId,
            Extra = <Self::Token as OAuth2Token>::Extra,
        > + AgedTable<Self::Conn>
        + AwaitedDevice<Self::AsyncConn>;

    /// Makes the database and its tables, or says why it cannot.
    fn create() -> Option<Self>;

    /// Where the database is.
    fn url(&self) -> String;

    /// A client id of this schema's form; the same number gives the same id.
    fn client_id(number: u32) -> String;

    /// The user with this number.
    fn user(number: u32) -> UserId<Self>;

    /// What fills the extra columns.
    fn extra() -> Extra<Self>;

    /// Stores a client.
    fn insert_client(conn: &mut Self::Conn, client: &NewClient);

    /// How many tokens are stored.
    fn count_tokens(conn: &mut Self::Conn) -> i64;

    /// Removes every token.
    fn delete_tokens(conn: &mut Self::Conn);

    /// Every text stored in the token table.
    fn stored_texts(conn: &mut Self::Conn) -> Vec<String>;

    fn pool(&self) -> TestPool<Self> {
        self.pool_of(4)
    }

    /// Where every thread of a race has a connection of its own.
    fn pool_of(&self, connections: u32) -> TestPool<Self> {
        let pool = PoolBuilder::new(self.url())
            .max_size(connections)
            .lock_timeout(std::time::Duration::from_secs(60))
            .synchronous(diesel_oauth2::pool::Synchronous::Normal)
            .build()
            .expect("the test database answers");
        TestPool {
            pool,
            url: self.url(),
            size: connections,
            awaited: Arc::default(),
        }
    }
}

/// What most tests begin with: a pool, a client, and a clock to turn.
pub struct Scene<F: Fixture> {
    // Dropped after the pool, because it drops the database.
    pub pool: TestPool<F>,
    pub client: F::Client,
    pub clock: ManualClock,
    pub fixture: F,
    /// Whether tokens are saved by the functions that are awaited.
    #[cfg(feature = "deadpool")]
    is_awaited: bool,
}

impl<F: Fixture> Scene<F> {
    pub fn set_up() -> Option<Self> {
        let fixture = F::create()?;
        let pool = fixture.pool();
        let client = register::<F>(&pool, &confidential_client::<F>(1));
        Some(Self {
            pool,
            client,
            clock: ManualClock::default(),
            fixture,
            #[cfg(feature = "deadpool")]
            is_awaited: crate::awaited::facade::is_running(),
        })
    }

    pub fn conn(&self) -> PooledConnection<ConnectionManager<F::Conn>> {
        self.pool.get().expect("a connection is free")
    }

    /// Saves a token for user 1.
    pub fn save(&self, response: &TokenResponse) -> Result<(), Error> {
        self.save_for(response, Some(1))
    }

    pub fn save_for(&self, response: &TokenResponse, user: Option<u32>) -> Result<(), Error> {
        self.save_as::<F::Token>(response, user)
    }

    /// Saves a token in plain for user 1.
    pub fn save_plain(&self, response: &TokenResponse) -> Result<(), Error> {
        self.save_as::<F::PlainToken>(response, Some(1))
    }

    fn save_as<M>(&self, response: &TokenResponse, user: Option<u32>) -> Result<(), Error>
    where
        M: TokenTable<F::Conn, UserId = UserId<F>, Extra = Extra<F>> + AwaitedRows<F::AsyncConn>,
    {
        let mut request = TokenRequest::new(&self.client).extra(F::extra());
        if let Some(user) = user {
            request = request.user(F::user(user));
        }
        #[cfg(feature = "deadpool")]
        if self.is_awaited {
            let save_token = crate::awaited::facade::create_save_token_func_with_clock::<M, _, _>(
                self.pool.clone(),
                self.clock.clone(),
            );
            return save_token(response, &request);
        }
        let save_token =
            create_save_token_func_with_clock::<M, _, _>(self.pool.clone(), self.clock.clone());
        save_token(response, &request)
    }

    /// What tokens for user 1 are saved with.
    pub fn request(&self) -> TokenRequest<'_, UserId<F>, Extra<F>> {
        Self::request_of(&self.client)
    }

    /// [`request`](Self::request) for threads, which cannot share the scene.
    pub fn request_of(client: &F::Client) -> TokenRequest<'_, UserId<F>, Extra<F>> {
        TokenRequest::new(client).user(F::user(1)).extra(F::extra())
    }

    /// Another client of the same kind.
    pub fn another_client(&self, number: u32) -> F::Client {
        register::<F>(&self.pool, &confidential_client::<F>(number))
    }
}

pub fn register<F: Fixture>(pool: &TestPool<F>, client: &NewClient) -> F::Client {
    F::insert_client(&mut pool.get().expect("a connection is free"), client);
    create_query_client_func::<F::Client, _>(pool.clone())(&client.id)
        .expect("the look-up works")
        .expect("the client was just registered")
}

pub fn confidential_client<F: Fixture>(number: u32) -> NewClient {
    NewClient {
        id: F::client_id(number),
        secret: Some("s3cret".into()),
        secret_expires_at: 0,
        metadata: ClientMetadata {
            redirect_uris: vec!["https://a.example/cb".into(), "https://b.example/cb".into()],
            grant_types: vec!["authorization_code".into(), "refresh_token".into()],
            response_types: vec!["code".into()],
            scope: Some("profile email address".into()),
            ..Default::default()
        },
    }
}

pub fn public_client<F: Fixture>(number: u32) -> NewClient {
    let mut client = confidential_client::<F>(number);
    client.secret = None;
    client.metadata.token_endpoint_auth_method = Some("none".into());
    client
}

/// How many rounds a race is run: a few, or as many as `DIESEL_OAUTH2_TEST_ROUNDS` says.
pub fn rounds() -> usize {
    let rounds = std::env::var("DIESEL_OAUTH2_TEST_ROUNDS").ok();
    rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(20)
}

/// A token response with both tokens, one hour and the scope `profile email`.
pub fn token(name: &str) -> TokenResponse {
    let mut response = TokenResponse::bearer(format!("access-{name}"));
    response.refresh_token = Some(format!("refresh-{name}"));
    response.scope = Some("profile email".into());
    response.expires_in = Some(3600);
    response
}

/// A clock that stands still until it is turned.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl Default for ManualClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(NOW)))
    }
}

impl ManualClock {
    pub fn set(&self, now: i64) {
        self.0.store(now, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The bundled tables and models.
pub struct Bundled<D>(pub D);

/// A schema of the user's own.
pub struct Own<D>(pub D);

/// Makes a test of each database and schema out of a generic function of the same name.
macro_rules! on_every_schema {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[allow(unused_imports)]
            use crate::fixture::{Bundled, Own};

            #[cfg(feature = "sqlite")]
            #[test]
            fn sqlite_bundled() {
                super::super::api::run(super::$name::<Bundled<crate::support::Sqlite>>);
            }
            #[cfg(feature = "sqlite")]
            #[test]
            fn sqlite_own() {
                super::super::api::run(super::$name::<Own<crate::support::Sqlite>>);
            }
            #[cfg(feature = "postgres")]
            #[test]
            fn postgres_bundled() {
                super::super::api::run(super::$name::<Bundled<crate::support::Postgres>>);
            }
            #[cfg(all(feature = "postgres", feature = "uuid"))]
            #[test]
            fn postgres_own() {
                super::super::api::run(super::$name::<Own<crate::support::Postgres>>);
            }
            #[cfg(feature = "mysql")]
            #[test]
            fn mysql_bundled() {
                super::super::api::run(super::$name::<Bundled<crate::support::Mysql>>);
            }
            #[cfg(feature = "mysql")]
            #[test]
            fn mysql_own() {
                super::super::api::run(super::$name::<Own<crate::support::Mysql>>);
            }
        }
    )*};
}
pub(crate) use on_every_schema;

macro_rules! bundled {
    ($database:ident) => {
        impl Fixture for Bundled<crate::support::$database> {
            type Conn = <crate::support::$database as TestDatabase>::Conn;
            type AsyncConn = <crate::support::$database as TestDatabase>::AsyncConn;
            type Client = diesel_oauth2::models::Client;
            type Token = diesel_oauth2::models::Token;
            type PlainToken = diesel_oauth2::models::authlib::Token;
            type EitherToken = crate::bundled_schema::EitherToken;
            type MovingToken = crate::bundled_schema::MovingToken;
            type Code = diesel_oauth2::models::AuthorizationCode;
            type Grant = diesel_oauth2::models::Grant;
            type Device = diesel_oauth2::models::DeviceCode;

            fn create() -> Option<Self> {
                crate::support::$database::create_migrated().map(Self)
            }

            fn url(&self) -> String {
                self.0.url()
            }

            fn client_id(number: u32) -> String {
                format!("Client-{number}")
            }

            fn user(number: u32) -> i64 {
                number.into()
            }

            fn extra() {}

            fn insert_client(conn: &mut Self::Conn, client: &NewClient) {
                use diesel_oauth2::schema::oauth2_client::dsl::*;

                diesel::insert_into(oauth2_client)
                    .values((
                        client_id.eq(&client.id),
                        client_secret.eq(&client.secret),
                        client_id_issued_at.eq(NOW),
                        client_secret_expires_at.eq(client.secret_expires_at),
                        client_metadata.eq(&client.metadata),
                    ))
                    .execute(conn)
                    .expect("the client is stored");
            }

            fn count_tokens(conn: &mut Self::Conn) -> i64 {
                crate::support::$database::number(conn, "SELECT count(*) FROM oauth2_token")
            }

            fn delete_tokens(conn: &mut Self::Conn) {
                crate::support::$database::execute(conn, "DELETE FROM oauth2_token");
            }

            fn stored_texts(conn: &mut Self::Conn) -> Vec<String> {
                stored_texts::<crate::support::$database>(
                    conn,
                    "oauth2_token",
                    &["access_token", "refresh_token", "scope", "token_type"],
                )
            }
        }
    };
}

macro_rules! own {
    ($database:ident, $module:ident, $uuid:ty, $new_uuid:expr, $tables:expr) => {
        impl Fixture for Own<crate::support::$database> {
            type Conn = <crate::support::$database as TestDatabase>::Conn;
            type AsyncConn = <crate::support::$database as TestDatabase>::AsyncConn;
            type Client = crate::own_schema::$module::App;
            type Token = crate::own_schema::$module::AccessGrant;
            type PlainToken = crate::own_schema::$module::PlainAccessGrant;
            type EitherToken = crate::own_schema::$module::EitherAccessGrant;
            type MovingToken = crate::own_schema::$module::MovingAccessGrant;
            type Code = crate::own_schema::$module::Consent;
            type Grant = crate::own_schema::$module::Family;
            type Device = crate::own_schema::$module::Pairing;

            fn create() -> Option<Self> {
                let database = crate::support::$database::create()?;
                crate::support::$database::execute(&mut database.connect(), &$tables);
                Some(Self(database))
            }

            fn url(&self) -> String {
                self.0.url()
            }

            fn client_id(number: u32) -> String {
                uuid(number).to_string()
            }

            fn user(number: u32) -> $uuid {
                $new_uuid(uuid(number))
            }

            fn extra() -> Context {
                Context {
                    tenant: "north".into(),
                    device: Some("telephone".into()),
                }
            }

            fn insert_client(conn: &mut Self::Conn, client: &NewClient) {
                use crate::own_schema::$module::apps::dsl::*;

                let time = |seconds| DateTime::from_timestamp(seconds, 0).map(|at| at.naive_utc());
                let id = client.id.parse().expect("a UUID");
                let until =
                    time(client.secret_expires_at).filter(|_| client.secret_expires_at != 0);
                diesel::insert_into(apps)
                    .values((
                        key.eq($new_uuid(id)),
                        passphrase.eq(&client.secret),
                        registered.eq(time(NOW).expect("a time")),
                        passphrase_until.eq(until),
                        settings.eq(&client.metadata),
                        redirects.eq(client.metadata.redirect_uris.join("\n")),
                    ))
                    .execute(conn)
                    .expect("the client is stored");
            }

            fn count_tokens(conn: &mut Self::Conn) -> i64 {
                crate::support::$database::number(conn, "SELECT count(*) FROM access_grants")
            }

            fn delete_tokens(conn: &mut Self::Conn) {
                crate::support::$database::execute(conn, "DELETE FROM access_grants");
            }

            fn stored_texts(conn: &mut Self::Conn) -> Vec<String> {
                stored_texts::<crate::support::$database>(
                    conn,
                    "access_grants",
                    &[
                        "secret",
                        "renewal",
                        "permissions",
                        "kind",
                        "answer",
                        "tenant",
                        "device",
                        "note",
                    ],
                )
            }
        }
    };
}

fn stored_texts<D: TestDatabase>(conn: &mut D::Conn, table: &str, columns: &[&str]) -> Vec<String> {
    let texts = columns.iter().flat_map(|column| {
        let query = format!("SELECT {column} AS value FROM {table} WHERE {column} IS NOT NULL");
        D::strings(conn, &query)
    });
    texts.collect()
}

/// A UUID with letters, so that case matters.
#[allow(dead_code)]
fn uuid(number: u32) -> uuid::Uuid {
    uuid::Uuid::from_u128(0xabcd_ef00_0000_4000_8000_0000_0000_0000 | u128::from(number))
}

#[cfg(feature = "sqlite")]
bundled!(Sqlite);
#[cfg(feature = "postgres")]
bundled!(Postgres);
#[cfg(feature = "mysql")]
bundled!(Mysql);

#[cfg(feature = "sqlite")]
own!(
    Sqlite,
    sqlite,
    crate::own_schema::TextUuid,
    crate::own_schema::TextUuid,
    crate::own_schema::sqlite::TABLES
);
#[cfg(all(feature = "postgres", feature = "uuid"))]
own!(
    Postgres,
    postgres,
    uuid::Uuid,
    std::convert::identity::<uuid::Uuid>,
    crate::own_schema::postgres::tables()
);
#[cfg(feature = "mysql")]
own!(
    Mysql,
    mysql,
    crate::own_schema::TextUuid,
    crate::own_schema::TextUuid,
    crate::own_schema::mysql::TABLES
);
