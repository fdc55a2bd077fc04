//! What the derives' code calls. Not for use by hand.

use std::borrow::Cow;
use std::marker::PhantomData;

use diesel::query_source::SizeRestrictedColumn;

pub use diesel;
pub use diesel::connection::DefaultLoadingMode;
#[cfg(feature = "diesel-async")]
pub use diesel_async;
#[cfg(all(feature = "diesel-async", feature = "mysql"))]
pub use diesel_async::AsyncMysqlConnection;
#[cfg(all(feature = "diesel-async", feature = "postgres"))]
pub use diesel_async::AsyncPgConnection;

#[cfg(all(feature = "diesel-async", feature = "sqlite"))]
pub use crate::asynchronous::pool::AsyncSqliteConnection;

use crate::column::{ClientIdColumn, Identifier};
pub use crate::table::check_length;

/// A value as an expression of the column's type.
pub fn bind_for<C, V>(_: C, value: V) -> V::Expression
where
    C: diesel::Expression,
    C::SqlType: diesel::sql_types::SqlType + diesel::expression::TypedExpressionType,
    V: diesel::expression::AsExpression<C::SqlType>,
{
    value.as_expression()
}

/// A `client_id` column's text; empty, which is no client's id, for NULL.
pub fn client_id_text<C: ClientIdColumn>(column: &C) -> Cow<'_, str> {
    column.id().map_or(Cow::Borrowed(""), Identifier::to_text)
}

/// Asks whether a column's length is known (`#[max_length = ...]` in `table!`), by which of two methods is found
/// first: [`Limited`]'s needs one reference less.
#[derive(Debug)]
pub struct Probe<C>(PhantomData<C>);

impl<C> Probe<C> {
    #[allow(clippy::new_without_default, missing_docs)]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

/// An id of a type of which this crate makes any.
pub trait Generates {
    /// A new id's text.
    ///
    /// # Errors
    /// [`Error::RandomSource`](crate::Error::RandomSource).
    fn generate_id(&self) -> Result<String, crate::Error>;
}

impl<T: crate::column::GrantKey> Generates for Probe<T> {
    fn generate_id(&self) -> Result<String, crate::Error> {
        Ok(T::generate()?.to_text().into_owned())
    }
}

/// An id of another type.
pub trait GeneratesNot {
    /// Refuses.
    ///
    /// # Errors
    /// [`Error::InvalidValue`](crate::Error::InvalidValue).
    fn generate_id(&self) -> Result<String, crate::Error>;
}

impl<T> GeneratesNot for &Probe<T> {
    fn generate_id(&self) -> Result<String, crate::Error> {
        Err(crate::Error::InvalidValue {
            column: "client_id",
            reason: "ids of this type are not made at random; give one",
        })
    }
}

/// A column whose length is known.
pub trait Limited {
    /// The length in characters.
    fn max_length(&self) -> Option<usize>;
}

/// A column whose length is not known.
pub trait Unlimited {
    /// `None`.
    fn max_length(&self) -> Option<usize>;
}

impl<C: SizeRestrictedColumn> Limited for Probe<C> {
    fn max_length(&self) -> Option<usize> {
        Some(C::MAX_LENGTH)
    }
}

impl<C> Unlimited for &Probe<C> {
    fn max_length(&self) -> Option<usize> {
        None
    }
}

// `__if_sqlite! { items }` keeps the items where this crate has the feature, whatever the caller's features are;
// `__if_async_sqlite! { items }` where it has `diesel-async` too.

#[doc(hidden)]
#[cfg(feature = "sqlite")]
#[macro_export]
macro_rules! __if_sqlite {
    ($($item:item)*) => { $($item)* };
}

#[doc(hidden)]
#[cfg(not(feature = "sqlite"))]
#[macro_export]
macro_rules! __if_sqlite {
    ($($item:item)*) => {};
}

#[doc(hidden)]
#[cfg(feature = "postgres")]
#[macro_export]
macro_rules! __if_postgres {
    ($($item:item)*) => { $($item)* };
}

#[doc(hidden)]
#[cfg(not(feature = "postgres"))]
#[macro_export]
macro_rules! __if_postgres {
    ($($item:item)*) => {};
}

#[doc(hidden)]
#[cfg(feature = "mysql")]
#[macro_export]
macro_rules! __if_mysql {
    ($($item:item)*) => { $($item)* };
}

#[doc(hidden)]
#[cfg(not(feature = "mysql"))]
#[macro_export]
macro_rules! __if_mysql {
    ($($item:item)*) => {};
}

#[doc(hidden)]
#[cfg(all(feature = "diesel-async", feature = "sqlite"))]
#[macro_export]
macro_rules! __if_async_sqlite {
    ($($item:item)*) => { $($item)* };
}

#[doc(hidden)]
#[cfg(not(all(feature = "diesel-async", feature = "sqlite")))]
#[macro_export]
macro_rules! __if_async_sqlite {
    ($($item:item)*) => {};
}

#[doc(hidden)]
#[cfg(all(feature = "diesel-async", feature = "postgres"))]
#[macro_export]
macro_rules! __if_async_postgres {
    ($($item:item)*) => { $($item)* };
}

#[doc(hidden)]
#[cfg(not(all(feature = "diesel-async", feature = "postgres")))]
#[macro_export]
macro_rules! __if_async_postgres {
    ($($item:item)*) => {};
}

#[doc(hidden)]
#[cfg(all(feature = "diesel-async", feature = "mysql"))]
#[macro_export]
macro_rules! __if_async_mysql {
    ($($item:item)*) => { $($item)* };
}

#[doc(hidden)]
#[cfg(not(all(feature = "diesel-async", feature = "mysql")))]
#[macro_export]
macro_rules! __if_async_mysql {
    ($($item:item)*) => {};
}
