use std::borrow::Cow;

use crate::Error;

/// An id as a column type and as OAuth 2.0's text: `String`, `i32`, `i64`, and `uuid::Uuid` with the feature `uuid`.
///
/// ```
/// use std::borrow::Cow;
/// use diesel_oauth2::column::Identifier;
///
/// #[derive(Clone, Debug, PartialEq)]
/// struct Tenant(i64);
///
/// impl Identifier for Tenant {
///     type Bound<'a> = Tenant;
///
///     fn parse(text: &str) -> Option<Tenant> {
///         text.parse().ok().map(Tenant)
///     }
///
///     fn to_text(&self) -> Cow<'_, str> {
///         self.0.to_string().into()
///     }
/// }
/// assert_eq!(Tenant::parse("7"), Some(Tenant(7)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of an id field",
    label = "not a `diesel_oauth2::column::Identifier`",
    note = "use String, i32, i64 or (feature `uuid`) uuid::Uuid, or implement `Identifier` for your newtype"
)]
pub trait Identifier: Clone + Send + Sync + 'static {
    /// What is bound for an id given as text: `&str` for a `String`, the id itself for anything else.
    type Bound<'a>;

    /// The id with this text, or `None` where the text is not of the id's form.
    ///
    /// It need not be strict about spelling: what is found is compared with [`to_text`](Identifier::to_text) again.
    fn parse(text: &str) -> Option<Self::Bound<'_>>;

    /// The id's text.
    fn to_text(&self) -> Cow<'_, str>;
}

impl Identifier for String {
    type Bound<'a> = &'a str;

    fn parse(text: &str) -> Option<&str> {
        Some(text)
    }

    fn to_text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

/// The user's id of a model without a column for it: there is no such value, so no user can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoUserColumn {}

/// The grant's id of a model without a column for it: there is no such value, so no grant can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoGrantColumn {}

macro_rules! identifier_of_nothing {
    ($($type:ty),*) => {$(
        impl Identifier for $type {
            type Bound<'a> = Self;

            fn parse(_: &str) -> Option<Self> {
                None
            }

            fn to_text(&self) -> Cow<'_, str> {
                match *self {}
            }
        }
    )*};
}

identifier_of_nothing!(NoUserColumn, NoGrantColumn);

macro_rules! identifier_by_display {
    ($($(#[$attribute:meta])* $type:ty),* $(,)?) => {$(
        $(#[$attribute])*
        impl Identifier for $type {
            type Bound<'a> = Self;

            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn to_text(&self) -> Cow<'_, str> {
                Cow::Owned(self.to_string())
            }
        }
    )*};
}

identifier_by_display!(
    i32,
    i64,
    #[cfg(feature = "uuid")]
    uuid::Uuid,
);

/// The type of a `client_id` field: an [`Identifier`] or an `Option` of one.
pub trait ClientIdColumn: Sized {
    /// The id's type.
    type Id: Identifier;

    /// The id, unless NULL.
    fn id(&self) -> Option<&Self::Id>;

    /// Whether this is the client id with exactly this text: `7` and `007` are the same number but not the same id.
    fn is(&self, text: &str) -> bool {
        self.id().is_some_and(|id| id.to_text() == text)
    }
}

/// The type of a `user_id` field: an [`Identifier`], or an `Option` of one where tokens without a user are stored.
pub trait UserIdColumn: Sized {
    /// The id's type.
    type Id: Identifier;
    /// What is bound for it.
    type Bound<'a>
    where
        Self::Id: 'a;

    /// The id, unless NULL.
    fn id(&self) -> Option<&Self::Id>;

    /// What to write.
    ///
    /// # Errors
    /// [`Error::MissingUser`] where the column requires a user and there is none.
    fn bind<'a>(column: &'static str, id: Option<&'a Self::Id>) -> Result<Self::Bound<'a>, Error>;
}

impl<T: Identifier> ClientIdColumn for T {
    type Id = T;

    fn id(&self) -> Option<&T> {
        Some(self)
    }
}

impl<T: Identifier> ClientIdColumn for Option<T> {
    type Id = T;

    fn id(&self) -> Option<&T> {
        self.as_ref()
    }
}

impl<T: Identifier> UserIdColumn for T {
    type Id = T;
    type Bound<'a> = &'a T;

    fn id(&self) -> Option<&T> {
        Some(self)
    }

    fn bind<'a>(column: &'static str, id: Option<&'a T>) -> Result<&'a T, Error> {
        id.ok_or(Error::MissingUser { column })
    }
}

impl<T: Identifier> UserIdColumn for Option<T> {
    type Id = T;
    type Bound<'a> = Option<&'a T>;

    fn id(&self) -> Option<&T> {
        self.as_ref()
    }

    fn bind<'a>(_: &'static str, id: Option<&'a T>) -> Result<Option<&'a T>, Error> {
        Ok(id)
    }
}

/// The id of a grant, which this crate makes: `i64` (63 random bits), `String` (22 random characters), or `uuid::Uuid`
/// (version 4) with the feature `uuid`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the id of a grant",
    label = "not a `diesel_oauth2::column::GrantKey`",
    note = "use i64, String or (feature `uuid`) uuid::Uuid, or implement `GrantKey` for your newtype"
)]
pub trait GrantKey: Identifier {
    /// A new id.
    ///
    /// # Errors
    /// [`Error::RandomSource`].
    fn generate() -> Result<Self, Error>;
}

fn random_bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    rand::TryRng::try_fill_bytes(&mut rand::rngs::SysRng, &mut bytes)
        .map_err(|_| Error::RandomSource)?;
    Ok(bytes)
}

impl GrantKey for i64 {
    fn generate() -> Result<Self, Error> {
        Ok(i64::from_be_bytes(random_bytes()?) & i64::MAX)
    }
}

impl GrantKey for String {
    fn generate() -> Result<Self, Error> {
        crate::bearer::generate_token(crate::bearer::MIN_TOKEN_LENGTH)
    }
}

#[cfg(feature = "uuid")]
impl GrantKey for uuid::Uuid {
    fn generate() -> Result<Self, Error> {
        Ok(uuid::Builder::from_random_bytes(random_bytes()?).into_uuid())
    }
}

/// The type of a `grant_id` field: an `Option` of a [`GrantKey`], because tokens may be there that no grant stands for,
/// such as those that authlib writes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a `grant_id` field",
    label = "not a `diesel_oauth2::column::GrantIdColumn`",
    note = "use an Option of i64, String or (feature `uuid`) uuid::Uuid"
)]
pub trait GrantIdColumn: Sized {
    /// The id's type.
    type Id: GrantKey;

    /// The id, unless NULL.
    fn id(&self) -> Option<&Self::Id>;
}

impl<T: GrantKey> GrantIdColumn for Option<T> {
    type Id = T;

    fn id(&self) -> Option<&T> {
        self.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_text_of_an_id_is_that_id() {
        assert!(7_i64.is("7"));
        for text in ["007", "+7", " 7", "7 ", "", "x"] {
            assert!(!7_i64.is(text), "{text:?}");
        }
        assert!("Ab ".to_owned().is("Ab "));
        assert!(!"Ab ".to_owned().is("ab "));
        assert!(!None::<String>.is(""));
    }

    #[cfg(feature = "uuid")]
    #[test]
    fn a_uuid_in_another_spelling_is_another_id() {
        let text = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        let id: uuid::Uuid = text.parse().expect("is a UUID");
        assert!(id.is(text));
        assert!(!id.is(&text.to_uppercase()));
        assert!(!id.is(&text.replace('-', "")));
    }
}
