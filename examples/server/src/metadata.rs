use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::{App, SCOPES};
use crate::database::Database;

/// `GET /.well-known/oauth-authorization-server` (RFC 8414).
pub(crate) async fn metadata<D: Database>(State(app): State<Arc<App<D>>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", app.issuer);
    let with_secret = ["client_secret_basic", "client_secret_post"];
    let or_without = ["client_secret_basic", "client_secret_post", "none"];
    Json(json!({
        "issuer": app.issuer,
        "authorization_endpoint": at("/oauth/authorize"),
        "token_endpoint": at("/oauth/token"),
        "revocation_endpoint": at("/oauth/revoke"),
        "introspection_endpoint": at("/oauth/introspect"),
        "device_authorization_endpoint": at("/oauth/device_authorization"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "scopes_supported": SCOPES,
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": or_without,
        "revocation_endpoint_auth_methods_supported": or_without,
        "introspection_endpoint_auth_methods_supported": with_secret,
        "authorization_response_iss_parameter_supported": true,
    }))
}
