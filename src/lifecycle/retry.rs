use std::time::Duration;

use diesel::connection::Connection;
use rand::RngExt;

use crate::Error;

/// How often a transaction is tried that loses against a concurrent one.
const TRIES: u32 = 6;

/// Runs `work` as one transaction, and again where the database gave it up for another one: nothing was written then.
///
/// The first statement of `work` is a write. So SQLite takes the write lock at once, and no two transactions that began
/// as readers can block each other.
pub(super) fn transaction<T, Conn: Connection>(
    conn: &mut Conn,
    mut work: impl FnMut(&mut Conn) -> Result<T, Error>,
) -> Result<T, Error> {
    for attempt in 1..TRIES {
        match conn.transaction(&mut work) {
            Err(Error::Conflict) => std::thread::sleep(backoff(attempt)),
            result => return result,
        }
    }
    conn.transaction(work)
}

/// Twice as long at most each time, at random, so that the same two do not meet again.
fn backoff(attempt: u32) -> Duration {
    let most = 2_000_u64 << attempt;
    Duration::from_micros(rand::rng().random_range(most / 4..=most))
}
