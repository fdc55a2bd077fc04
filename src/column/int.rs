use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::sql_types::{BigInt, Nullable};

/// An integer column of any width, read as `i64`: `#[diesel(deserialize_as = Int)]` on an `i64` field.
///
/// authlib's tables have 32-bit columns where the bundled schema says `BigInt`, and Diesel on PostgreSQL insists on the
/// width it was told.
#[derive(Debug, Clone, Copy, FromSqlRow)]
pub struct Int(i64);

/// An integer column of any width that may be NULL: `#[diesel(deserialize_as = OptionalInt)]` on an `Option<i64>` field.
#[derive(Debug, Clone, Copy, FromSqlRow)]
pub struct OptionalInt(Option<i64>);

impl From<Int> for i64 {
    fn from(Int(value): Int) -> i64 {
        value
    }
}

impl From<OptionalInt> for Option<i64> {
    fn from(OptionalInt(value): OptionalInt) -> Option<i64> {
        value
    }
}

impl<DB: Backend> FromSql<Nullable<BigInt>, DB> for OptionalInt
where
    Int: FromSql<BigInt, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Some(Int::from_sql(value)?.into())))
    }

    fn from_nullable_sql(value: Option<DB::RawValue<'_>>) -> deserialize::Result<Self> {
        value.map_or(
            Ok(Self(None)),
            <Self as FromSql<Nullable<BigInt>, DB>>::from_sql,
        )
    }
}

#[cfg(feature = "sqlite")]
impl FromSql<BigInt, diesel::sqlite::Sqlite> for Int {
    fn from_sql(
        value: <diesel::sqlite::Sqlite as Backend>::RawValue<'_>,
    ) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, diesel::sqlite::Sqlite>>::from_sql(value).map(Int)
    }
}

#[cfg(feature = "mysql")]
impl FromSql<BigInt, diesel::mysql::Mysql> for Int {
    fn from_sql(
        value: <diesel::mysql::Mysql as Backend>::RawValue<'_>,
    ) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, diesel::mysql::Mysql>>::from_sql(value).map(Int)
    }
}

#[cfg(feature = "postgres")]
impl FromSql<BigInt, diesel::pg::Pg> for Int {
    fn from_sql(value: diesel::pg::PgValue<'_>) -> deserialize::Result<Self> {
        match *value.as_bytes() {
            [a, b, c, d] => Ok(Int(i32::from_be_bytes([a, b, c, d]).into())),
            [a, b] => Ok(Int(i16::from_be_bytes([a, b]).into())),
            _ => <i64 as FromSql<BigInt, diesel::pg::Pg>>::from_sql(value).map(Int),
        }
    }
}
