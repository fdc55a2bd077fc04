//! The bundled tables on a server of the test's own.

use std::time::Duration;

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_oauth2::Error;
use diesel_oauth2::migrations::{self, MigrationTarget};
use diesel_oauth2::pool::PoolBuilder;

use crate::fixture::{Bundled, Fixture, confidential_client};
use crate::support::private_server::{Kind, PrivateServer};

/// A fixture whose database can be had on a server of the test's own.
pub trait Served: Fixture<Conn: MigrationTarget> {
    type Kind: Kind<Conn = Self::Conn>;
}

#[cfg(feature = "postgres")]
impl Served for Bundled<crate::support::Postgres> {
    type Kind = crate::support::private_server::Postgres;
}

#[cfg(feature = "mysql")]
impl Served for Bundled<crate::support::Mysql> {
    type Kind = crate::support::private_server::Mariadb;
}

/// A server with the bundled tables, a client, a pool, and a family with the token `refresh-old`.
pub struct Private<F: Served> {
    // Dropped before the server, so that nothing is reconnected in vain.
    pub pool: Pool<ConnectionManager<F::Conn>>,
    pub client: F::Client,
    pub server: PrivateServer<F::Kind>,
}

impl<F: Served> Private<F> {
    /// `None` where this machine has no such server.
    pub fn set_up(settings: &[&str]) -> Option<Self> {
        Some(Self::on(PrivateServer::start(settings)?))
    }

    /// On a server that runs already.
    pub fn on(server: PrivateServer<F::Kind>) -> Self {
        let mut conn = F::Conn::establish(&server.url()).expect("the server answers");
        conn.batch_execute("CREATE DATABASE app").expect("is made");
        let url = server.url_of("app");
        let mut conn = F::Conn::establish(&url).expect("the server answers");
        migrations::run(&mut conn).expect("the migrations run");
        let pool = builder::<F>(&url).build().expect("the server answers");
        let client = confidential_client::<F>(1);
        F::insert_client(&mut conn, &client);
        let find = diesel_oauth2::create_query_client_func::<F::Client, _>(pool.clone());
        let client = find(&client.id).expect("no error").expect("is there");
        super::start_on::<F>(&pool, &client);
        Self {
            pool,
            client,
            server,
        }
    }

    pub fn url(&self) -> String {
        self.server.url_of("app")
    }

    /// A connection that the pool does not know of.
    pub fn connect(&self) -> F::Conn {
        F::Conn::establish(&self.url()).expect("the server answers")
    }

    pub fn rotate(&self, old: &str, new: &str) -> Result<(), Error> {
        super::rotate_on::<F>(&self.pool, &self.client, old, new)
    }

    pub fn count_tokens(&self) -> i64 {
        F::count_tokens(&mut self.connect())
    }
}

/// A pool of a few connections that gives up soon.
pub fn builder<F: Served>(url: &str) -> PoolBuilder<F::Conn> {
    PoolBuilder::new(url)
        .max_size(4)
        .connection_timeout(Duration::from_millis(500))
}

/// Makes a test of each server out of a generic function of the same name, `fn name<F: Served>()`.
macro_rules! on_every_server {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[cfg(feature = "postgres")]
            #[test]
            fn postgres() {
                super::$name::<crate::fixture::Bundled<crate::support::Postgres>>();
            }
            #[cfg(feature = "mysql")]
            #[test]
            fn mysql() {
                super::$name::<crate::fixture::Bundled<crate::support::Mysql>>();
            }
        }
    )*};
}
pub(crate) use on_every_server;
