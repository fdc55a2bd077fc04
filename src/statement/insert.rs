use std::any::Any;

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_source::QuerySource;
use diesel::result::QueryResult;

/// `INSERT INTO table (names) VALUES (values)`
#[allow(missing_debug_implementations)] // the FROM clause has none
pub struct Insert<T: QuerySource, N, V> {
    table: T::FromClause,
    names: N,
    values: V,
}

impl<T: QuerySource, N, V> Insert<T, N, V> {
    /// The statement that inserts `values` into the columns `names` of `table`.
    pub fn new(table: T, names: N, values: V) -> Self {
        Self {
            table: table.from_clause(),
            names,
            values,
        }
    }
}

impl<T, N, V, DB> QueryFragment<DB> for Insert<T, N, V>
where
    DB: Backend,
    T: QuerySource,
    T::FromClause: QueryFragment<DB>,
    N: QueryFragment<DB>,
    V: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(" (");
        self.names.walk_ast(out.reborrow())?;
        out.push_sql(") VALUES (");
        self.values.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

impl<T, N, V> QueryId for Insert<T, N, V>
where
    T: QuerySource + Any,
    N: QueryId,
    V: QueryId,
{
    type QueryId = Insert<T, N::QueryId, V::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = N::HAS_STATIC_QUERY_ID && V::HAS_STATIC_QUERY_ID;
}

// `execute` is for what carries this marker.
impl<T: QuerySource, N, V, Conn> RunQueryDsl<Conn> for Insert<T, N, V> {}
