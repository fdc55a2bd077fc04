use std::fmt;

use serde_json::{Value, json};

use crate::Error;

/// What an endpoint answers. It does not show its body in `Debug`.
///
/// ```
/// use diesel_oauth2::{Error, endpoint::EndpointResponse};
///
/// let response = EndpointResponse::from(Error::PoolExhausted);
/// assert_eq!(response.status, 503);
/// assert!(response.headers.contains(&("Retry-After", "1".to_owned())));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointResponse {
    /// The status.
    pub status: u16,
    /// Names and values of the headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl EndpointResponse {
    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            // RFC 6749 section 5.1 wants both of what carries tokens; authlib sends them with everything.
            headers: vec![
                ("Cache-Control", "no-store".to_owned()),
                ("Pragma", "no-cache".to_owned()),
            ],
            body: String::new(),
        }
    }

    /// An answer with a body of type `application/json`.
    pub fn json(status: u16, body: &Value) -> Self {
        let mut response = Self::empty(status);
        response
            .headers
            .push(("Content-Type", "application/json".to_owned()));
        response.body = body.to_string();
        response
    }
}

/// 503 with `Retry-After` where the same request may succeed later, else 500; neither tells more than that.
impl From<&Error> for EndpointResponse {
    fn from(error: &Error) -> Self {
        if !error.is_retryable() {
            return Self::json(500, &json!({"error": "server_error"}));
        }
        let mut response = Self::json(503, &json!({"error": "temporarily_unavailable"}));
        response.headers.push(("Retry-After", "1".to_owned()));
        response
    }
}

impl From<Error> for EndpointResponse {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl fmt::Debug for EndpointResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storage_failure_tells_no_details() {
        let response = EndpointResponse::from(Error::SchemaMismatch {
            message: "no such table: t".into(),
        });
        assert_eq!(response.status, 500);
        assert_eq!(response.body, r#"{"error":"server_error"}"#);
        let response = EndpointResponse::from(Error::Conflict);
        assert_eq!(response.status, 503);
        assert_eq!(response.body, r#"{"error":"temporarily_unavailable"}"#);
    }
}
