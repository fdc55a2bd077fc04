use std::any::Any;

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_source::QuerySource;
use diesel::result::QueryResult;

/// `WITH spent AS (mark) INSERT INTO table (names) SELECT values FROM spent`
///
/// What a grant begins with is spent, and the grant made, in one round trip, for PostgreSQL. The count of rows tells whether
/// `mark` found its row: an UPDATE waits for whoever holds the row, and then looks at it as it is now.
#[allow(missing_debug_implementations)] // the FROM clause has none
pub struct Spend<M, T: QuerySource, N, V> {
    mark: M,
    table: T::FromClause,
    names: N,
    values: V,
}

impl<M, T: QuerySource, N, V> Spend<M, T, N, V> {
    /// The statement that inserts `values` into the columns `names` of `table`, if the update `mark` finds a row.
    pub fn new(mark: M, table: T, names: N, values: V) -> Self {
        Self {
            mark,
            table: table.from_clause(),
            names,
            values,
        }
    }
}

impl<M, T, N, V, DB> QueryFragment<DB> for Spend<M, T, N, V>
where
    DB: Backend,
    T: QuerySource,
    T::FromClause: QueryFragment<DB>,
    M: QueryFragment<DB>,
    N: QueryFragment<DB>,
    V: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("WITH spent AS (");
        self.mark.walk_ast(out.reborrow())?;
        out.push_sql(" RETURNING 1 AS spent) INSERT INTO ");
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(" (");
        self.names.walk_ast(out.reborrow())?;
        out.push_sql(") SELECT ");
        self.values.walk_ast(out.reborrow())?;
        out.push_sql(" FROM spent");
        Ok(())
    }
}

impl<M, T, N, V> QueryId for Spend<M, T, N, V>
where
    M: QueryId,
    T: QuerySource + Any,
    N: QueryId,
    V: QueryId,
{
    type QueryId = Spend<M::QueryId, T, N::QueryId, V::QueryId>;
    const HAS_STATIC_QUERY_ID: bool =
        M::HAS_STATIC_QUERY_ID && N::HAS_STATIC_QUERY_ID && V::HAS_STATIC_QUERY_ID;
}

// `execute` is for what carries this marker.
impl<M, T: QuerySource, N, V, Conn> RunQueryDsl<Conn> for Spend<M, T, N, V> {}
