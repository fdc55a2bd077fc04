use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{ConnectionPool, Intent};
use crate::Error;

/// A primary database with replicas: look-ups go to the replicas in turn, everything else to the primary.
///
/// What a replica has not is asked for again at the primary, so that a token is valid as soon as it is issued. Where a
/// replica fails, the primary is asked too. But a replica that lags behind still has a token as valid that was revoked
/// since: revocation takes effect when the replica has caught up. Decisions (redeeming, rotating, revoking) are always made
/// on the primary.
///
/// ```no_run
/// # #[cfg(feature = "postgres")] {
/// use diesel::PgConnection;
/// use diesel_oauth2::create_bearer_token_validator;
/// use diesel_oauth2::models::Token;
/// use diesel_oauth2::pool::{ReaderWriterPool, create_pool};
///
/// let primary = create_pool::<PgConnection>("postgres://primary/app")?;
/// let replica = create_pool::<PgConnection>("postgres://replica/app")?;
/// let pool = ReaderWriterPool::new(primary).reader(replica);
/// let validator = create_bearer_token_validator::<Token, _>(pool);
/// # let _ = validator;
/// # }
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct ReaderWriterPool<P> {
    writer: P,
    readers: Arc<[P]>,
    next: Arc<AtomicUsize>,
}

impl<P: ConnectionPool> ReaderWriterPool<P> {
    /// A pool without replicas yet.
    pub fn new(primary: P) -> Self {
        Self {
            writer: primary,
            readers: Arc::new([]),
            next: Arc::default(),
        }
    }

    /// Adds a replica.
    pub fn reader(mut self, replica: P) -> Self {
        let readers = self.readers.iter().cloned().chain([replica]);
        self.readers = readers.collect();
        self
    }

    /// The replica whose turn it is.
    fn next_reader(&self) -> Option<&P> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.readers.get(turn % self.readers.len().max(1))
    }
}

impl<P: ConnectionPool> ConnectionPool for ReaderWriterPool<P> {
    type Connection = P::Connection;

    fn run<T>(
        &self,
        intent: Intent,
        mut work: impl FnMut(&mut P::Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if intent == Intent::Read {
            if let Some(reader) = self.next_reader() {
                if let Ok(value) = reader.run(intent, &mut work) {
                    return Ok(value);
                }
            }
        }
        self.writer.run(intent, work)
    }

    fn look_up<T>(
        &self,
        mut work: impl FnMut(&mut P::Connection) -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        if let Some(reader) = self.next_reader() {
            if let Ok(Some(found)) = reader.look_up(&mut work) {
                return Ok(Some(found));
            }
        }
        self.writer.look_up(work)
    }
}

impl<P> fmt::Debug for ReaderWriterPool<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderWriterPool")
            .field("readers", &self.readers.len())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::pool::SharedConnection;
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;

    diesel::table! {
        numbers (number) {
            number -> Integer,
        }
    }

    type Pool = SharedConnection<SqliteConnection>;

    /// A database whose table has these numbers.
    fn database(values: &[i32]) -> Pool {
        let mut connection = SqliteConnection::establish(":memory:").expect("opens");
        connection
            .batch_execute("CREATE TABLE numbers (number INTEGER)")
            .expect("creates");
        let rows: Vec<_> = values.iter().map(|it| numbers::number.eq(it)).collect();
        diesel::insert_into(numbers::table)
            .values(rows)
            .execute(&mut connection)
            .expect("inserts");
        SharedConnection::new(connection)
    }

    fn find(pool: &ReaderWriterPool<Pool>, number: i32) -> Result<Option<i32>, Error> {
        pool.look_up(|conn| {
            let found = numbers::table.filter(numbers::number.eq(number));
            Ok(found.select(numbers::number).get_result(conn).optional()?)
        })
    }

    fn count(pool: &ReaderWriterPool<Pool>, intent: Intent) -> Result<i64, Error> {
        pool.run(intent, |conn| {
            Ok(numbers::table.count().get_result(conn)?)
        })
    }

    #[test]
    fn reads_go_to_the_replica_and_all_else_to_the_primary() {
        let pool = ReaderWriterPool::new(database(&[1, 2])).reader(database(&[1]));
        assert_eq!(count(&pool, Intent::Read), Ok(1));
        assert_eq!(count(&pool, Intent::Write), Ok(2));
        assert_eq!(count(&pool, Intent::IdempotentWrite), Ok(2));
        let alone = ReaderWriterPool::new(database(&[1, 2]));
        assert_eq!(count(&alone, Intent::Read), Ok(2));
    }

    #[test]
    fn replicas_take_turns() {
        let pool = ReaderWriterPool::new(database(&[]))
            .reader(database(&[1]))
            .reader(database(&[1, 2]));
        let counts = [(); 4].map(|()| count(&pool, Intent::Read));
        assert_eq!(counts, [Ok(1), Ok(2), Ok(1), Ok(2)]);
    }

    #[test]
    fn what_a_replica_has_not_is_asked_for_at_the_primary() {
        let pool = ReaderWriterPool::new(database(&[1, 2])).reader(database(&[1, 3]));
        assert_eq!(find(&pool, 1), Ok(Some(1)));
        assert_eq!(find(&pool, 2), Ok(Some(2)), "is on the primary only");
        assert_eq!(find(&pool, 3), Ok(Some(3)), "is on the replica only");
        assert_eq!(find(&pool, 4), Ok(None));
    }

    #[test]
    fn where_a_replica_fails_the_primary_answers() {
        let broken = SqliteConnection::establish(":memory:").expect("opens");
        let pool = ReaderWriterPool::new(database(&[1])).reader(SharedConnection::new(broken));
        assert_eq!(find(&pool, 1), Ok(Some(1)));
        assert_eq!(find(&pool, 2), Ok(None));
        assert_eq!(count(&pool, Intent::Read), Ok(1));
    }
}
