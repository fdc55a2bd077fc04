use std::any::Any;
use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::HasSqlType;

/// A part about one column. The column's type alone decides the SQL, so the values have no say in the `QueryId`.
macro_rules! parts {
    ($($(#[$attribute:meta])* $name:ident { $($value:ident),+ } |$part:ident, $column:ident, $out:ident| $walk:block)*) => {$(
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name<C, V> {
            $($value: V,)+
            column: PhantomData<C>,
        }

        impl<C, V> $name<C, V> {
            /// The part about `column`.
            pub fn new(_: C, $($value: V),+) -> Self {
                Self { $($value,)+ column: PhantomData }
            }
        }

        impl<C, V, DB> QueryFragment<DB> for $name<C, V>
        where
            DB: Backend + HasSqlType<C::SqlType>,
            C: Column,
            V: ToSql<C::SqlType, DB>,
        {
            fn walk_ast<'b>(&'b self, mut $out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                let $part = self;
                let $column = C::NAME;
                $walk
                Ok(())
            }
        }

        impl<C: Any, V> QueryId for $name<C, V> {
            type QueryId = $name<C, ()>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }
    )*};
}

/// A column is unset by NULL or by the value that stands for it, whichever the table uses.
macro_rules! push_is_unset {
    ($out:ident, $column:ident, $unset:expr) => {
        $out.push_identifier($column)?;
        $out.push_sql(" IS NULL OR ");
        $out.push_identifier($column)?;
        $out.push_sql(" = ");
        $out.push_bind_param::<C::SqlType, _>($unset)?;
    };
}

parts! {
    /// `column = $value`, behind SET
    Set { value } |part, column, out| {
        out.push_identifier(column)?;
        out.push_sql(" = ");
        out.push_bind_param::<C::SqlType, _>(&part.value)?;
    }

    /// `column = CASE WHEN column IS NULL OR column = $unset THEN $value ELSE column END`
    SetIfUnset { value, unset } |part, column, out| {
        out.push_identifier(column)?;
        out.push_sql(" = CASE WHEN ");
        push_is_unset!(out, column, &part.unset);
        out.push_sql(" THEN ");
        out.push_bind_param::<C::SqlType, _>(&part.value)?;
        out.push_sql(" ELSE ");
        out.push_identifier(column)?;
        out.push_sql(" END");
    }

    /// `column = $value`, behind WHERE
    Is { value } |part, column, out| {
        out.push_identifier(column)?;
        out.push_sql(" = ");
        out.push_bind_param::<C::SqlType, _>(&part.value)?;
    }

    /// `(column IS NULL OR column = $unset)`
    IsUnset { unset } |part, column, out| {
        out.push_sql("(");
        push_is_unset!(out, column, &part.unset);
        out.push_sql(")");
    }

    /// `(column IS NULL OR column = $unset OR column >= $least)`
    IsUnsetOrAtLeast { unset, least } |part, column, out| {
        out.push_sql("(");
        push_is_unset!(out, column, &part.unset);
        out.push_sql(" OR ");
        out.push_identifier(column)?;
        out.push_sql(" >= ");
        out.push_bind_param::<C::SqlType, _>(&part.least)?;
        out.push_sql(")");
    }
}

/// A part about one column that needs no value.
macro_rules! valueless_parts {
    ($($(#[$attribute:meta])* $name:ident $after:literal)*) => {$(
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name<C>(PhantomData<C>);

        impl<C> $name<C> {
            /// The part about `column`.
            pub fn new(_: C) -> Self {
                Self(PhantomData)
            }
        }

        impl<C: Column, DB: Backend> QueryFragment<DB> for $name<C> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                out.push_identifier(C::NAME)?;
                out.push_sql($after);
                Ok(())
            }
        }

        impl<C: Any> QueryId for $name<C> {
            type QueryId = Self;
            const HAS_STATIC_QUERY_ID: bool = true;
        }
    )*};
}

valueless_parts! {
    /// The name of a column, without that of its table.
    Named ""
    /// `column IS NULL`
    IsNull " IS NULL"
}

/// Two parts with something between them. Nested, they make a list of any length.
macro_rules! between {
    ($($(#[$attribute:meta])* $name:ident $separator:literal)*) => {$(
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name<A, B>(pub A, pub B);

        impl<A, B, DB> QueryFragment<DB> for $name<A, B>
        where
            DB: Backend,
            A: QueryFragment<DB>,
            B: QueryFragment<DB>,
        {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                self.0.walk_ast(out.reborrow())?;
                out.push_sql($separator);
                self.1.walk_ast(out)
            }
        }

        impl<A: QueryId, B: QueryId> QueryId for $name<A, B> {
            type QueryId = $name<A::QueryId, B::QueryId>;
            const HAS_STATIC_QUERY_ID: bool = A::HAS_STATIC_QUERY_ID && B::HAS_STATIC_QUERY_ID;
        }
    )*};
}

between! {
    /// `a AND b`
    And " AND "
    /// `a, b`
    Comma ", "
}
