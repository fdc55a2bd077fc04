//! A schema on a database, so that one test body runs on every database with the bundled models and with an own schema.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool, PooledConnection};
use diesel_oauth2::clock::Clock;
use diesel_oauth2::pool::{DatabaseConnection, PoolBuilder};
use diesel_oauth2::table::{ClientTable, CodeTable, RevocableTokenTable};
use diesel_oauth2::{
    ClientMetadata, Error, OAuth2AuthorizationCode, OAuth2Client, OAuth2Token, TokenRequest,
    TokenResponse, create_query_client_func, create_save_token_func_with_clock,
};

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

pub type TestPool<F> = Pool<ConnectionManager<<F as Fixture>::Conn>>;
type UserId<F> = <<F as Fixture>::Token as OAuth2Token>::UserId;
type Extra<F> = <<F as Fixture>::Token as OAuth2Token>::Extra;

/// A fresh database with one schema in it.
pub trait Fixture: Sized {
    type Conn: DatabaseConnection;
    type Client: ClientTable<Self::Conn> + Clone;
    type Token: RevocableTokenTable<Self::Conn>;
    type Code: CodeTable<
            Self::Conn,
            UserId = <Self::Token as OAuth2Token>::UserId,
            Extra = <Self::Token as OAuth2Token>::Extra,
        >;

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

    /// Every text stored in the token table.
    fn stored_texts(conn: &mut Self::Conn) -> Vec<String>;

    /// Makes the first token found not revoked and issued at the given time, whatever it was.
    fn pool(&self) -> TestPool<Self> {
        PoolBuilder::new(self.url())
            .max_size(4)
            .build()
            .expect("the test database answers")
    }
}

/// What most tests begin with: a pool, a client, and a clock to turn.
pub struct Scene<F: Fixture> {
    // Dropped after the pool, because it drops the database.
    pub pool: TestPool<F>,
    pub client: F::Client,
    pub clock: ManualClock,
    pub fixture: F,
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
        let save_token =
            create_save_token_func_with_clock::<F::Token, _, _>(self.pool.clone(), self.clock.clone());
        let mut request = TokenRequest::new(&self.client).extra(F::extra());
        if let Some(user) = user {
            request = request.user(F::user(user));
        }
        save_token(response, &request)
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
