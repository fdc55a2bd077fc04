//! Transactions that are tried again where the database gave them up for another one.

use std::time::Duration;

use diesel::connection::{Connection, TransactionManager};
use rand::RngExt;

use crate::Error;

/// How often a transaction is tried that loses against a concurrent one.
pub(crate) const TRIES: u32 = 6;

/// Runs `work` as one transaction, and again where the database gave it up for another one: nothing was written then.
///
/// The first statement of `work` is a write. So SQLite takes the write lock at once, and no two transactions that began
/// as readers can block each other.
///
/// Inside a transaction of the caller's, `work` is part of that one and is not tried again: what came before it is lost
/// too.
pub(crate) fn transaction<T, Conn: Connection>(
    conn: &mut Conn,
    mut work: impl FnMut(&mut Conn) -> Result<T, Error>,
) -> Result<T, Error> {
    retry(conn, |conn| {
        // SQLite rolls back by itself where its disk is full. Then Diesel's own rollback fails, and hides why.
        let mut cause = None;
        let outcome =
            conn.transaction(|conn| work(conn).inspect_err(|error| cause = Some(error.clone())));
        outcome.map_err(|error| cause.unwrap_or(error))
    })
}

/// Runs `statement`, which alone is a transaction, and again where the database gave it up for another one.
pub(crate) fn retry<T, Conn: Connection>(
    conn: &mut Conn,
    mut statement: impl FnMut(&mut Conn) -> Result<T, Error>,
) -> Result<T, Error> {
    let tries = if is_inside_transaction(conn) {
        1
    } else {
        TRIES
    };
    for attempt in 1..tries {
        match statement(conn) {
            Err(Error::Conflict) => std::thread::sleep(backoff(attempt)),
            result => return result,
        }
    }
    statement(conn)
}

fn is_inside_transaction<Conn: Connection>(conn: &mut Conn) -> bool {
    let status = Conn::TransactionManager::transaction_manager_status_mut(conn);
    matches!(status.transaction_depth(), Ok(Some(_)))
}

/// Twice as long at most each time, at random, so that the same two do not meet again.
pub(crate) fn backoff(attempt: u32) -> Duration {
    let most = 2_000_u64 << attempt;
    Duration::from_micros(rand::rng().random_range(most / 4..=most))
}
