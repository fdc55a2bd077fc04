use std::marker::PhantomData;
use std::time::Duration;

use diesel::ConnectionError;
use diesel::connection::CacheSize;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};

use super::AsyncDatabaseConnection;
use crate::Error;
use crate::pool::{ConnectionOptions, Synchronous, Url};

/// A connection unused for longer is asked whether it still lives, where only asking tells: MySQL's. Busy connections,
/// where a round trip more would cost, are never asked.
#[cfg(feature = "deadpool")]
const ASK_AFTER: Duration = Duration::from_secs(1);

/// Builds a deadpool or bb8 pool as this crate's hot paths want it: the twin of [`PoolBuilder`](crate::pool::PoolBuilder),
/// with the same settings on each connection.
///
/// Connections to PostgreSQL are made without TLS, as `diesel-async` makes them by default: for TLS build a pool of your
/// own, with [`ManagerConfig::custom_setup`](diesel_async::pooled_connection::ManagerConfig).
///
/// ```
/// # #[cfg(all(feature = "sqlite", feature = "deadpool"))] {
/// use diesel_oauth2::asynchronous::pool::{AsyncPoolBuilder, AsyncSqliteConnection};
///
/// # let directory = tempfile::tempdir().unwrap();
/// # let url = directory.path().join("app.sqlite").display().to_string();
/// let pool = AsyncPoolBuilder::<AsyncSqliteConnection>::new(url).max_size(8).build_deadpool()?;
/// # drop(pool);
/// # }
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct AsyncPoolBuilder<C> {
    database_url: Url,
    max_size: u32,
    connection_timeout: Duration,
    options: ConnectionOptions,
    connection: PhantomData<fn() -> C>,
}

impl<C: AsyncDatabaseConnection> AsyncPoolBuilder<C> {
    /// A pool of at most 10 connections to this database.
    pub fn new(database_url: impl Into<String>) -> Self {
        Self {
            database_url: Url(database_url.into()),
            max_size: 10,
            connection_timeout: Duration::from_secs(5),
            options: ConnectionOptions::default(),
            connection: PhantomData,
        }
    }

    /// How many connections at most. At least one.
    pub fn max_size(mut self, connections: u32) -> Self {
        self.max_size = connections.max(1);
        self
    }

    /// How long to wait for a connection before [`Error::PoolExhausted`] or [`Error::Unreachable`]. 5 seconds unless set.
    pub fn connection_timeout(mut self, timeout: Duration) -> Self {
        self.connection_timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// How long a statement may wait for a lock before [`Error::LockTimeout`]. MySQL counts in whole seconds.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.options.lock_timeout = timeout;
        self
    }

    /// SQLite only: what survives a loss of power.
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.options.synchronous = synchronous;
        self
    }

    /// SQLite only: how many bytes of the database file are mapped into memory. As
    /// [`PoolBuilder::mmap_size`](crate::pool::PoolBuilder::mmap_size), with its risks.
    pub fn mmap_size(mut self, bytes: u64) -> Self {
        self.options.mmap_size = Some(bytes);
        self
    }

    /// Whether prepared statements are kept.
    ///
    /// Unlike [`PoolBuilder`](crate::pool::PoolBuilder::prepared_statements)'s, a pool without them is not fit for a pooler in
    /// transaction mode in front of PostgreSQL: `diesel-async` prepares each statement by a name, also one that it does not
    /// keep. There it takes pgbouncer from 1.21 on with `max_prepared_statements`, or session mode.
    pub fn prepared_statements(mut self, kept: bool) -> Self {
        self.options.prepared_statements = kept;
        self
    }

    /// Makes and sets up connections. Whether a connection still lives is seen without a round trip, or asked as `check` says.
    fn manager(
        self,
        check: impl Fn(&mut C) -> BoxFuture<'_, diesel::QueryResult<()>> + Send + Sync + 'static,
    ) -> AsyncDieselConnectionManager<C> {
        let options = self.options;
        let mut config = ManagerConfig::<C>::default();
        config.recycling_method = RecyclingMethod::CustomFunction(Box::new(check));
        config.custom_setup = Box::new(move |url| {
            let (url, options) = (url.to_owned(), options.clone());
            Box::pin(async move {
                let mut connection = C::establish(&url).await?;
                if !options.prepared_statements {
                    connection.set_prepared_statement_cache_size(CacheSize::Disabled);
                }
                let set_up = connection.batch_execute(&C::set_up(&options)).await;
                set_up.map_err(ConnectionError::CouldntSetupConfiguration)?;
                if let Some(wish) = C::WISH {
                    let _ = connection.batch_execute(wish).await;
                }
                Ok(connection)
            })
        });
        AsyncDieselConnectionManager::new_with_config(self.database_url.0, config)
    }
}

type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a pool takes for a reason to drop a connection.
#[cfg(feature = "bb8")]
async fn check<C: AsyncDatabaseConnection>(connection: &mut C) -> diesel::QueryResult<()> {
    match connection.is_alive().await {
        true => Ok(()),
        false => Err(diesel::result::Error::BrokenTransactionManager),
    }
}

for_each_connection! {
    impl AsyncPoolBuilder<Connection> {
        /// Makes a pool of deadpool's. Connections are made as they are needed.
        ///
        /// # Errors
        /// [`Error::Unreachable`] where the pool cannot be made.
        #[cfg(feature = "deadpool")]
        pub fn build_deadpool(
            self,
        ) -> Result<diesel_async::pooled_connection::deadpool::Pool<Connection>, Error> {
            use deadpool::managed::{HookError, Metrics};
            use diesel_async::pooled_connection::deadpool::{Hook, Pool};

            let (max_size, timeout) = (self.max_size, self.connection_timeout);
            let ask = Hook::async_fn(|connection: &mut Connection, metrics: &Metrics| {
                let is_idle = metrics.last_used() > ASK_AFTER;
                Box::pin(async move {
                    match !is_idle || connection.is_alive().await {
                        true => Ok(()),
                        false => Err(HookError::message("the connection is dead")),
                    }
                })
            });
            // Whether it is closed or in a transaction is looked at anyway.
            Pool::builder(self.manager(|_| Box::pin(std::future::ready(Ok(())))))
                .max_size(usize::try_from(max_size).unwrap_or(usize::MAX))
                .runtime(deadpool::Runtime::Tokio1)
                .wait_timeout(Some(timeout))
                .create_timeout(Some(timeout))
                .pre_recycle(ask)
                .build()
                .map_err(|_| Error::Unreachable)
        }

        /// Makes a pool of bb8's and one connection, to see that the database answers.
        ///
        /// A connection to MySQL is asked at each check-out whether it still lives, which costs a round trip: bb8 does not
        /// tell how long it was idle. deadpool does.
        ///
        /// # Errors
        /// [`Error::Unreachable`] where no connection can be made within the timeout.
        #[cfg(feature = "bb8")]
        pub async fn build_bb8(
            self,
        ) -> Result<diesel_async::pooled_connection::bb8::Pool<Connection>, Error> {
            use diesel_async::pooled_connection::bb8::Pool;

            Pool::builder()
                .max_size(self.max_size)
                .min_idle(Some(1))
                .connection_timeout(self.connection_timeout)
                .test_on_check_out(Connection::CAN_DIE)
                .build(self.manager(|connection| Box::pin(check(connection))))
                .await
                .map_err(|_| Error::Unreachable)
        }
    }
}
