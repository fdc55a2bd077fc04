use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The token endpoint's successful answer (RFC 6749 section 5.1): authlib's token dict.
///
/// It does not show its tokens, nor its extra members' values, in `Debug`.
///
/// ```
/// use diesel_oauth2::TokenResponse;
///
/// let response = TokenResponse {
///     expires_in: Some(3600),
///     scope: Some("profile".into()),
///     ..TokenResponse::bearer("mF_9.B5f-4.1JqM")
/// };
/// assert_eq!(
///     serde_json::to_string(&response)?,
///     r#"{"token_type":"Bearer","access_token":"mF_9.B5f-4.1JqM","expires_in":3600,"scope":"profile"}"#
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenResponse {
    /// How the token is used, usually `Bearer`.
    pub token_type: String,
    /// The access token.
    pub access_token: String,
    /// The access token's lifetime in seconds. Absent or 0: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i64>,
    /// The refresh token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// The granted scopes, separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Every other member, such as `id_token`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl TokenResponse {
    /// A `Bearer` access token, and nothing else.
    pub fn bearer(access_token: impl Into<String>) -> Self {
        Self {
            token_type: "Bearer".to_owned(),
            access_token: access_token.into(),
            expires_in: None,
            refresh_token: None,
            scope: None,
            extra: Map::new(),
        }
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("token_type", &self.token_type)
            .field("expires_in", &self.expires_in)
            .field("has_refresh_token", &self.refresh_token.is_some())
            .field("scope", &self.scope)
            .field("extra", &self.extra.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_members_survive_a_read_and_write() {
        let text =
            r#"{"token_type":"Bearer","access_token":"a","refresh_token":"r","id_token":"i"}"#;
        let response: TokenResponse = serde_json::from_str(text).expect("reads");
        assert_eq!(response.extra["id_token"], "i");
        assert_eq!(serde_json::to_string(&response).expect("writes"), text);
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut response = TokenResponse::bearer("acc3ss");
        response.refresh_token = Some("r3fresh".into());
        response.extra.insert("id_token".into(), "1d".into());
        let debug = format!("{response:?}");
        for secret in ["acc3ss", "r3fresh", "1d"] {
            assert!(!debug.contains(secret), "{debug}");
        }
    }
}
