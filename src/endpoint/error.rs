use serde_json::json;

use crate::endpoint::{EndpointResponse, Realm};
use crate::header::Challenge;

/// An error that the client is told (RFC 6749 section 5.2, RFC 7009 section 2.2.1).
///
/// ```
/// use diesel_oauth2::endpoint::{OAuth2Error, Realm};
///
/// let response = OAuth2Error::InvalidClient { realm: Realm::default() }.to_response();
/// assert_eq!(response.status, 401);
/// assert!(response.body.contains(r#""error":"invalid_client""#));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", self.code(), self.description())]
#[non_exhaustive]
pub enum OAuth2Error {
    /// `invalid_request`: a parameter is missing or repeated, or there is more than one way of authentication.
    InvalidRequest {
        /// What is wrong.
        description: &'static str,
    },
    /// `invalid_client`: the client could not be authenticated. The same whatever the reason.
    InvalidClient {
        /// The realm told in `WWW-Authenticate`.
        realm: Realm,
    },
    /// `invalid_grant`: the code or token is invalid, or belongs to another client.
    InvalidGrant {
        /// What is wrong.
        description: &'static str,
    },
    /// `unauthorized_client`: the client may not use this grant type.
    UnauthorizedClient,
    /// `unsupported_grant_type`: the server has no such grant type.
    UnsupportedGrantType,
    /// `invalid_scope`: the scopes are unknown, malformed or more than granted.
    InvalidScope,
    /// `authorization_pending`: the user has not decided about the device yet (RFC 8628 section 3.5).
    AuthorizationPending,
    /// `slow_down`: the device polls too often (RFC 8628 section 3.5).
    SlowDown,
    /// `access_denied`: the user has said no.
    AccessDenied,
    /// `expired_token`: the device code has expired (RFC 8628 section 3.5).
    ExpiredToken,
    /// `invalid_redirect_uri`: a redirect URI cannot be registered (RFC 7591 section 3.2.2).
    InvalidRedirectUri {
        /// What is wrong.
        description: &'static str,
    },
    /// `invalid_client_metadata`: other metadata cannot be registered (RFC 7591 section 3.2.2).
    InvalidClientMetadata {
        /// What is wrong.
        description: &'static str,
    },
    /// `unsupported_token_type`: the hint names a type of token that cannot be revoked here.
    UnsupportedTokenType,
}

impl OAuth2Error {
    /// The code in the body's `error`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest { .. } => "invalid_request",
            Self::InvalidClient { .. } => "invalid_client",
            Self::InvalidGrant { .. } => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::AccessDenied => "access_denied",
            Self::ExpiredToken => "expired_token",
            Self::InvalidRedirectUri { .. } => "invalid_redirect_uri",
            Self::InvalidClientMetadata { .. } => "invalid_client_metadata",
            Self::UnsupportedTokenType => "unsupported_token_type",
        }
    }

    /// The status of the answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::InvalidClient { .. } => 401,
            _ => 400,
        }
    }

    /// The text in the body's `error_description`.
    pub fn description(&self) -> &'static str {
        match self {
            Self::InvalidRequest { description }
            | Self::InvalidGrant { description }
            | Self::InvalidRedirectUri { description }
            | Self::InvalidClientMetadata { description } => description,
            Self::InvalidClient { .. } => "The client could not be authenticated.",
            Self::UnauthorizedClient => "The client may not use this grant type.",
            Self::UnsupportedGrantType => "The grant type is not supported.",
            Self::InvalidScope => "The requested scope is invalid, unknown, or malformed.",
            Self::AuthorizationPending => "The user has not decided yet.",
            Self::SlowDown => "The device polls too often.",
            Self::AccessDenied => "The user has denied the request.",
            Self::ExpiredToken => "The device code has expired.",
            Self::UnsupportedTokenType => "The type of token is not supported.",
        }
    }

    /// The value of the header `WWW-Authenticate`, which goes with 401.
    pub fn www_authenticate(&self) -> Option<String> {
        match self {
            Self::InvalidClient { realm } => Some(
                Challenge::new("Basic", realm)
                    .parameter("error", self.code())
                    .parameter("error_description", self.description())
                    .into_value(),
            ),
            _ => None,
        }
    }

    /// The whole answer.
    pub fn to_response(&self) -> EndpointResponse {
        let body = json!({
            "error": self.code(),
            "error_description": self.description(),
        });
        let mut response = EndpointResponse::json(self.status(), &body);
        if let Some(challenge) = self.www_authenticate() {
            response.headers.push(("WWW-Authenticate", challenge));
        }
        response
    }
}

impl From<&OAuth2Error> for EndpointResponse {
    fn from(error: &OAuth2Error) -> Self {
        error.to_response()
    }
}

impl From<OAuth2Error> for EndpointResponse {
    fn from(error: OAuth2Error) -> Self {
        error.to_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::tests::parse_challenge;

    #[test]
    fn only_invalid_client_carries_a_challenge() {
        let error = OAuth2Error::InvalidClient {
            realm: "a \"b\"".into(),
        };
        let header = error.www_authenticate().expect("is a 401");
        let (scheme, parameters) = parse_challenge(&header).expect("is well-formed");
        assert_eq!(scheme, "Basic");
        assert_eq!(parameters[0], ("realm".into(), "a \"b\"".into()));
        assert_eq!(parameters[1], ("error".into(), "invalid_client".into()));

        let error = OAuth2Error::InvalidRequest { description: "x" };
        assert_eq!(error.to_string(), "invalid_request: x");
        let response = error.to_response();
        assert_eq!(response.status, 400);
        assert!(
            response
                .headers
                .iter()
                .all(|(name, _)| *name != "WWW-Authenticate")
        );
        assert_eq!(
            response.body,
            r#"{"error":"invalid_request","error_description":"x"}"#
        );
    }
}
