//! The rows as one would write them for oneself, with tokens in plain.

use diesel::prelude::*;
use diesel_oauth2::models::Grant;
use diesel_oauth2::schema::{oauth2_code, oauth2_token};
use diesel_oauth2::types::TokenTypeHint;
use diesel_oauth2::{OAuth2AuthorizationCode, OAuth2Token};
use serde_json::json;

use crate::input::{REQUIRED, now};

/// A row of `oauth2_token`: what every way fills.
#[derive(Clone, Queryable, Selectable, OAuth2Token)]
#[diesel(table_name = oauth2_token)]
#[oauth2(storage = Plain, grant = Grant)]
#[allow(missing_docs)]
pub struct Row {
    pub id: i64,
    pub user_id: Option<i64>,
    pub client_id: String,
    pub token_type: Option<String>,
    pub access_token: String,
    pub refresh_token: Option<String>,
    pub scope: Option<String>,
    pub issued_at: i64,
    pub access_token_revoked_at: i64,
    pub refresh_token_revoked_at: i64,
    pub expires_in: i64,
    pub grant_id: Option<i64>,
    pub refresh_token_rotated_at: i64,
}

/// A row of `oauth2_code`.
#[derive(Clone, Queryable, Selectable, OAuth2AuthorizationCode)]
#[diesel(table_name = oauth2_code)]
#[oauth2(storage = Plain)]
#[allow(missing_docs)]
pub struct Code {
    pub id: i64,
    pub user_id: Option<i64>,
    pub code: String,
    pub client_id: String,
    pub redirect_uri: Option<String>,
    pub response_type: Option<String>,
    pub scope: Option<String>,
    pub nonce: Option<String>,
    pub auth_time: i64,
    pub acr: Option<String>,
    pub amr: Option<String>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    pub grant_id: Option<i64>,
    pub redeemed_at: i64,
}

impl Row {
    /// What a resource asks of a token.
    pub fn is_usable(&self) -> bool {
        let is_expired = self.expires_in > 0 && self.issued_at + self.expires_in < now();
        let scope = self.scope.as_deref().unwrap_or_default();
        !is_expired
            && self.access_token_revoked_at == 0
            && scope.split(' ').any(|scope| scope == REQUIRED)
    }

    /// The introspection answer for the token that was presented.
    pub fn introspection(&self, token: &str) -> String {
        let kind = if self.access_token == token {
            TokenTypeHint::AccessToken
        } else {
            TokenTypeHint::RefreshToken
        };
        let is_active = match kind {
            TokenTypeHint::AccessToken => self.is_usable(),
            TokenTypeHint::RefreshToken => self.refresh_token_revoked_at == 0,
        };
        if !is_active {
            return json!({"active": false}).to_string();
        }
        let mut answer = json!({
            "active": true,
            "client_id": self.client_id,
            "scope": self.scope,
            "sub": self.user_id.map(|id| id.to_string()),
            "iat": self.issued_at,
        });
        if kind == TokenTypeHint::AccessToken {
            answer["token_type"] = self.token_type.as_deref().into();
            if self.expires_in > 0 {
                answer["exp"] = (self.issued_at + self.expires_in).into();
            }
        }
        answer.to_string()
    }
}

/// The token in an `Authorization` header.
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// The token in an introspection request.
pub fn token_parameter(form: &str) -> Option<&str> {
    form.split('&').find_map(|pair| pair.strip_prefix("token="))
}
