use diesel::sql_types::SmallInt;

use super::statements::{load_barriers, names};

names!();

statements!(mysql, MysqlConnection);

impl Transactions for MysqlConnection {
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        // At REPEATABLE READ too: the first statement locks, and only the next one settles what is seen.
        self.transaction(work)
    }
}

/// Locks on the rows of `oauth_as_lock`. InnoDB keeps them in memory: sharing one writes nothing.
impl Scopes for MysqlConnection {
    fn share(&mut self, scopes: &[&ScopeId]) -> Result<(), Error> {
        let mut rows: Vec<i16> = scopes.iter().map(|scope| scope.lock_row()).collect();
        rows.sort_unstable();
        rows.dedup();
        // There are three scopes at most; the row of one may stand for all.
        let last = rows.last().copied().unwrap_or_default();
        let number = rows.len();
        rows.resize(3, last);
        // In the order of the key, as everybody: or two could wait for each other.
        let locked = diesel::sql_query(
            "SELECT id FROM oauth_as_lock WHERE id IN (?, ?, ?) ORDER BY id LOCK IN SHARE MODE",
        )
        .bind::<SmallInt, _>(rows[0])
        .bind::<SmallInt, _>(rows[1])
        .bind::<SmallInt, _>(rows[2])
        .load::<LockRow>(self)?;
        expect_rows(locked.len(), number)
    }

    fn exclude(&mut self, scope: &ScopeId) -> Result<(), Error> {
        let locked = diesel::sql_query("SELECT id FROM oauth_as_lock WHERE id = ? FOR UPDATE")
            .bind::<SmallInt, _>(scope.lock_row())
            .load::<LockRow>(self)?;
        expect_rows(locked.len(), 1)
    }

    fn barriers(&mut self, scopes: &[&ScopeId]) -> Result<Vec<Barrier>, Error> {
        load_barriers!(self, scopes)
    }
}

#[derive(QueryableByName)]
struct LockRow {
    #[diesel(sql_type = SmallInt)]
    #[allow(dead_code)] // it is the lock that is asked for
    id: i16,
}

/// Without its row a scope has no lock, and revoking would be unsafe.
fn expect_rows(found: usize, expected: usize) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::SchemaMismatch {
        message: "rows of oauth_as_lock are missing".to_owned(),
    })
}
