use super::AsyncConnectionPool;
use crate::Error;
use crate::pool::{ReaderWriterPool, Turn};

impl<P: AsyncConnectionPool> AsyncConnectionPool for ReaderWriterPool<P> {
    type Connection = P::Connection;
    type Lent = P::Lent;
    type Replica = P;

    async fn lend(&self) -> Result<P::Lent, Error> {
        self.primary().lend().await
    }

    fn close(lent: P::Lent) {
        P::close(lent);
    }

    fn max_size(&self) -> usize {
        self.primary().max_size()
    }

    fn replica(&self) -> Option<Turn<'_, P>> {
        self.replica_in_turn()
    }
}
