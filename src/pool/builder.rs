use std::marker::PhantomData;
use std::time::Duration;

use diesel::connection::CacheSize;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool, R2D2Connection};

use crate::Error;

/// A connection type that [`PoolBuilder`] knows how to set up.
#[diagnostic::on_unimplemented(
    message = "`PoolBuilder` does not know how to set up `{Self}`",
    note = "enable the feature of its database (`sqlite`, `postgres`, `mysql`), or build the r2d2 pool yourself: any `diesel::r2d2::Pool` is a `ConnectionPool`"
)]
pub trait DatabaseConnection: R2D2Connection + Send + 'static {
    /// The statements that set a new connection up.
    #[doc(hidden)]
    fn set_up(options: &ConnectionOptions) -> String;

    /// A statement that a new connection is better for, and that may fail.
    #[doc(hidden)]
    const WISH: Option<&'static str> = None;
}

/// What [`PoolBuilder`] sets on each connection.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct ConnectionOptions {
    // Only SQLite reads it.
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code))]
    pub(crate) synchronous: Synchronous,
    // Only SQLite reads it.
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code))]
    pub(crate) mmap_size: Option<u64>,
    pub(crate) lock_timeout: Duration,
    pub(crate) prepared_statements: bool,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            synchronous: Synchronous::default(),
            mmap_size: None,
            lock_timeout: Duration::from_secs(5),
            prepared_statements: true,
        }
    }
}

impl ConnectionOptions {
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    fn lock_timeout_millis(&self) -> u128 {
        self.lock_timeout.as_millis().max(1)
    }
}

/// SQLite's `PRAGMA synchronous`: what survives a loss of power. A crash of the process loses nothing in either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// Each commit is on the disk before it returns: a revocation once answered stays.
    #[default]
    Full,
    /// The last commits may be lost with the power. Faster, and the database stays whole.
    Normal,
}

/// Builds an r2d2 pool as this crate's hot paths want it.
///
/// Against r2d2's defaults: a connection is not asked whether it lives at each check-out, which doubles the cost of a
/// lookup (a dead one is met by trying again instead, where repeating is safe), and one waits 5 seconds for a
/// connection, not 30.
///
/// * SQLite: WAL, `busy_timeout`, `foreign_keys = ON`, [`Synchronous`].
/// * PostgreSQL: `lock_timeout`; `lc_messages`, where the user may.
/// * MySQL/MariaDB: strict mode, so that nothing is cut to fit; `innodb_lock_wait_timeout`; READ COMMITTED; `lc_messages`.
///
/// # SQLite with many threads
/// As `libsqlite3-sys` builds the bundled SQLite, connections wait for each other at two locks. Building it with
/// `LIBSQLITE3_FLAGS="-USQLITE_ENABLE_MEMORY_MANAGEMENT -DSQLITE_DEFAULT_MEMSTATUS=0"`, best set under `[env]` in the
/// application's `.cargo/config.toml`, takes them away.
///
/// # Messages in another language
/// Diesel tells the most frequent errors of a database by their code and leaves the others to their message, which this
/// crate knows in English. So the connections ask for English. PostgreSQL lets only some users choose. On a server whose
/// messages are in another language, either `ALTER ROLE app SET lc_messages = 'C'`, or (from version 15)
/// `GRANT SET ON PARAMETER lc_messages TO app`, once, as an administrator. Without it a deadlock, a timeout or a full disk
/// is [`Error::Database`], and a deadlock is not tried again.
///
/// # Behind a pooler in transaction mode
/// pgbouncer's `pool_mode = transaction` gives each transaction another connection of the server's. A kept statement is then
/// missing there ([`Error::PreparedStatementLost`]), or its name stands for another one. Turn
/// [`prepared_statements`](Self::prepared_statements) off, before anything goes to production: it is not noticed before two
/// requests overlap. From pgbouncer 1.21 on, `max_prepared_statements` lets them be kept. What is set on a connection stays
/// with the server's, whoever gets it next: so give the applications that share them the same
/// [`lock_timeout`](Self::lock_timeout), or a database entry of its own in the pooler.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use diesel::SqliteConnection;
/// use diesel_oauth2::pool::PoolBuilder;
///
/// # let directory = tempfile::tempdir().unwrap();
/// # let url = directory.path().join("app.sqlite").display().to_string();
/// let pool = PoolBuilder::<SqliteConnection>::new(url).max_size(8).build()?;
/// # drop(pool);
/// # }
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct PoolBuilder<C> {
    database_url: Url,
    max_size: u32,
    connection_timeout: Duration,
    options: ConnectionOptions,
    connection: PhantomData<fn() -> C>,
}

/// A database URL, which may hold a password.
#[derive(Clone)]
pub(crate) struct Url(pub(crate) String);

impl std::fmt::Debug for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

/// A pool with [`PoolBuilder`]'s defaults.
///
/// # Errors
/// [`Error::Unreachable`] where no connection can be made within the timeout.
pub fn create_pool<C: DatabaseConnection>(
    database_url: impl Into<String>,
) -> Result<Pool<ConnectionManager<C>>, Error> {
    PoolBuilder::new(database_url).build()
}

