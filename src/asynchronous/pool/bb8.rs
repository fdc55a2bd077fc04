use diesel_async::pooled_connection::bb8::{Pool, PooledConnection, RunError};

use super::{AsyncConnectionPool, AsyncDatabaseConnection};
use crate::Error;

/// bb8's own message names hosts and users, so only the kind of trouble is passed on.
fn no_connection(error: &RunError, connections: u32) -> Error {
    match error {
        // bb8 tries to connect until the time is up.
        RunError::TimedOut if connections > 0 => Error::PoolExhausted,
        _ => Error::Unreachable,
    }
}

for_each_connection! {
    impl AsyncConnectionPool for Pool<Connection> {
        type Connection = Connection;
        type Lent = PooledConnection<'static, Connection>;

        async fn lend(&self) -> Result<Self::Lent, Error> {
            let lent = self.get_owned().await;
            lent.map_err(|error| no_connection(&error, self.state().connections))
        }

        fn close(mut lent: Self::Lent) {
            if lent.give_up() {
                drop(lent); // the pool drops what is broken
            } else {
                // One place of the pool is lost, where the pool would panic.
                std::mem::forget(lent);
            }
        }

        fn size(&self) -> usize {
            usize::try_from(self.config().max_size).unwrap_or(usize::MAX)
        }
    }
}
