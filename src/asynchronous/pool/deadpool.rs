use diesel_async::pooled_connection::deadpool::{Object, Pool, PoolError};

use super::AsyncConnectionPool;
use crate::Error;

/// deadpool's own message names hosts and users, so only the kind of trouble is passed on.
fn no_connection(error: PoolError) -> Error {
    match error {
        PoolError::Timeout(deadpool::managed::TimeoutType::Wait) => Error::PoolExhausted,
        _ => Error::Unreachable,
    }
}

for_each_connection! {
    impl AsyncConnectionPool for Pool<Connection> {
        type Connection = Connection;
        type Lent = Object<Connection>;
        type Replica = Self;

        async fn lend(&self) -> Result<Self::Lent, Error> {
            self.get().await.map_err(no_connection)
        }

        fn close(lent: Self::Lent) {
            drop(Object::take(lent));
        }

        fn max_size(&self) -> usize {
            self.status().max_size
        }
    }
}
