use std::borrow::Cow;

use crate::column::Identifier;
use crate::secret::SecretStorage;

/// How long an authorization code is valid unless the model says otherwise, in seconds: authlib's 300.
pub(crate) const DEFAULT_CODE_LIFETIME: i64 = 300;

/// An authorization code (RFC 6749 section 4.1): the counterpart of authlib's `OAuth2AuthorizationCodeMixin`.
///
/// `#[derive(OAuth2AuthorizationCode)]` implements it.
pub trait OAuth2AuthorizationCode: Sized + Send + 'static {
    /// How the codes are stored. [`Sha256`](crate::secret::Sha256) unless the model says otherwise.
    type Storage: SecretStorage;

    /// The type of the user's id.
    type UserId: Identifier;

    /// The type of the id of the grant that the code stands for.
    type GrantId: Identifier;

    /// What fills the model's `#[oauth2(extra)]` columns at save time; `()` where there are none.
    type Extra;

    /// The code in its stored form.
    fn stored_code(&self) -> &str;

    /// `client_id` of the client that the code was issued to.
    fn client_id(&self) -> Cow<'_, str>;

    /// The user who authorized the client.
    fn user_id(&self) -> Option<&Self::UserId>;

    /// The redirect URI of the authorization request. `None` or empty where the request had none.
    fn redirect_uri(&self) -> Option<Cow<'_, str>>;

    /// The granted scopes, separated by spaces.
    fn scope(&self) -> Cow<'_, str>;

    /// When the user authenticated and the code was made, in epoch seconds.
    fn auth_time(&self) -> i64;

    /// `response_type` of the authorization request.
    fn response_type(&self) -> Option<Cow<'_, str>>;

    /// `nonce` of OpenID Connect.
    fn nonce(&self) -> Option<Cow<'_, str>>;

    /// `acr` of OpenID Connect: the authentication context class.
    fn acr(&self) -> Option<Cow<'_, str>>;

    /// `amr` of OpenID Connect: the authentication methods, separated by spaces.
    fn amr(&self) -> Option<Cow<'_, str>>;

    /// `code_challenge` of RFC 7636.
    fn code_challenge(&self) -> Option<Cow<'_, str>>;

    /// `code_challenge_method` of RFC 7636.
    fn code_challenge_method(&self) -> Option<Cow<'_, str>>;

    /// The grant that the code stands for: the family of the tokens that come of it.
    fn grant_id(&self) -> Option<&Self::GrantId> {
        None
    }

    /// When the code was redeemed, in epoch seconds.
    fn redeemed_at(&self) -> Option<i64> {
        None
    }

    /// Whether the code has expired at `now` (epoch seconds): 300 seconds after [`auth_time`](Self::auth_time), as in
    /// authlib. At its last second it has not.
    fn is_expired(&self, now: i64) -> bool {
        self.auth_time().saturating_add(DEFAULT_CODE_LIFETIME) < now
    }
}
