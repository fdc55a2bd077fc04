//! Hand-written statements, generic over the user's columns.
//!
//! Diesel's own `UPDATE` is never cached as a prepared statement, so it costs a second round trip each time; these say
//! by their `QueryId` that they always read the same.

mod revoke;
mod touch;

pub use revoke::{MarkBothRevoked, MarkRevoked};
pub use touch::Touch;

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::query_source::QuerySource;
use diesel::serialize::ToSql;
use diesel::sql_types::HasSqlType;

type FromClause<C> = <<C as Column>::Table as QuerySource>::FromClause;

/// A column is unset by NULL or by the value that stands for it, whichever the table uses.
fn push_is_unset<'b, C, V, DB>(out: &mut AstPass<'_, 'b, DB>, unset: &'b V) -> QueryResult<()>
where
    DB: Backend + HasSqlType<C::SqlType>,
    C: Column,
    V: ToSql<C::SqlType, DB>,
{
    out.push_sql("(");
    out.push_identifier(C::NAME)?;
    out.push_sql(" IS NULL OR ");
    out.push_identifier(C::NAME)?;
    out.push_sql(" = ");
    out.push_bind_param::<C::SqlType, _>(unset)?;
    out.push_sql(")");
    Ok(())
}
