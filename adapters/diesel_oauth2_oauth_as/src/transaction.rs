//! Transactions that are tried again where the database gave them up for another one.

use std::time::Duration;

use diesel::connection::{Connection, TransactionManager};
use diesel_oauth2::Error;
use rand::RngExt;

use crate::database::Transactions;

/// How often a transaction is tried that loses against a concurrent one.
const TRIES: u32 = 8;

/// Runs `work` as one transaction, and again where the database gave it up for another one: nothing was written then.
///
/// `oauth-as` leaves such conflicts to its store. After some tries they are an error all the same.
pub(crate) fn transaction<T, C: Transactions>(
    conn: &mut C,
    mut work: impl FnMut(&mut C) -> Result<T, Error>,
) -> Result<T, Error> {
    retry(conn, |conn| conn.transact(&mut work))
}

/// Runs `statement`, which alone is a transaction, and again where the database gave it up for another one.
pub(crate) fn retry<T, C: Connection>(
    conn: &mut C,
    mut statement: impl FnMut(&mut C) -> Result<T, Error>,
) -> Result<T, Error> {
    // In a transaction of the caller's, what came before is lost too.
    let tries = if is_inside(conn) { 1 } else { TRIES };
    for attempt in 1..tries {
        match statement(conn) {
            Err(Error::Conflict) => std::thread::sleep(backoff(attempt)),
            result => return result,
        }
    }
    statement(conn)
}

/// Whether the connection is inside a transaction.
pub(crate) fn is_inside<C: Connection>(conn: &mut C) -> bool {
    let status = C::TransactionManager::transaction_manager_status_mut(conn);
    matches!(status.transaction_depth(), Ok(Some(_)))
}

/// Twice as long at most each time, at random, so that the same two do not meet again.
fn backoff(attempt: u32) -> Duration {
    let most = 2_000_u64 << attempt;
    Duration::from_micros(rand::rng().random_range(most / 4..=most))
}
