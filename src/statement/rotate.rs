use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_source::QuerySource;
use diesel::result::QueryResult;

use super::Update;

/// `WITH touched AS (touch), rotated AS (mark) INSERT INTO table (names) SELECT values FROM rotated`
///
/// A rotation in one round trip, for PostgreSQL. All three see the same snapshot, but an UPDATE waits for whoever holds
/// its row and then looks at the row as it is now. `mark` joins what `touch` returned, so the grant's row is taken first,
/// as by whoever revokes; were it a subquery, PostgreSQL would have to run `touch` a second time after such a wait.
#[allow(missing_debug_implementations)] // the FROM clause has none
pub struct Rotate<A, T: QuerySource, S, W, N, V> {
    touch: A,
    mark: Update<T, S, W>,
    names: N,
    values: V,
}

impl<A, T: QuerySource, S, W, N, V> Rotate<A, T, S, W, N, V> {
    /// The statement that inserts `values` into the columns `names` of the table of `mark`, if both updates find a row.
    pub fn new(touch: A, mark: Update<T, S, W>, names: N, values: V) -> Self {
        Self {
            touch,
            mark: mark.from("touched"),
            names,
            values,
        }
    }
}

impl<A, T, S, W, N, V, DB> QueryFragment<DB> for Rotate<A, T, S, W, N, V>
where
    DB: Backend,
    T: QuerySource,
    T::FromClause: QueryFragment<DB>,
    A: QueryFragment<DB>,
    Update<T, S, W>: QueryFragment<DB>,
    N: QueryFragment<DB>,
    V: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("WITH touched AS (");
        self.touch.walk_ast(out.reborrow())?;
        out.push_sql(" RETURNING 1 AS touched), rotated AS (");
        self.mark.walk_ast(out.reborrow())?;
        out.push_sql(" RETURNING 1 AS rotated) INSERT INTO ");
        self.mark.table.walk_ast(out.reborrow())?;
        out.push_sql(" (");
        self.names.walk_ast(out.reborrow())?;
        out.push_sql(") SELECT ");
        self.values.walk_ast(out.reborrow())?;
        out.push_sql(" FROM rotated");
        Ok(())
    }
}

impl<A, T, S, W, N, V> QueryId for Rotate<A, T, S, W, N, V>
where
    T: QuerySource,
    A: QueryId,
    Update<T, S, W>: QueryId,
    N: QueryId,
    V: QueryId,
{
    type QueryId = (
        RotateId,
        A::QueryId,
        <Update<T, S, W> as QueryId>::QueryId,
        N::QueryId,
        V::QueryId,
    );
    const HAS_STATIC_QUERY_ID: bool = A::HAS_STATIC_QUERY_ID
        && <Update<T, S, W> as QueryId>::HAS_STATIC_QUERY_ID
        && N::HAS_STATIC_QUERY_ID
        && V::HAS_STATIC_QUERY_ID;
}

/// Tells this statement's `QueryId` from that of a tuple of its parts.
#[derive(Debug)]
pub enum RotateId {}

impl<A, T: QuerySource, S, W, N, V, Conn> RunQueryDsl<Conn> for Rotate<A, T, S, W, N, V> {}
