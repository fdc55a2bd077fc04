mod calls;

use std::fmt;
use std::time::Duration;

use diesel_oauth2::Error;
use diesel_oauth2::pool::{ConnectionPool, Intent};
use oauth_as::store::StorageError;
use tokio::runtime::Handle;

use crate::database::{Database, Expiring};
use crate::secrets::UserCodes;
use crate::work::sweep::{BATCH, batch};

/// How long a sweep rests after each batch, for the sake of everybody else.
const PAUSE: Duration = Duration::from_millis(5);

/// The [`Storage`](oauth_as::store::Storage) of `oauth-as` over a pool of Diesel connections.
///
/// Every call runs on tokio's blocking threads, and is finished there when its future is dropped. It is `Clone`, and a
/// clone is the same storage.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use diesel::SqliteConnection;
/// use diesel_oauth2::pool::create_pool;
/// use diesel_oauth2_oauth_as::DieselStorage;
/// use oauth_as::{AuthorizationServer, ServerConfig};
///
/// # let directory = tempfile::tempdir().unwrap();
/// # let url = directory.path().join("app.sqlite").display().to_string();
/// let pool = create_pool::<SqliteConnection>(url)?;
/// diesel_oauth2::migrations::run(&mut pool.get().unwrap())?;
/// diesel_oauth2_oauth_as::migrations::run(&mut pool.get().unwrap())?;
///
/// let config = ServerConfig::new("https://as.example", "https://as.example/device");
/// let server = AuthorizationServer::new(config, DieselStorage::new(pool));
/// # let _ = server;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct DieselStorage<P> {
    pool: P,
    user_codes: UserCodes,
}

impl<P> DieselStorage<P>
where
    P: ConnectionPool,
    P::Connection: Database,
{
    /// A storage on the connections of this pool.
    pub fn new(pool: P) -> Self {
        Self {
            pool,
            user_codes: UserCodes::default(),
        }
    }

    /// Keeps the user codes of device grants (RFC 8628 section 6.1) under a key that is not in the database. They are
    /// short, and guessed from a plain digest in seconds; with a key whoever reads the database learns nothing of them.
    ///
    /// Every process needs the same key, of 32 random bytes say. Grants that wait while it is changed are not found by
    /// their users any more.
    pub fn user_code_key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.user_codes = UserCodes::keyed(key.into());
        self
    }

    /// Runs `work` off the async threads.
    async fn run<T: Send + 'static>(
        &self,
        intent: Intent,
        mut work: impl FnMut(&mut P::Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.blocking(move |pool| pool.run(intent, &mut work)).await
    }

    /// Reads what `oauth-as` decides by, or compares with in its next write: on the primary. A replica that lags behind
    /// would authenticate by a secret that was replaced, or have a rotation taken for a theft.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut P::Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.run(Intent::CurrentRead, work).await
    }

    /// Looks up what may come from a replica, as at every other look-up of the core's.
    async fn look_up<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut P::Connection) -> Result<Option<T>, Error> + Send + 'static,
    ) -> Result<Option<T>, StorageError> {
        self.blocking(move |pool| pool.look_up(&mut work)).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&P) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, StorageError> {
        // `spawn_blocking` panics where there is no runtime, and a storage must not.
        let runtime = Handle::try_current()
            .map_err(|_| StorageError::new("no tokio runtime to run database work on"))?;
        let pool = self.pool.clone();
        match runtime.spawn_blocking(move || work(&pool)).await {
            Ok(result) => result.map_err(storage_error),
            Err(_) => Err(StorageError::new("the database work did not finish")),
        }
    }

    /// Removes this table's dead rows.
    async fn sweep<R: 'static>(&self, now: i64) -> Result<u64, StorageError>
    where
        P::Connection: Expiring<R>,
    {
        let mut removed = 0;
        loop {
            let (found, deleted) = self
                .run(Intent::IdempotentWrite, move |conn| {
                    let (found, removed) = batch::<R, _>(conn, now)?;
                    if found == BATCH {
                        std::thread::sleep(PAUSE);
                    }
                    Ok((found, removed))
                })
                .await?;
            removed += deleted;
            if found < BATCH {
                return Ok(removed);
            }
        }
    }
}

/// The core's errors name what to do and quote no value.
fn storage_error(error: Error) -> StorageError {
    StorageError::new(error.to_string())
}

impl<P> fmt::Debug for DieselStorage<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DieselStorage")
            .field("user_codes", &self.user_codes)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use diesel::{Connection, SqliteConnection};
    use diesel_oauth2::pool::SharedConnection;

    use oauth_as::store::Storage;

    use super::*;

    #[test]
    fn without_a_runtime_it_is_an_error_and_no_panic() {
        let connection = SqliteConnection::establish(":memory:").expect("connects");
        let storage = DieselStorage::new(SharedConnection::new(connection));
        let future = pin!(storage.get_token("token"));
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(error)) => assert!(error.0.contains("runtime"), "{error}"),
            _ => panic!("there is no runtime to wait for"),
        }
    }
}
