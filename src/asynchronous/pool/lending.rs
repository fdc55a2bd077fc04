use std::ops::{Deref, DerefMut};

use super::{AsyncConnectionPool, AsyncDatabaseConnection};
use crate::Error;
use crate::endpoint::Failure;
use crate::pool::Intent;

/// Lends connections to one piece of work until it is settled: again after each that turns out dead, where the intent
/// allows it.
pub(crate) struct Lending<'p, P> {
    pool: &'p P,
    intent: Intent,
    left: usize,
}

impl<'p, P: AsyncConnectionPool> Lending<'p, P> {
    pub(crate) fn new(pool: &'p P, intent: Intent) -> Self {
        Self {
            pool,
            intent,
            left: pool.max_size().saturating_add(1),
        }
    }

    /// The next connection.
    pub(crate) async fn connection(&mut self) -> Result<Loan<P>, Error> {
        self.left = self.left.checked_sub(1).ok_or(Error::Unreachable)?;
        let lent = self.pool.lend().await?;
        let only_reads = matches!(self.intent, Intent::Read | Intent::CurrentRead);
        let is_kept = only_reads && P::Connection::OUTLIVES_LOOK_UPS;
        Ok(Loan {
            lent: Some(lent),
            is_kept,
        })
    }

    /// The outcome of the work on a connection, or `None` where it is to be tried on another one.
    pub(crate) fn settle<T, E: StorageFailure>(
        &self,
        mut loan: Loan<P>,
        outcome: Result<T, E>,
    ) -> Option<Result<T, E>> {
        let is_lost = outcome
            .as_ref()
            .is_err_and(|error| error.storage_failure() == Some(&Error::ConnectionLost));
        if is_lost {
            loan.is_kept = false;
            drop(loan);
            return (self.intent == Intent::Write).then_some(outcome);
        }
        loan.give_back();
        Some(outcome)
    }
}

/// A lent connection. Dropped before it is settled, which is when a future is given up halfway, it is closed: whatever was
/// under way ends, and a transaction is rolled back by the database.
pub(crate) struct Loan<P: AsyncConnectionPool> {
    lent: Option<P::Lent>,
    is_kept: bool,
}

impl<P: AsyncConnectionPool> Loan<P> {
    fn give_back(mut self) {
        drop(self.lent.take());
    }
}

impl<P: AsyncConnectionPool> Drop for Loan<P> {
    fn drop(&mut self) {
        if let Some(lent) = self.lent.take() {
            if !self.is_kept {
                P::close(lent);
            }
        }
    }
}

impl<P: AsyncConnectionPool> Deref for Loan<P> {
    type Target = P::Connection;

    fn deref(&self) -> &P::Connection {
        self.lent.as_ref().expect("is lent until it is dropped")
    }
}

impl<P: AsyncConnectionPool> DerefMut for Loan<P> {
    fn deref_mut(&mut self) -> &mut P::Connection {
        self.lent.as_mut().expect("is lent until it is dropped")
    }
}

/// What work on a connection can fail with.
pub(crate) trait StorageFailure {
    /// Storage's part in it.
    fn storage_failure(&self) -> Option<&Error>;
}

impl StorageFailure for Error {
    fn storage_failure(&self) -> Option<&Error> {
        Some(self)
    }
}

impl<R> StorageFailure for Failure<R> {
    fn storage_failure(&self) -> Option<&Error> {
        match self {
            Self::Refused(_) => None,
            Self::Storage(error) => Some(error),
        }
    }
}

/// Awaits work on a connection of the pool, as [`ConnectionPool::run`](crate::pool::ConnectionPool::run) runs it.
///
/// A macro, because a closure whose future borrows its connection cannot promise that the future is `Send`.
macro_rules! on_connection {
    ($pool:expr, $intent:expr, |$conn:ident| $work:expr) => {{
        let mut lending = $crate::asynchronous::pool::Lending::new($pool, $intent);
        loop {
            let mut loan = lending.connection().await?;
            let outcome = {
                let $conn = &mut *loan;
                $work.await
            };
            if let Some(settled) = lending.settle(loan, outcome) {
                break settled;
            }
        }
    }};
}
pub(crate) use on_connection;

/// Awaits work that looks something up, as [`ConnectionPool::look_up`](crate::pool::ConnectionPool::look_up) runs it: on a
/// replica, and again on the primary where it is not found there.
macro_rules! look_up {
    ($pool:expr, |$conn:ident| $work:expr) => {{
        let pool = $pool;
        let mut found = None;
        if let Some(turn) = $crate::asynchronous::pool::AsyncConnectionPool::replica(pool) {
            let answer = async {
                $crate::asynchronous::pool::on_connection!(
                    turn.pool(),
                    $crate::pool::Intent::Read,
                    |$conn| $work
                )
            }
            .await;
            turn.settle(&answer);
            found = answer.unwrap_or_default();
        }
        match found {
            Some(found) => Ok(Some(found)),
            None => {
                async {
                    $crate::asynchronous::pool::on_connection!(
                        pool,
                        $crate::pool::Intent::Read,
                        |$conn| $work
                    )
                }
                .await
            }
        }
    }};
}
pub(crate) use look_up;
