use diesel_async::{AsyncConnection, TransactionManager};

use crate::Error;
use crate::transaction::{TRIES, backoff};

/// How often a transaction, or a statement that alone is one, is tried that the database gives up for another one: nothing
/// was written then.
///
/// Inside a transaction of the caller's it is part of that one and is not tried again: what came before it is lost too.
pub(super) struct Tries {
    left: u32,
    attempt: u32,
}

impl Tries {
    pub(super) fn on<Conn: AsyncConnection>(conn: &mut Conn) -> Self {
        let status = Conn::TransactionManager::transaction_manager_status_mut(conn);
        let is_inside = matches!(status.transaction_depth(), Ok(Some(_)));
        Self {
            left: if is_inside { 1 } else { TRIES },
            attempt: 0,
        }
    }

    /// Whether to try again after this outcome. Rests for a while before.
    pub(super) async fn again<T>(&mut self, outcome: &Result<T, Error>) -> bool {
        self.left = self.left.saturating_sub(1);
        self.attempt += 1;
        if self.left == 0 || !matches!(outcome, Err(Error::Conflict)) {
            return false;
        }
        tokio::time::sleep(backoff(self.attempt)).await;
        true
    }
}
