use diesel_oauth2::column::Identifier;

use crate::Error;

/// A user's id that can be made of oxide-auth's owner id, which is a text.
///
/// Every [`Identifier`] of `diesel_oauth2` is one (`String`, `i32`, `i64`, `Uuid`), and so is a newtype whose
/// [`Bound`](Identifier::Bound) is the type itself.
pub trait OwnerId: Identifier + for<'a> From<<Self as Identifier>::Bound<'a>> {}

impl<T> OwnerId for T where T: Identifier + for<'a> From<<T as Identifier>::Bound<'a>> {}

/// The user with exactly this text: `7` and `007` are the same number but not the same owner.
pub(crate) fn parse<U: OwnerId>(owner_id: &str) -> Result<U, Error> {
    U::parse(owner_id)
        .map(U::from)
        .filter(|user: &U| user.to_text() == owner_id)
        .ok_or(Error::UnknownOwner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_text_is_an_owner() {
        assert_eq!(parse::<i64>("7"), Ok(7));
        assert_eq!(parse::<String>("anna"), Ok("anna".to_owned()));
        for text in ["007", "+7", " 7", "", "anna"] {
            assert_eq!(parse::<i64>(text), Err(Error::UnknownOwner), "{text:?}");
        }
    }
}
