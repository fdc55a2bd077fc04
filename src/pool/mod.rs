//! Where connections come from.
//!
//! Everything in this crate takes a [`ConnectionPool`]: an r2d2 pool (of your own, or tuned by [`PoolBuilder`]), a
//! [`ReaderWriterPool`] of a primary database and its replicas, or a [`SharedConnection`] for tests on an in-memory
//! database.

mod builder;
mod r2d2;
mod reader_writer;
mod replicas;
mod shared;

#[cfg(feature = "diesel-async")]
pub(crate) use builder::ConnectionOptions;
#[cfg(any(feature = "bb8", feature = "deadpool"))]
pub(crate) use builder::Url;
pub use builder::{DatabaseConnection, PoolBuilder, Synchronous, create_pool};
pub use reader_writer::ReaderWriterPool;
pub use replicas::Turn;
pub use shared::SharedConnection;

use crate::Error;

/// What a piece of work does to the database: decides whether it may go to a replica, and whether it may be repeated
/// on another connection when its own turns out to be dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Intent {
    /// Only reads. May be repeated, and may be answered by a replica.
    Read,
    /// Only reads, but what a decision rests on: may be repeated, and is not answered by a replica, which may lag behind.
    CurrentRead,
    /// Writes, and may be repeated: doing it twice leaves what doing it once does.
    IdempotentWrite,
    /// Writes, and must not be repeated.
    Write,
}

/// A source of connections.
///
/// Cloning it is cheap and gives the same pool.
pub trait ConnectionPool: Clone + Send + Sync + 'static {
    /// The connections' type, which decides which table traits a model must implement.
    type Connection: diesel::Connection;

    /// Runs `work` on a connection.
    ///
    /// `work` is run again, on another connection, only where `intent` allows it and the connection was lost.
    ///
    /// # Errors
    /// [`Error::PoolExhausted`] or [`Error::Unreachable`] where there was no connection; else what `work` returns.
    fn run<T>(
        &self,
        intent: Intent,
        work: impl FnMut(&mut Self::Connection) -> Result<T, Error>,
    ) -> Result<T, Error>;

    /// Runs `work`, which only reads, on a connection. Where it finds nothing, a pool with replicas asks again where nothing
    /// is missing.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    fn look_up<T>(
        &self,
        work: impl FnMut(&mut Self::Connection) -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        self.run(Intent::Read, work)
    }
}
