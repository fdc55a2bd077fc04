use std::borrow::Cow;

use crate::column::Identifier;
use crate::model::OAuth2Client;
use crate::secret::SecretStorage;

/// An issued token: one row, which holds an access token and may hold the refresh token issued with it. The
/// counterpart of authlib's `OAuth2TokenMixin`.
///
/// `#[derive(OAuth2Token)]` implements it.
pub trait OAuth2Token: Sized + Send + 'static {
    /// How the tokens are stored. [`Sha256`](crate::secret::Sha256) unless the model says otherwise.
    type Storage: SecretStorage;

    /// The type of the user's id.
    type UserId: Identifier;

    /// The type of the id of the grant that the token came of.
    type GrantId: Identifier;

    /// What fills the model's `#[oauth2(extra)]` columns at save time; `()` where there are none.
    type Extra;

    /// Whether the model keeps members of the token response that have no column of their own.
    const KEEPS_EXTRA_MEMBERS: bool;

    /// Whether the model has a column for the refresh token.
    const HAS_REFRESH_TOKEN: bool;

    /// Whether the model has a column for the scope.
    const HAS_SCOPE: bool = true;

    /// Whether the model has a column for the token type. Without one, only `Bearer` tokens can be saved.
    const HAS_TOKEN_TYPE: bool = true;

    /// `client_id` of the client that the token was issued to.
    fn client_id(&self) -> Cow<'_, str>;

    /// The user who granted the token. `None` for a token of the client's own.
    fn user_id(&self) -> Option<&Self::UserId>;

    /// The access token in its stored form.
    fn stored_access_token(&self) -> &str;

    /// The refresh token in its stored form.
    fn stored_refresh_token(&self) -> Option<&str>;

    /// `token_type`, usually `Bearer`.
    fn token_type(&self) -> Option<Cow<'_, str>>;

    /// The granted scopes, separated by spaces. Empty for none.
    fn scope(&self) -> Cow<'_, str>;

    /// When the token was issued, in epoch seconds. `None` where the model does not keep it.
    fn issued_at(&self) -> Option<i64>;

    /// The last second at which the access token is valid. `None`: it never expires.
    fn expires_at(&self) -> Option<i64>;

    /// When the access token was revoked, in epoch seconds.
    fn access_token_revoked_at(&self) -> Option<i64>;

    /// When the refresh token was revoked, in epoch seconds.
    fn refresh_token_revoked_at(&self) -> Option<i64>;

    /// The grant that the token came of: its family.
    fn grant_id(&self) -> Option<&Self::GrantId> {
        None
    }

    /// When the refresh token was exchanged for another one, in epoch seconds.
    fn refresh_token_rotated_at(&self) -> Option<i64> {
        None
    }

    /// Whether the token was issued to this client.
    fn check_client(&self, client: &dyn OAuth2Client) -> bool {
        self.client_id() == client.client_id()
    }

    /// The lifetime of the access token in seconds. `None`: it never expires.
    fn expires_in(&self) -> Option<i64> {
        let expires_at = self.expires_at()?;
        Some(expires_at.saturating_sub(self.issued_at()?))
    }

    /// Whether the access token has expired at `now` (epoch seconds). At its last second it has not.
    fn is_expired(&self, now: i64) -> bool {
        self.expires_at().is_some_and(|at| at < now)
    }

    /// Whether the access token may no longer be used. Revoking the refresh token revokes it too (RFC 7009
    /// section 2.1).
    fn is_revoked(&self) -> bool {
        self.access_token_revoked_at().is_some() || self.refresh_token_revoked_at().is_some()
    }
}
