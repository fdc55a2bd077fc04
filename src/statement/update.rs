use std::any::Any;

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_source::QuerySource;
use diesel::result::QueryResult;

/// `UPDATE table SET set WHERE filter`
#[allow(missing_debug_implementations)] // the FROM clause has none
pub struct Update<T: QuerySource, S, W> {
    pub(super) table: T::FromClause,
    set: S,
    filter: W,
    /// A common table expression that must have a row. Only [`Rotate`](super::Rotate), whose own `QueryId` tells the
    /// statement from one without, sets it.
    from: Option<&'static str>,
}

impl<T: QuerySource, S, W> Update<T, S, W> {
    /// The statement on `table`.
    pub fn new(table: T, set: S, filter: W) -> Self {
        Self {
            table: table.from_clause(),
            set,
            filter,
            from: None,
        }
    }

    pub(super) fn from(mut self, table_expression: &'static str) -> Self {
        self.from = Some(table_expression);
        self
    }
}

impl<T, S, W, DB> QueryFragment<DB> for Update<T, S, W>
where
    DB: Backend,
    T: QuerySource,
    T::FromClause: QueryFragment<DB>,
    S: QueryFragment<DB>,
    W: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(" SET ");
        self.set.walk_ast(out.reborrow())?;
        if let Some(from) = self.from {
            out.push_sql(" FROM ");
            out.push_sql(from);
        }
        out.push_sql(" WHERE ");
        self.filter.walk_ast(out)
    }
}

impl<T, S, W> QueryId for Update<T, S, W>
where
    T: QuerySource + Any,
    S: QueryId,
    W: QueryId,
{
    type QueryId = Update<T, S::QueryId, W::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = S::HAS_STATIC_QUERY_ID && W::HAS_STATIC_QUERY_ID;
}

// `execute` is for what carries this marker.
impl<T: QuerySource, S, W, Conn> RunQueryDsl<Conn> for Update<T, S, W> {}
