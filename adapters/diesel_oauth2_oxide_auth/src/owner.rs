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

/// The owner of what is a client's own: the client, by its id, as oxide-auth's users have it; but nobody, by an empty
/// text, where a user may have that id, so that no client is taken for one.
pub(crate) fn of_client<U: OwnerId>(client_id: &str) -> &str {
    match parse::<U>(client_id) {
        Ok(_) => "",
        Err(_) => client_id,
    }
}

/// Whether a grant to this client is the client's own.
pub(crate) fn is_client(owner_id: &str, client_id: &str) -> bool {
    owner_id.is_empty() || owner_id == client_id
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

    #[test]
    fn no_client_is_taken_for_a_user() {
        assert_eq!(of_client::<i64>("s6BhdRkqt3"), "s6BhdRkqt3");
        assert_eq!(of_client::<i64>("007"), "007");
        assert_eq!(of_client::<i64>("7"), "");
        assert_eq!(of_client::<String>("app"), "");
        assert!(is_client("app", "app") && is_client("", "app"));
        assert!(!is_client("7", "app"));
    }
}
