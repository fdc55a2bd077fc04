use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::replicas::{Replicas, Turn};
use super::{ConnectionPool, Intent};
use crate::Error;

/// A primary database with replicas: look-ups go to the replicas in turn, everything else to the primary.
///
/// # What is asked where
/// * At a replica: the bearer validator, `query_client` and `query_token`, and the `find_` functions of
///   [`lookup`](crate::lookup) except those named `find_current_`. What the replica has not is asked for again at the primary,
///   so that a token is valid and a client known as soon as it is stored.
/// * At the primary: all that decides and all that writes. Introspection, revocation, client authentication, authorization
///   codes, refresh tokens, device codes, registration, pruning.
///
/// # What is stale, and for how long
/// A row that a replica has is taken as it is there. So for as long as the replica lags behind, the validator accepts a token
/// that was revoked, and `query_client` and `query_token` give the row as it was. Nothing else is stale: an expired token is
/// refused on time, a revoked one is inactive to introspection at once, cannot be exchanged, and what was revoked never comes
/// back. Where a revocation must be felt at once, give that validator the primary's pool. How far a replica may lag is not
/// bounded here: the database tells it and can bound it.
///
/// # When a replica fails
/// Then the primary is asked, whatever the error. One that cannot be reached is not asked again for
/// [5 seconds](Self::rest), after which one look-up tries it. That one, and those under way when it went, wait as long
/// as the replica's pool waits for a connection, so that is better short. Where the primary fails, its error is returned; what
/// a replica has is found all the same.
///
/// [`guide::staleness`](crate::guide::staleness) has it in tables, with the cache beside it.
///
/// On a pool of `diesel-async`'s this is an `AsyncConnectionPool`, by the same rules.
///
/// ```no_run
/// # #[cfg(feature = "postgres")] {
/// use std::time::Duration;
///
/// use diesel::PgConnection;
/// use diesel_oauth2::create_bearer_token_validator;
/// use diesel_oauth2::models::Token;
/// use diesel_oauth2::pool::{PoolBuilder, ReaderWriterPool, create_pool};
///
/// let primary = create_pool::<PgConnection>("postgres://primary/app")?;
/// let replica = PoolBuilder::<PgConnection>::new("postgres://replica/app")
///     .connection_timeout(Duration::from_millis(250))
///     .build()?;
/// let pool = ReaderWriterPool::new(primary).reader(replica);
/// let validator = create_bearer_token_validator::<Token, _>(pool);
/// # let _ = validator;
/// # }
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
#[must_use]
pub struct ReaderWriterPool<P> {
    writer: P,
    readers: Arc<Replicas<P>>,
}

impl<P: Clone> ReaderWriterPool<P> {
    /// A pool without replicas yet.
    pub fn new(primary: P) -> Self {
        Self {
            writer: primary,
            readers: Arc::new(Replicas::new([], Duration::from_secs(5))),
        }
    }

    /// Adds a replica.
    pub fn reader(mut self, replica: P) -> Self {
        let readers = self.readers.pools().cloned().chain([replica]);
        self.readers = Arc::new(Replicas::new(readers, self.readers.rest()));
        self
    }

    /// How long a replica is not asked after it could not be reached: 5 seconds unless set.
    pub fn rest(mut self, rest: Duration) -> Self {
        self.readers = Arc::new(Replicas::new(self.readers.pools().cloned(), rest));
        self
    }
}

impl<P> ReaderWriterPool<P> {
    // Only pools that are awaited ask from outside.
    #[cfg_attr(not(feature = "diesel-async"), allow(dead_code))]
    pub(crate) fn primary(&self) -> &P {
        &self.writer
    }

    pub(crate) fn replica_in_turn(&self) -> Option<Turn<'_, P>> {
        self.readers.turn()
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
            if let Some(turn) = self.replica_in_turn() {
                let answer = turn.pool().run(intent, &mut work);
                turn.settle(&answer);
                if let Ok(value) = answer {
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
        if let Some(turn) = self.replica_in_turn() {
            let answer = turn.pool().look_up(&mut work);
            turn.settle(&answer);
            if let Ok(Some(found)) = answer {
                return Ok(Some(found));
            }
        }
        self.writer.look_up(work)
    }
}

impl<P: Clone> Clone for ReaderWriterPool<P> {
    fn clone(&self) -> Self {
        Self {
            writer: self.writer.clone(),
            readers: Arc::clone(&self.readers),
        }
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
        assert_eq!(count(&pool, Intent::CurrentRead), Ok(2));
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
