//! Where connections of `diesel-async` come from.

/// Repeats items for each connection type. An item that is generic over them needs bounds that `diesel-async` keeps to
/// itself.
#[cfg(any(feature = "bb8", feature = "deadpool"))]
macro_rules! for_each_connection {
    ($($items:tt)*) => {
        #[cfg(feature = "sqlite")]
        const _: () = {
            type Connection = crate::asynchronous::pool::AsyncSqliteConnection;
            $($items)*
        };
        #[cfg(feature = "postgres")]
        const _: () = {
            type Connection = diesel_async::AsyncPgConnection;
            $($items)*
        };
        #[cfg(feature = "mysql")]
        const _: () = {
            type Connection = diesel_async::AsyncMysqlConnection;
            $($items)*
        };
    };
}

#[cfg(feature = "bb8")]
mod bb8;
#[cfg(any(feature = "bb8", feature = "deadpool"))]
mod builder;
mod connection;
#[cfg(feature = "deadpool")]
mod deadpool;
mod lending;
mod reader_writer;

#[cfg(any(feature = "bb8", feature = "deadpool"))]
pub use builder::AsyncPoolBuilder;
pub use connection::AsyncDatabaseConnection;
#[cfg(feature = "sqlite")]
pub use connection::AsyncSqliteConnection;

#[cfg_attr(not(any(feature = "bb8", feature = "deadpool")), allow(unused_imports))]
pub(crate) use lending::{Lending, look_up, on_connection};

use std::future::Future;
use std::ops::DerefMut;

use crate::Error;
use crate::pool::Turn;

/// A source of connections of `diesel-async`: its pools of bb8 and deadpool, and a
/// [`ReaderWriterPool`](crate::pool::ReaderWriterPool) of them.
///
/// Cloning it is cheap and gives the same pool.
pub trait AsyncConnectionPool: Clone + Send + Sync + 'static {
    /// The connections' type, which decides which table traits a model must implement.
    type Connection: AsyncDatabaseConnection;

    /// A connection while it is lent. Dropping it gives it back.
    type Lent: DerefMut<Target = Self::Connection> + Send + 'static;

    /// The pools of its replicas; `Self` where it has none.
    type Replica: AsyncConnectionPool<Connection = Self::Connection>;

    /// Lends a connection, to the primary where there are replicas.
    ///
    /// # Errors
    /// [`Error::PoolExhausted`] or [`Error::Unreachable`].
    fn lend(&self) -> impl Future<Output = Result<Self::Lent, Error>> + Send;

    /// Closes a connection instead of taking it back, whatever is under way on it.
    fn close(lent: Self::Lent);

    /// How many connections there are at most: each may have to be met once when the database was restarted.
    fn max_size(&self) -> usize;

    /// The replica whose turn it is to be asked first for what only looks something up, if there is one.
    fn replica(&self) -> Option<Turn<'_, Self::Replica>> {
        None
    }
}
