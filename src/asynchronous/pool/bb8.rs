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
        type Replica = Self;

        async fn lend(&self) -> Result<Self::Lent, Error> {
            // bb8 puts a connection back even where the question whether it lives was given up halfway, and the next
            // statement would be given that one's answer. So a task of its own asks to the end.
            let lent = match Connection::OUTLIVES_LOOK_UPS || !self.config().test_on_check_out {
                true => self.get_owned().await,
                false => {
                    let pool = self.clone();
                    let asked = tokio::spawn(async move { pool.get_owned().await });
                    asked.await.map_err(|_| Error::Unreachable)?
                }
            };
            lent.map_err(|error| no_connection(&error, self.state().connections))
        }

        fn close(mut lent: Self::Lent) {
            lent.give_up(); // and the pool drops what is broken
        }

        fn max_size(&self) -> usize {
            usize::try_from(self.config().max_size).unwrap_or(usize::MAX)
        }
    }
}
