use std::fmt;
use std::sync::{Arc, Mutex};

use diesel::Connection;
use diesel::connection::TransactionManager;

use super::{ConnectionPool, Intent};
use crate::Error;

/// One connection that all users take turns on: for tests on an in-memory database.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use diesel::{Connection, SqliteConnection};
/// use diesel_oauth2::pool::SharedConnection;
///
/// let pool = SharedConnection::new(SqliteConnection::establish(":memory:")?);
/// # let _ = pool;
/// # }
/// # Ok::<(), diesel::ConnectionError>(())
/// ```
pub struct SharedConnection<C>(Arc<Mutex<C>>);

impl<C: Connection> SharedConnection<C> {
    /// Shares the connection.
    pub fn new(connection: C) -> Self {
        Self(Arc::new(Mutex::new(connection)))
    }
}

impl<C> Clone for SharedConnection<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for SharedConnection<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedConnection(..)")
    }
}

impl<C: Connection + Send + 'static> ConnectionPool for SharedConnection<C> {
    type Connection = C;

    fn run<T>(
        &self,
        _: Intent,
        mut work: impl FnMut(&mut C) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self.0.lock() {
            Ok(mut connection) => work(&mut connection),
            Err(poisoned) => {
                // Somebody panicked on the connection, perhaps inside a transaction, which must not go on.
                let mut connection = poisoned.into_inner();
                while C::TransactionManager::rollback_transaction(&mut connection).is_ok() {}
                self.0.clear_poison();
                work(&mut connection)
            }
        }
    }
}
