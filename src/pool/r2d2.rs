#[cfg(feature = "sqlite")]
use std::any::TypeId;
use std::time::{Duration, Instant};

use diesel::connection::TransactionManager;
use diesel::r2d2::{ConnectionManager, Pool, PooledConnection, R2D2Connection};

use super::{ConnectionPool, Intent};
use crate::Error;

/// A connection unused for longer is asked whether it still lives before a write that must not be repeated goes over
/// it. Busy connections, where a round trip more would cost, are never asked.
const ASK_AFTER: Duration = Duration::from_secs(1);

/// When a pooled connection to a server was last used.
struct LastUsed(Instant);

/// Whether the connection is to a server that may go away. SQLite is in the process.
fn is_to_server<C: 'static>(_: &C) -> bool {
    #[cfg(feature = "sqlite")]
    if TypeId::of::<C>() == TypeId::of::<diesel::SqliteConnection>() {
        return false;
    }
    true
}

impl<C> ConnectionPool for Pool<ConnectionManager<C>>
where
    C: R2D2Connection + Send + 'static,
{
    type Connection = C;

    fn run<T>(
        &self,
        intent: Intent,
        mut work: impl FnMut(&mut C) -> Result<T, Error>,
    ) -> Result<T, Error> {
        // After a restart of the server each idle connection is dead: each may have to be met once.
        for _ in 0..=self.max_size() {
            let mut connection = self.get().map_err(|_| no_connection(self))?;
            if intent == Intent::Write && !is_alive_after_idling(&mut connection) {
                discard(connection);
                continue;
            }
            match work(&mut connection) {
                Err(Error::ConnectionLost) => {
                    discard(connection);
                    if intent == Intent::Write {
                        return Err(Error::ConnectionLost);
                    }
                }
                result => {
                    if is_to_server(&*connection) {
                        note_use(&mut connection);
                    }
                    return result;
                }
            }
        }
        Err(Error::Unreachable)
    }
}

/// r2d2's own message names hosts and users, so only the kind of trouble is passed on.
fn no_connection<C: R2D2Connection + Send + 'static>(pool: &Pool<ConnectionManager<C>>) -> Error {
    let state = pool.state();
    if state.connections >= pool.max_size() && state.idle_connections == 0 {
        Error::PoolExhausted
    } else {
        Error::Unreachable
    }
}

fn is_alive_after_idling<C: R2D2Connection + Send + 'static>(
    connection: &mut PooledConnection<ConnectionManager<C>>,
) -> bool {
    let idle = PooledConnection::extensions(connection)
        .get::<LastUsed>()
        .is_some_and(|LastUsed(at)| at.elapsed() > ASK_AFTER);
    !idle || connection.ping().is_ok()
}

fn note_use<C: R2D2Connection + Send + 'static>(
    connection: &mut PooledConnection<ConnectionManager<C>>,
) {
    let extensions = PooledConnection::extensions_mut(connection);
    match extensions.get_mut::<LastUsed>() {
        Some(LastUsed(at)) => *at = Instant::now(),
        None => {
            extensions.insert(LastUsed(Instant::now()));
        }
    }
}

/// Gives a dead connection back in a state that makes the pool drop it; Diesel's own check does not see a closed
/// socket.
fn discard<C: R2D2Connection + Send + 'static>(
    mut connection: PooledConnection<ConnectionManager<C>>,
) {
    C::TransactionManager::transaction_manager_status_mut(&mut *connection).set_in_error();
}
