use diesel_oauth2::Error;

use crate::database::{Database, Expiring};
use crate::transaction::retry;

/// How many rows go in one statement: few enough that nobody waits for their locks.
pub(crate) const BATCH: i64 = 500;

/// Removes a batch of this table's dead rows, by an index. Tells how many were found, which is fewer than [`BATCH`] where
/// there are no more, and how many were removed: other processes sweep too.
pub(crate) fn batch<R, C: Database + Expiring<R>>(
    conn: &mut C,
    now: i64,
) -> Result<(i64, u64), Error> {
    retry(conn, |conn| {
        let keys = Expiring::<R>::expired(conn, now, BATCH)?;
        if keys.is_empty() {
            return Ok((0, 0));
        }
        let removed = Expiring::<R>::delete_expired(conn, &keys, now)?;
        Ok((keys.len() as i64, removed as u64))
    })
}
