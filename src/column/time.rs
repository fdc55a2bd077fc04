use chrono::{DateTime, NaiveDateTime, Utc};

use crate::Error;

/// The type of a time field: epoch seconds as `i32` or `i64`, chrono's `NaiveDateTime` (in UTC) or `DateTime<Utc>`, or
/// an `Option` of one of these.
///
/// "Not set" is NULL where the field is an `Option`, and 0 (1970-01-01T00:00:00Z) where it is not, as in authlib's
/// tables. An optional integer is read as not set in both cases.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a time field",
    label = "not a `diesel_oauth2::column::TimeColumn`",
    note = "use i32, i64, chrono::NaiveDateTime or chrono::DateTime<Utc>, or an Option of one"
)]
pub trait TimeColumn: Sized {
    /// The field's value for epoch seconds, or for "not set".
    ///
    /// # Errors
    /// [`Error::InvalidValue`] where the type cannot hold the time.
    fn from_unix(column: &'static str, seconds: Option<i64>) -> Result<Self, Error>;

    /// Epoch seconds, or `None` where not set.
    fn to_unix(&self) -> Option<i64>;
}

/// The type of an `expires_in` field: seconds as `i32` or `i64`, or an `Option` of one.
///
/// "Never expires" is NULL where the field is an `Option`, and 0 where it is not. Both are read as such.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of an `expires_in` field",
    label = "not a `diesel_oauth2::column::LifetimeColumn`",
    note = "use i32 or i64, or an Option of one; a point in time has the role `expires_at`"
)]
pub trait LifetimeColumn: TimeColumn {
    /// The field's value for a lifetime in seconds, or for "never expires".
    ///
    /// # Errors
    /// [`Error::InvalidValue`] where the type cannot hold it.
    fn from_seconds(column: &'static str, seconds: Option<i64>) -> Result<Self, Error> {
        Self::from_unix(column, seconds)
    }

    /// The lifetime in seconds, or `None` for "never expires".
    fn seconds(&self) -> Option<i64> {
        self.to_unix()
    }
}

/// The type of a field that says whether a token was revoked: a [`TimeColumn`] (when) or a `bool` (whether).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a revocation field",
    label = "not a `diesel_oauth2::column::RevocationColumn`",
    note = "use a time (i32, i64, chrono::NaiveDateTime, chrono::DateTime<Utc>, or an Option of one) or bool"
)]
pub trait RevocationColumn: Sized {
    /// The field's value for a token revoked at this time, or not revoked.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] where the type cannot hold the time.
    fn mark(column: &'static str, revoked_at: Option<i64>) -> Result<Self, Error>;

    /// The value, besides NULL, that means "not revoked" in the database. NULL itself where there is no other.
    fn unset() -> Self;

    /// Epoch seconds of the revocation (0 where only the fact is known), or `None`.
    fn revoked_at(&self) -> Option<i64>;
}

const OUT_OF_RANGE: &str = "the time is beyond what the column's type can hold";

impl TimeColumn for i64 {
    fn from_unix(_: &'static str, seconds: Option<i64>) -> Result<Self, Error> {
        Ok(seconds.unwrap_or(0))
    }

    fn to_unix(&self) -> Option<i64> {
        (*self != 0).then_some(*self)
    }
}

impl TimeColumn for i32 {
    fn from_unix(column: &'static str, seconds: Option<i64>) -> Result<Self, Error> {
        i32::try_from(seconds.unwrap_or(0)).map_err(|_| Error::InvalidValue {
            column,
            reason: OUT_OF_RANGE,
        })
    }

    fn to_unix(&self) -> Option<i64> {
        i64::from(*self).to_unix()
    }
}

impl TimeColumn for DateTime<Utc> {
    fn from_unix(column: &'static str, seconds: Option<i64>) -> Result<Self, Error> {
        DateTime::from_timestamp(seconds.unwrap_or(0), 0).ok_or(Error::InvalidValue {
            column,
            reason: OUT_OF_RANGE,
        })
    }

    fn to_unix(&self) -> Option<i64> {
        self.timestamp().to_unix()
    }
}

impl TimeColumn for NaiveDateTime {
    fn from_unix(column: &'static str, seconds: Option<i64>) -> Result<Self, Error> {
        DateTime::<Utc>::from_unix(column, seconds).map(|time| time.naive_utc())
    }

    fn to_unix(&self) -> Option<i64> {
        self.and_utc().to_unix()
    }
}

impl<T: TimeColumn> TimeColumn for Option<T> {
    fn from_unix(column: &'static str, seconds: Option<i64>) -> Result<Self, Error> {
        seconds
            .map(|seconds| T::from_unix(column, Some(seconds)))
            .transpose()
    }

    fn to_unix(&self) -> Option<i64> {
        self.as_ref().and_then(T::to_unix)
    }
}

impl LifetimeColumn for i32 {}
impl LifetimeColumn for i64 {}
impl LifetimeColumn for Option<i32> {}
impl LifetimeColumn for Option<i64> {}

macro_rules! revocation_by_time {
    ($($type:ty => $unset:expr),* $(,)?) => {$(
        impl RevocationColumn for $type {
            fn mark(column: &'static str, revoked_at: Option<i64>) -> Result<Self, Error> {
                Self::from_unix(column, revoked_at)
            }

            fn unset() -> Self {
                $unset
            }

            fn revoked_at(&self) -> Option<i64> {
                self.to_unix()
            }
        }
    )*};
}

revocation_by_time!(
    i32 => 0,
    i64 => 0,
    DateTime<Utc> => DateTime::UNIX_EPOCH,
    NaiveDateTime => DateTime::UNIX_EPOCH.naive_utc(),
    Option<i32> => Some(0),
    Option<i64> => Some(0),
    Option<DateTime<Utc>> => Some(DateTime::UNIX_EPOCH),
    Option<NaiveDateTime> => Some(DateTime::UNIX_EPOCH.naive_utc()),
);

impl RevocationColumn for bool {
    fn mark(_: &'static str, revoked_at: Option<i64>) -> Result<Self, Error> {
        Ok(revoked_at.is_some())
    }

    fn unset() -> Self {
        false
    }

    fn revoked_at(&self) -> Option<i64> {
        self.then_some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_null_are_not_set() {
        assert_eq!(0_i64.to_unix(), None);
        assert_eq!(Some(0_i32).to_unix(), None);
        assert_eq!(None::<i64>.to_unix(), None);
        assert_eq!(DateTime::UNIX_EPOCH.to_unix(), None);
        assert_eq!(Option::<i64>::from_unix("c", None), Ok(None));
        assert_eq!(i32::from_unix("c", None), Ok(0));
    }

    #[test]
    fn a_time_beyond_the_column_is_an_error_and_not_a_wrap() {
        let year_2039 = 2_177_452_800;
        assert!(matches!(
            i32::from_unix("issued_at", Some(year_2039)),
            Err(Error::InvalidValue {
                column: "issued_at",
                ..
            })
        ));
        assert_eq!(i64::from_unix("issued_at", Some(year_2039)), Ok(year_2039));
        assert!(DateTime::<Utc>::from_unix("issued_at", Some(i64::MAX)).is_err());
    }

    #[test]
    fn chrono_reads_back_to_the_second_up_to_the_year_9999() {
        for seconds in [1, 2_177_452_800, 253_402_300_799] {
            let time = NaiveDateTime::from_unix("c", Some(seconds)).expect("fits");
            assert_eq!(time.to_unix(), Some(seconds));
        }
    }
}
