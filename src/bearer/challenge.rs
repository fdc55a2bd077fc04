use serde_json::json;

use crate::endpoint::{EndpointResponse, Realm};
use crate::header::Challenge;

/// Why a request to a protected resource is refused (RFC 6750 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}: {}", self.code(), self.description())]
#[non_exhaustive]
pub enum BearerError {
    /// There is no `Authorization` header.
    MissingAuthorization,
    /// `Authorization` is not of the form `Bearer <token>`.
    UnsupportedTokenType,
    /// The request is malformed, such as by two `Authorization` headers.
    InvalidRequest,
    /// The token is unknown, expired or revoked.
    InvalidToken,
    /// The token is valid, but has not the scopes required.
    InsufficientScope,
}

impl BearerError {
    /// The code in the body's `error`: RFC 6750's, and authlib's where the RFC gives none.
    pub fn code(self) -> &'static str {
        match self {
            Self::MissingAuthorization => "missing_authorization",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }

    /// The status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::MissingAuthorization | Self::UnsupportedTokenType | Self::InvalidToken => 401,
            Self::InvalidRequest => 400,
            Self::InsufficientScope => 403,
        }
    }

    /// The text in the body's `error_description`: authlib's.
    pub fn description(self) -> &'static str {
        match self {
            Self::MissingAuthorization => "Missing 'Authorization' in headers.",
            Self::UnsupportedTokenType => "The 'Authorization' header is not a bearer token.",
            Self::InvalidRequest => "The request has more than one 'Authorization' header.",
            Self::InvalidToken => {
                "The access token provided is expired, revoked, malformed, or invalid for other reasons."
            }
            Self::InsufficientScope => {
                "The request requires higher privileges than provided by the access token."
            }
        }
    }

    /// Whether the client has not tried a bearer token at all. It is told no error code then (RFC 6750 section 3.1).
    fn is_first_contact(self) -> bool {
        matches!(
            self,
            Self::MissingAuthorization | Self::UnsupportedTokenType
        )
    }
}

/// A refusal as the client is to be told of it: the error with realm and scope.
///
/// ```
/// use diesel_oauth2::bearer::{BearerChallenge, BearerError};
///
/// let challenge = BearerChallenge::new(BearerError::MissingAuthorization, "api".into());
/// assert_eq!(challenge.www_authenticate(), r#"Bearer realm="api""#);
/// assert_eq!(challenge.to_response().status, 401);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct BearerChallenge {
    error: BearerError,
    realm: Realm,
    scope: Option<Box<str>>,
}

impl BearerChallenge {
    /// A refusal for this reason, without naming a scope.
    pub fn new(error: BearerError, realm: Realm) -> Self {
        Self {
            error,
            realm,
            scope: None,
        }
    }

    /// [`BearerError::InsufficientScope`] where one of these sets of scopes was required.
    ///
    /// The attribute `scope` is one set and has no "or" (RFC 6750 section 3), so it names the first alternative: with
    /// its scopes, and no more than needed, the client will be let in.
    pub fn insufficient_scope(realm: Realm, required: &[&str]) -> Self {
        let scopes: Vec<&str> = required
            .first()
            .map(|all| all.split_whitespace().filter(|it| is_scope(it)).collect())
            .unwrap_or_default();
        Self {
            scope: (!scopes.is_empty()).then(|| scopes.join(" ").into()),
            ..Self::new(BearerError::InsufficientScope, realm)
        }
    }

    /// Why.
    pub fn error(&self) -> BearerError {
        self.error
    }

    /// The status of the answer.
    pub fn status(&self) -> u16 {
        self.error.status()
    }

    /// The scopes that would do, separated by spaces.
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// The value of the header `WWW-Authenticate`.
    pub fn www_authenticate(&self) -> String {
        let mut challenge = Challenge::new("Bearer", &self.realm);
        if !self.error.is_first_contact() {
            challenge = challenge
                .parameter("error", self.error.code())
                .parameter("error_description", self.error.description());
        }
        if let Some(scope) = &self.scope {
            challenge = challenge.parameter("scope", scope);
        }
        challenge.into_value()
    }

    /// The whole answer, with a JSON body as authlib's.
    pub fn to_response(&self) -> EndpointResponse {
        let body = json!({
            "error": self.error.code(),
            "error_description": self.error.description(),
        });
        let mut response = EndpointResponse::json(self.status(), &body);
        response
            .headers
            .push(("WWW-Authenticate", self.www_authenticate()));
        response
    }
}

impl From<&BearerChallenge> for EndpointResponse {
    fn from(challenge: &BearerChallenge) -> Self {
        challenge.to_response()
    }
}

impl From<BearerChallenge> for EndpointResponse {
    fn from(challenge: BearerChallenge) -> Self {
        challenge.to_response()
    }
}

/// `scope-token` of RFC 6749 section 3.3. Nothing else may stand in the attribute (RFC 6750 section 3).
fn is_scope(word: &str) -> bool {
    word.bytes()
        .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::tests::parse_challenge;
    use proptest::prelude::*;

    #[test]
    fn an_error_code_is_told_only_to_who_tried_a_bearer_token() {
        for error in [
            BearerError::MissingAuthorization,
            BearerError::UnsupportedTokenType,
        ] {
            let challenge = BearerChallenge::new(error, Realm::default());
            assert_eq!(challenge.www_authenticate(), r#"Bearer realm="oauth2""#);
            assert_eq!(challenge.status(), 401);
        }
        let challenge = BearerChallenge::new(BearerError::InvalidToken, "a".into());
        assert_eq!(
            challenge.www_authenticate(),
            "Bearer realm=\"a\", error=\"invalid_token\", error_description=\"The access token provided is expired, \
             revoked, malformed, or invalid for other reasons.\""
        );
    }

    #[test]
    fn the_scope_told_is_the_first_alternative() {
        let scope = |required: &[&str]| {
            let challenge = BearerChallenge::insufficient_scope(Realm::default(), required);
            assert_eq!(challenge.status(), 403);
            challenge.scope().map(str::to_owned)
        };
        assert_eq!(scope(&["a  b", "c"]).as_deref(), Some("a b"));
        assert_eq!(scope(&["a\"b c\\ d \u{e9}"]).as_deref(), Some("d"));
        assert_eq!(scope(&[""]), None);
        assert_eq!(scope(&[]), None);
    }

    #[test]
    fn the_body_is_authlib_s() {
        let challenge = BearerChallenge::new(BearerError::MissingAuthorization, "a".into());
        let response = challenge.to_response();
        assert_eq!(
            response.body,
            r#"{"error":"missing_authorization","error_description":"Missing 'Authorization' in headers."}"#
        );
        assert!(
            response
                .headers
                .contains(&("Cache-Control", "no-store".into()))
        );
    }

    proptest! {
        #[test]
        fn the_header_is_well_formed_whatever_realm_and_scopes(realm in any::<String>(), scope in any::<String>()) {
            let header = BearerChallenge::insufficient_scope(Realm::new(&realm), &[&scope]).www_authenticate();
            let (scheme, parameters) = parse_challenge(&header).expect("is well-formed");
            prop_assert_eq!(scheme, "Bearer");
            let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
            prop_assert_eq!(&names[..3], ["realm", "error", "error_description"]);
        }
    }
}
