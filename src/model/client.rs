use std::borrow::Cow;

use crate::metadata::ClientMetadata;
use crate::scope;
use crate::secret::verify_client_secret;
use crate::types::{AuthMethod, Endpoint, GrantType};

/// A registered client (RFC 6749 section 2): the counterpart of authlib's `OAuth2ClientMixin`.
///
/// `#[derive(OAuth2Client)]` implements it. The trait can be made into an object, so that observers and generators take
/// any client.
pub trait OAuth2Client: Send + Sync {
    /// `client_id`, the client's public name.
    fn client_id(&self) -> Cow<'_, str>;

    /// The stored client secret, plain or as an argon2 PHC string. `None` for a public client.
    fn client_secret(&self) -> Option<&str>;

    /// When the secret ceases to be valid, in epoch seconds. `None`: never.
    fn client_secret_expires_at(&self) -> Option<i64> {
        None
    }

    /// The stored secret before this one, which is valid for a while longer after it was replaced.
    fn previous_client_secret(&self) -> Option<&str> {
        None
    }

    /// When the secret before this one ceases to be valid, in epoch seconds. `None`: it has.
    fn previous_client_secret_expires_at(&self) -> Option<i64> {
        None
    }

    /// When the client was registered, in epoch seconds.
    fn client_id_issued_at(&self) -> Option<i64> {
        None
    }

    /// The metadata by RFC 7591 names.
    fn client_metadata(&self) -> Cow<'_, ClientMetadata>;

    /// The redirect URI used where the request names none: the first registered one.
    fn default_redirect_uri(&self) -> Option<String> {
        self.client_metadata().redirect_uris.first().cloned()
    }

    /// The scopes of `scope` that the client may have, in the order requested. Empty for empty.
    fn get_allowed_scope(&self, scope: &str) -> String {
        let metadata = self.client_metadata();
        scope::intersect(scope, metadata.scope.as_deref().unwrap_or_default())
    }

    /// Whether the redirect URI is registered: exact string equality (RFC 9700 section 2.1).
    fn check_redirect_uri(&self, redirect_uri: &str) -> bool {
        let metadata = self.client_metadata();
        metadata.redirect_uris.iter().any(|uri| uri == redirect_uri)
    }

    /// Whether this is the client's secret, or the one before, and it has not expired at `now` (epoch seconds). Compared in
    /// constant time.
    fn check_client_secret(&self, client_secret: &str, now: i64) -> bool {
        let is_current = self.client_secret_expires_at().is_none_or(|at| at > now);
        let is_previous = self
            .previous_client_secret_expires_at()
            .is_some_and(|at| at > now);
        let current = self.client_secret().filter(|_| is_current);
        let previous = self.previous_client_secret().filter(|_| is_previous);
        [current, previous]
            .into_iter()
            .flatten()
            .any(|stored| verify_client_secret(stored, client_secret))
    }

    /// How the client authenticates at the token endpoint: `client_secret_basic` unless registered otherwise.
    fn token_endpoint_auth_method(&self) -> AuthMethod {
        match &self.client_metadata().token_endpoint_auth_method {
            Some(name) => AuthMethod::parse(name),
            None => AuthMethod::ClientSecretBasic,
        }
    }

    /// Whether the client may authenticate in this way at this endpoint.
    ///
    /// At the token endpoint it must be the registered method. Elsewhere, as in authlib, either way of sending the
    /// secret will do; sending none is only for clients registered so.
    fn check_endpoint_auth_method(&self, method: &AuthMethod, endpoint: Endpoint) -> bool {
        match (endpoint, method) {
            (Endpoint::Token, _) | (_, AuthMethod::None) => {
                self.token_endpoint_auth_method() == *method
            }
            _ => true,
        }
    }

    /// Whether the client may use this response type.
    fn check_response_type(&self, response_type: &str) -> bool {
        let metadata = self.client_metadata();
        metadata.response_types.iter().any(|it| it == response_type)
    }

    /// Whether the client may use this grant type.
    fn check_grant_type(&self, grant_type: &GrantType) -> bool {
        let metadata = self.client_metadata();
        metadata
            .grant_types
            .iter()
            .any(|it| it == grant_type.as_str())
    }
}
