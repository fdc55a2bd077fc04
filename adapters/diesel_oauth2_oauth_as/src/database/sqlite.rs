use super::statements::{load_barriers, names};

names!();

statements!(sqlite, SqliteConnection);

impl Transactions for SqliteConnection {
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if crate::transaction::is_inside(self) {
            self.transaction(work)
        } else {
            // Waits for the writer before it: what it reads is the latest, and stays so.
            self.immediate_transaction(work)
        }
    }
}

/// The transaction is the lock: there is one writer.
impl Scopes for SqliteConnection {
    fn share(&mut self, _: &[&ScopeId]) -> Result<(), Error> {
        Ok(())
    }

    fn exclude(&mut self, _: &ScopeId) -> Result<(), Error> {
        Ok(())
    }

    fn barriers(&mut self, scopes: &[&ScopeId]) -> Result<Vec<Barrier>, Error> {
        load_barriers!(self, scopes)
    }
}
