use diesel::sql_types::{Array, BigInt};

use super::statements::{load_barriers, names};

names!();

statements!(postgres, PgConnection);

impl Transactions for PgConnection {
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if crate::transaction::is_inside(self) {
            self.transaction(work)
        } else {
            // Whatever the session's default: a statement must see what was committed while the one before it waited.
            self.build_transaction().read_committed().run(work)
        }
    }
}

/// Advisory locks of the transaction: they cost no write, and a pooler in transaction mode does not matter.
impl Scopes for PgConnection {
    fn share(&mut self, scopes: &[&ScopeId]) -> Result<(), Error> {
        let mut locks: Vec<i64> = scopes.iter().map(|scope| scope.advisory_lock()).collect();
        // Everybody takes several in the same order, or two could wait for each other.
        locks.sort_unstable();
        diesel::sql_query("SELECT pg_advisory_xact_lock_shared(id) FROM unnest($1) AS locks (id)")
            .bind::<Array<BigInt>, _>(locks)
            .execute(self)?;
        Ok(())
    }

    fn exclude(&mut self, scope: &ScopeId) -> Result<(), Error> {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
            .bind::<BigInt, _>(scope.advisory_lock())
            .execute(self)?;
        Ok(())
    }

    fn barriers(&mut self, scopes: &[&ScopeId]) -> Result<Vec<Barrier>, Error> {
        load_barriers!(self, scopes)
    }
}