impl<C: DatabaseConnection> PoolBuilder<C> {
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

    /// How long to wait for a connection before [`Error::PoolExhausted`] or [`Error::Unreachable`].
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

    /// SQLite only: how many bytes of the database file are mapped into memory and read there, instead of copied by a system
    /// call a page. What SQLite was built with unless set, which is usually none.
    ///
    /// Look-ups that SQLite's own cache does not answer get faster. In return, where the disk cannot be read, or another
    /// program cuts the file short, the process ends by a signal instead of the statement with an error. It is for files on a
    /// local disk that nobody but SQLite writes. SQLite maps no more than it was built to (about 2 GB by default), and the
    /// mapping counts as memory of each connection in what the system shows.
    pub fn mmap_size(mut self, bytes: u64) -> Self {
        self.options.mmap_size = Some(bytes);
        self
    }

    /// Whether prepared statements are kept. Turn it off behind a pooler in transaction mode (see
    /// [above](Self#behind-a-pooler-in-transaction-mode)): the server then plans each statement anew.
    pub fn prepared_statements(mut self, kept: bool) -> Self {
        self.options.prepared_statements = kept;
        self
    }

    /// Makes the pool and one connection, to see that the database answers.
    ///
    /// # Errors
    /// [`Error::Unreachable`] where no connection can be made within the timeout.
    pub fn build(self) -> Result<Pool<ConnectionManager<C>>, Error> {
        Pool::builder()
            .max_size(self.max_size)
            .min_idle(Some(1))
            .connection_timeout(self.connection_timeout)
            .test_on_check_out(false)
            .connection_customizer(Box::new(SetUp(self.options)))
            .build(ConnectionManager::new(self.database_url.0))
            .map_err(|_| Error::Unreachable)
    }
}

#[derive(Debug)]
struct SetUp(ConnectionOptions);

impl<C: DatabaseConnection> CustomizeConnection<C, diesel::r2d2::Error> for SetUp {
    fn on_acquire(&self, connection: &mut C) -> Result<(), diesel::r2d2::Error> {
        if !self.0.prepared_statements {
            connection.set_prepared_statement_cache_size(CacheSize::Disabled);
        }
        connection
            .batch_execute(&C::set_up(&self.0))
            .map_err(diesel::r2d2::Error::QueryError)?;
        if let Some(wish) = C::WISH {
            let _ = connection.batch_execute(wish);
        }
        Ok(())
    }
}

#[cfg(feature = "sqlite")]
impl DatabaseConnection for diesel::SqliteConnection {
    fn set_up(options: &ConnectionOptions) -> String {
        let synchronous = match options.synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        };
        let mmap_size = options
            .mmap_size
            .map(|bytes| format!(" PRAGMA mmap_size = {};", bytes.min(i64::MAX as u64)))
            .unwrap_or_default();
        // The busy timeout comes first: going over to WAL takes a lock itself.
        format!(
            "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; \
             PRAGMA foreign_keys = ON;{mmap_size}",
            options.lock_timeout_millis()
        )
    }
}

#[cfg(feature = "postgres")]
impl DatabaseConnection for diesel::PgConnection {
    fn set_up(options: &ConnectionOptions) -> String {
        format!("SET lock_timeout = {}", options.lock_timeout_millis())
    }

    // In a block, because a refusal outside of one is written to the server's log.
    const WISH: Option<&'static str> = Some(
        "DO $$ BEGIN
            IF current_setting('lc_messages') <> 'C' THEN SET lc_messages = 'C'; END IF;
         EXCEPTION WHEN OTHERS THEN NULL; END $$",
    );
}

#[cfg(feature = "mysql")]
impl DatabaseConnection for diesel::MysqlConnection {
    fn set_up(options: &ConnectionOptions) -> String {
        format!(
            "SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_ALL_TABLES'), \
             SESSION innodb_lock_wait_timeout = {}, SESSION lc_messages = 'en_US'; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            options.lock_timeout.as_secs().max(1)
        )
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use diesel::prelude::*;
    use diesel::sql_types::BigInt;

    use super::*;

    #[derive(QueryableByName)]
    struct Mapped {
        #[diesel(sql_type = BigInt)]
        mmap_size: i64,
    }

    #[test]
    fn the_file_is_mapped_into_memory_where_asked_for() {
        let directory = tempfile::tempdir().expect("a folder");
        let url = directory.path().join("mapped.sqlite").display().to_string();
        let mapped = |builder: PoolBuilder<SqliteConnection>| {
            let pool = builder.max_size(1).build().expect("a pool");
            let mut conn = pool.get().expect("a connection");
            let mapped: Mapped = diesel::sql_query("PRAGMA mmap_size")
                .get_result(&mut conn)
                .expect("tells");
            mapped.mmap_size
        };
        assert_eq!(mapped(PoolBuilder::new(&url)), 0);
        assert_eq!(mapped(PoolBuilder::new(&url).mmap_size(1 << 26)), 1 << 26);
        // More than SQLite takes is as much as it takes.
        assert!(mapped(PoolBuilder::new(&url).mmap_size(u64::MAX)) > 1 << 26);
    }
}
