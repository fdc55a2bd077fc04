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

/// `UPDATE table SET used = $now WHERE key = $key AND (revoked is unset) AND (expires is unset OR expires >= $now)`
///
/// It locks the row until the end of the transaction, on every database alike, and the number of rows says whether the
/// grant is alive.
#[allow(missing_debug_implementations)] // the FROM clause has none
pub struct Touch<'a, Key, KeyValue, Used, UsedValue, Revoked, RevokedValue, Expires, ExpiresValue>
where
    Used: Column,
{
    table: FromClause<Used>,
    key: &'a KeyValue,
    used: UsedValue,
    revoked: RevokedValue,
    expires: (ExpiresValue, ExpiresValue),
    columns: PhantomData<(Key, Used, Revoked, Expires)>,
}

impl<'a, Key, KeyValue, Used, UsedValue, Revoked, RevokedValue, Expires, ExpiresValue>
    Touch<'a, Key, KeyValue, Used, UsedValue, Revoked, RevokedValue, Expires, ExpiresValue>
where
    Used: Column,
{
    /// The statement for one row of `table`; `revoked` is the unset value, `expires` the one for now and the unset one.
    pub fn new(
        table: Used::Table,
        _: (Key, Used, Revoked, Expires),
        key: &'a KeyValue,
        used: UsedValue,
        revoked: RevokedValue,
        expires: (ExpiresValue, ExpiresValue),
    ) -> Self {
        Self {
            table: table.from_clause(),
            key,
            used,
            revoked,
            expires,
            columns: PhantomData,
        }
    }
}

impl<Key, KeyValue, Used, UsedValue, Revoked, RevokedValue, Expires, ExpiresValue, DB>
    QueryFragment<DB>
    for Touch<'_, Key, KeyValue, Used, UsedValue, Revoked, RevokedValue, Expires, ExpiresValue>
where
    DB: Backend
        + HasSqlType<Key::SqlType>
        + HasSqlType<Used::SqlType>
        + HasSqlType<Revoked::SqlType>
        + HasSqlType<Expires::SqlType>,
    Used: Column,
    FromClause<Used>: QueryFragment<DB>,
    Key: Column,
    Revoked: Column,
    Expires: Column,
    KeyValue: ToSql<Key::SqlType, DB>,
    RevokedValue: ToSql<Revoked::SqlType, DB>,
    UsedValue: ToSql<Used::SqlType, DB>,
    ExpiresValue: ToSql<Expires::SqlType, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(" SET ");
        out.push_identifier(Used::NAME)?;
        out.push_sql(" = ");
        out.push_bind_param::<Used::SqlType, _>(&self.used)?;
        out.push_sql(" WHERE ");
        out.push_identifier(Key::NAME)?;
        out.push_sql(" = ");
        out.push_bind_param::<Key::SqlType, _>(self.key)?;
        out.push_sql(" AND ");
        push_is_unset::<Revoked, _, _>(&mut out, &self.revoked)?;
        out.push_sql(" AND (");
        push_is_unset::<Expires, _, _>(&mut out, &self.expires.1)?;
        out.push_sql(" OR ");
        out.push_identifier(Expires::NAME)?;
        out.push_sql(" >= ");
        out.push_bind_param::<Expires::SqlType, _>(&self.expires.0)?;
        out.push_sql(")");
        Ok(())
    }
}

impl<Key, KeyValue, Used, UsedValue, Revoked, RevokedValue, Expires, ExpiresValue> QueryId
    for Touch<'_, Key, KeyValue, Used, UsedValue, Revoked, RevokedValue, Expires, ExpiresValue>
where
    Key: Any,
    Used: Column + Any,
    Revoked: Any,
    Expires: Any,
{
    type QueryId = Touch<'static, Key, (), Used, (), Revoked, (), Expires, ()>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Key, KeyValue, Used: Column, UsedValue, Revoked, RevokedValue, Expires, ExpiresValue, Conn>
    RunQueryDsl<Conn>
    for Touch<'_, Key, KeyValue, Used, UsedValue, Revoked, RevokedValue, Expires, ExpiresValue>
{
}
