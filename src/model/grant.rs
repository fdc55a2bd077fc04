use std::borrow::Cow;

use crate::Error;
use crate::column::{GrantKey, Identifier};

/// A grant: what a user (or a client for itself) once agreed to, and the family of all tokens that came of it.
///
/// Whatever issues a token of the family and whatever revokes the family meet on this row, so that no token slips
/// between them. `#[derive(OAuth2Grant)]` implements it.
pub trait OAuth2Grant: Sized + Send + 'static {
    /// The type of the grant's id.
    type Id: GrantKey;

    /// The type of the user's id.
    type UserId: Identifier;

    /// An id for a new grant.
    ///
    /// # Errors
    /// [`Error::RandomSource`].
    fn generate_id() -> Result<Self::Id, Error> {
        Self::Id::generate()
    }

    /// The grant's id.
    fn id(&self) -> &Self::Id;

    /// `client_id` of the client that the grant was given to.
    fn client_id(&self) -> Cow<'_, str>;

    /// The user who gave it. `None` for a client's own.
    fn user_id(&self) -> Option<&Self::UserId>;

    /// When it was given, in epoch seconds.
    fn created_at(&self) -> Option<i64>;

    /// The last second at which tokens may be issued from it. `None`: it never expires.
    fn expires_at(&self) -> Option<i64>;

    /// When a token was last issued from it, in epoch seconds.
    fn last_used_at(&self) -> Option<i64>;

    /// When it was revoked, in epoch seconds.
    fn revoked_at(&self) -> Option<i64>;

    /// How long tokens may still be issued from it.
    fn life(&self) -> GrantLife {
        match (self.revoked_at(), self.expires_at()) {
            (Some(_), _) => GrantLife::Over,
            (None, Some(last)) => GrantLife::Until(last),
            (None, None) => GrantLife::Unlimited,
        }
    }
}

/// How long tokens may still be issued from a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantLife {
    /// Until it is revoked.
    Unlimited,
    /// Up to this second, in epoch seconds, which is the last.
    Until(i64),
    /// No longer: it was revoked, or is gone.
    Over,
}

impl GrantLife {
    /// Of a grant that was looked for.
    pub fn of(grant: Option<&impl OAuth2Grant>) -> Self {
        grant.map_or(Self::Over, OAuth2Grant::life)
    }
}
