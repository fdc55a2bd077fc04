use std::any::Any;
use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_source::QuerySource;
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::HasSqlType;

use super::{FromClause, push_is_unset};

/// `UPDATE table SET mark = $now WHERE key = $key AND (mark IS NULL OR mark = $unset)`
#[allow(missing_debug_implementations)] // the FROM clause has none
pub struct MarkRevoked<'a, Key, KeyValue, Mark, MarkValue>
where
    Mark: Column,
{
    table: FromClause<Mark>,
    key: &'a KeyValue,
    now: MarkValue,
    unset: MarkValue,
    columns: PhantomData<(Key, Mark)>,
}

impl<'a, Key, KeyValue, Mark, MarkValue> MarkRevoked<'a, Key, KeyValue, Mark, MarkValue>
where
    Mark: Column,
{
    /// The statement for one row of `table`.
    pub fn new(
        table: Mark::Table,
        _: (Key, Mark),
        key: &'a KeyValue,
        now: MarkValue,
        unset: MarkValue,
    ) -> Self {
        Self {
            table: table.from_clause(),
            key,
            now,
            unset,
            columns: PhantomData,
        }
    }
}

impl<Key, KeyValue, Mark, MarkValue, DB> QueryFragment<DB>
    for MarkRevoked<'_, Key, KeyValue, Mark, MarkValue>
where
    DB: Backend + HasSqlType<Key::SqlType> + HasSqlType<Mark::SqlType>,
    Mark: Column,
    FromClause<Mark>: QueryFragment<DB>,
    Key: Column,
    KeyValue: ToSql<Key::SqlType, DB>,
    MarkValue: ToSql<Mark::SqlType, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(" SET ");
        out.push_identifier(Mark::NAME)?;
        out.push_sql(" = ");
        out.push_bind_param::<Mark::SqlType, _>(&self.now)?;
        out.push_sql(" WHERE ");
        out.push_identifier(Key::NAME)?;
        out.push_sql(" = ");
        out.push_bind_param::<Key::SqlType, _>(self.key)?;
        out.push_sql(" AND ");
        push_is_unset::<Mark, _, _>(&mut out, &self.unset)
    }
}

impl<Key, KeyValue, Mark, MarkValue> QueryId for MarkRevoked<'_, Key, KeyValue, Mark, MarkValue>
where
    Key: Any,
    Mark: Column + Any,
{
    type QueryId = MarkRevoked<'static, Key, (), Mark, ()>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

/// `UPDATE table SET refresh = $now, access = CASE WHEN (access is unset) THEN $now ELSE access END
/// WHERE key = $key AND (refresh is unset)`
#[allow(missing_debug_implementations)] // the FROM clause has none
pub struct MarkBothRevoked<'a, Key, KeyValue, Access, AccessValue, Refresh, RefreshValue>
where
    Access: Column,
{
    table: FromClause<Access>,
    key: &'a KeyValue,
    access: (AccessValue, AccessValue),
    refresh: (RefreshValue, RefreshValue),
    columns: PhantomData<(Key, Access, Refresh)>,
}

impl<'a, Key, KeyValue, Access, AccessValue, Refresh, RefreshValue>
    MarkBothRevoked<'a, Key, KeyValue, Access, AccessValue, Refresh, RefreshValue>
where
    Access: Column,
{
    /// The statement for one row of `table`; `access` and `refresh` are each the value for now and the unset one.
    pub fn new(
        table: Access::Table,
        _: (Key, Access, Refresh),
        key: &'a KeyValue,
        access: (AccessValue, AccessValue),
        refresh: (RefreshValue, RefreshValue),
    ) -> Self {
        Self {
            table: table.from_clause(),
            key,
            access,
            refresh,
            columns: PhantomData,
        }
    }
}

impl<Key, KeyValue, Access, AccessValue, Refresh, RefreshValue, DB> QueryFragment<DB>
    for MarkBothRevoked<'_, Key, KeyValue, Access, AccessValue, Refresh, RefreshValue>
where
    DB: Backend
        + HasSqlType<Key::SqlType>
        + HasSqlType<Access::SqlType>
        + HasSqlType<Refresh::SqlType>,
    Access: Column,
    FromClause<Access>: QueryFragment<DB>,
    Refresh: Column,
    Key: Column,
    KeyValue: ToSql<Key::SqlType, DB>,
    AccessValue: ToSql<Access::SqlType, DB>,
    RefreshValue: ToSql<Refresh::SqlType, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(" SET ");
        out.push_identifier(Refresh::NAME)?;
        out.push_sql(" = ");
        out.push_bind_param::<Refresh::SqlType, _>(&self.refresh.0)?;
        out.push_sql(", ");
        out.push_identifier(Access::NAME)?;
        out.push_sql(" = CASE WHEN ");
        push_is_unset::<Access, _, _>(&mut out, &self.access.1)?;
        out.push_sql(" THEN ");
        out.push_bind_param::<Access::SqlType, _>(&self.access.0)?;
        out.push_sql(" ELSE ");
        out.push_identifier(Access::NAME)?;
        out.push_sql(" END WHERE ");
        out.push_identifier(Key::NAME)?;
        out.push_sql(" = ");
        out.push_bind_param::<Key::SqlType, _>(self.key)?;
        out.push_sql(" AND ");
        push_is_unset::<Refresh, _, _>(&mut out, &self.refresh.1)
    }
}

impl<Key, KeyValue, Access, AccessValue, Refresh, RefreshValue> QueryId
    for MarkBothRevoked<'_, Key, KeyValue, Access, AccessValue, Refresh, RefreshValue>
where
    Key: Any,
    Access: Column + Any,
    Refresh: Any,
{
    type QueryId = MarkBothRevoked<'static, Key, (), Access, (), Refresh, ()>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

// `execute` is for what carries this marker.
impl<Key, KeyValue, Mark: Column, MarkValue, Conn> RunQueryDsl<Conn>
    for MarkRevoked<'_, Key, KeyValue, Mark, MarkValue>
{
}

impl<Key, KeyValue, Access: Column, AccessValue, Refresh, RefreshValue, Conn> RunQueryDsl<Conn>
    for MarkBothRevoked<'_, Key, KeyValue, Access, AccessValue, Refresh, RefreshValue>
{
}
