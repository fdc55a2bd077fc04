//! Ready-made models of the bundled tables (`diesel_oauth2::migrations`, `diesel_oauth2::schema`).
//!
//! [`Token`] and [`AuthorizationCode`] store SHA-256 digests. Those in [`authlib`] store tokens and codes as authlib's
//! SQLAlchemy mixins do, so that a Python service can use the same tables at the same time.
//!
//! authlib's own tables have 32-bit integers where the bundled ones have 64: these models read both.

use std::fmt;

use diesel::prelude::*;

use crate::column::{Int, OptionalInt};
use crate::schema::{oauth2_client, oauth2_code, oauth2_device_code, oauth2_grant, oauth2_token};
use crate::{
    ClientMetadata, OAuth2AuthorizationCode, OAuth2Client, OAuth2DeviceCode, OAuth2Grant,
    OAuth2Token,
};

macro_rules! client {
    ($($fields:tt)*) => {
/// A row of `oauth2_client`.
#[derive(Clone, Queryable, Selectable, Identifiable, OAuth2Client)]
#[diesel(table_name = oauth2_client)]
pub struct Client {
    /// The primary key.
    #[diesel(deserialize_as = Int)]
    pub id: i64,
    /// The user who owns the client, if anybody.
    #[diesel(deserialize_as = OptionalInt)]
    pub user_id: Option<i64>,
    /// The client's public name.
    pub client_id: String,
    /// Plain or as an argon2 PHC string. NULL for a public client.
    pub client_secret: Option<String>,
    /// When the client was registered, in epoch seconds.
    #[diesel(deserialize_as = Int)]
    pub client_id_issued_at: i64,
    /// When the secret ceases to be valid, in epoch seconds. 0: never.
    #[diesel(deserialize_as = Int)]
    pub client_secret_expires_at: i64,
    /// The metadata by RFC 7591 names.
    pub client_metadata: Option<ClientMetadata>,
            $($fields)*
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("client_id", &self.client_id)
            .field("client_metadata", &self.client_metadata)
            .finish_non_exhaustive()
    }
}
    };
}

client! {
    /// The secret before this one, valid for a while longer after it was replaced.
    pub previous_client_secret: Option<String>,
    /// When the secret before this one ceases to be valid, in epoch seconds. 0: it has.
    pub previous_client_secret_expires_at: i64,
}

macro_rules! token_and_code {
    ($storage:ident, token $(of $grant:ident)? { $($token_fields:tt)* }, code { $($code_fields:tt)* }) => {
        /// A row of `oauth2_token`.
        #[derive(Clone, Queryable, Selectable, Identifiable, OAuth2Token)]
        #[diesel(table_name = oauth2_token)]
        #[oauth2(storage = $storage $(, grant = $grant)?)]
        pub struct Token {
            /// The primary key.
            #[diesel(deserialize_as = Int)]
            pub id: i64,
            /// The user who granted the token.
            #[diesel(deserialize_as = OptionalInt)]
            pub user_id: Option<i64>,
            /// The client that it was issued to.
            pub client_id: String,
            /// Usually `Bearer`.
            pub token_type: Option<String>,
            /// The access token in its stored form.
            pub access_token: String,
            /// The refresh token in its stored form.
            pub refresh_token: Option<String>,
            /// The granted scopes, separated by spaces.
            pub scope: Option<String>,
            /// When it was issued, in epoch seconds.
            #[diesel(deserialize_as = Int)]
            pub issued_at: i64,
            /// When the access token was revoked, in epoch seconds. 0: not revoked.
            #[diesel(deserialize_as = Int)]
            pub access_token_revoked_at: i64,
            /// When the refresh token was revoked, in epoch seconds. 0: not revoked.
            #[diesel(deserialize_as = Int)]
            pub refresh_token_revoked_at: i64,
            /// The access token's lifetime in seconds. 0: it never expires.
            #[diesel(deserialize_as = Int)]
            pub expires_in: i64,
            $($token_fields)*
        }

        impl fmt::Debug for Token {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("Token")
                    .field("id", &self.id)
                    .field("user_id", &self.user_id)
                    .field("client_id", &self.client_id)
                    .field("scope", &self.scope)
                    .field("issued_at", &self.issued_at)
                    .field("expires_in", &self.expires_in)
                    .finish_non_exhaustive()
            }
        }

        /// A row of `oauth2_code`.
        #[derive(Clone, Queryable, Selectable, Identifiable, OAuth2AuthorizationCode)]
        #[diesel(table_name = oauth2_code)]
        #[oauth2(storage = $storage)]
        pub struct AuthorizationCode {
            /// The primary key.
            #[diesel(deserialize_as = Int)]
            pub id: i64,
            /// The user who authorized the client.
            #[diesel(deserialize_as = OptionalInt)]
            pub user_id: Option<i64>,
            /// The code in its stored form.
            pub code: String,
            /// The client that it was issued to.
            pub client_id: String,
            /// The redirect URI of the authorization request.
            pub redirect_uri: Option<String>,
            /// `response_type` of the authorization request.
            pub response_type: Option<String>,
            /// The granted scopes, separated by spaces.
            pub scope: Option<String>,
            /// `nonce` of OpenID Connect.
            pub nonce: Option<String>,
            /// When the user authenticated, in epoch seconds.
            #[diesel(deserialize_as = Int)]
            pub auth_time: i64,
            /// `acr` of OpenID Connect.
            pub acr: Option<String>,
            /// `amr` of OpenID Connect, separated by spaces.
            pub amr: Option<String>,
            /// `code_challenge` of RFC 7636.
            pub code_challenge: Option<String>,
            /// `code_challenge_method` of RFC 7636.
            pub code_challenge_method: Option<String>,
            $($code_fields)*
        }

        impl fmt::Debug for AuthorizationCode {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("AuthorizationCode")
                    .field("id", &self.id)
                    .field("user_id", &self.user_id)
                    .field("client_id", &self.client_id)
                    .field("redirect_uri", &self.redirect_uri)
                    .field("scope", &self.scope)
                    .field("auth_time", &self.auth_time)
                    .finish_non_exhaustive()
            }
        }
    };
}

token_and_code!(
    Sha256,
    token of Grant {
        /// The grant that the token came of. NULL for tokens that authlib wrote.
        pub grant_id: Option<i64>,
        /// When the refresh token was exchanged for another one, in epoch seconds. 0: not exchanged.
        pub refresh_token_rotated_at: i64,
    },
    code {
        /// The grant that the code stands for. NULL for codes that authlib wrote.
        pub grant_id: Option<i64>,
        /// When the code was redeemed, in epoch seconds. 0: not redeemed.
        pub redeemed_at: i64,
    }
);

/// A row of `oauth2_grant`.
#[derive(Debug, Clone, Queryable, Selectable, Identifiable, OAuth2Grant)]
#[diesel(table_name = oauth2_grant)]
pub struct Grant {
    /// The primary key, made by this crate.
    pub id: i64,
    /// The user who gave the grant.
    pub user_id: Option<i64>,
    /// The client that it was given to.
    pub client_id: String,
    /// When it was given, in epoch seconds.
    pub created_at: i64,
    /// When a token was last issued from it, in epoch seconds.
    pub last_used_at: i64,
    /// The last second at which tokens may be issued from it. 0: it never expires.
    pub expires_at: i64,
    /// When it was revoked, in epoch seconds. 0: not revoked.
    pub revoked_at: i64,
}

/// A row of `oauth2_device_code`.
#[derive(Clone, Queryable, Selectable, Identifiable, OAuth2DeviceCode)]
#[diesel(table_name = oauth2_device_code)]
#[oauth2(interval = poll_interval)]
pub struct DeviceCode {
    /// The primary key.
    pub id: i64,
    /// The device code in its stored form.
    pub device_code: String,
    /// The user code in its stored form.
    pub user_code: String,
    /// The client that both were issued to.
    pub client_id: String,
    /// The requested scopes, separated by spaces.
    pub scope: Option<String>,
    /// When the codes were issued, in epoch seconds.
    pub issued_at: i64,
    /// The last second at which they are valid.
    pub expires_at: i64,
    /// How long the device must wait between two requests, in seconds.
    pub poll_interval: i64,
    /// When the device last asked, in epoch seconds. 0: not yet.
    pub last_polled_at: i64,
    /// The user who approved.
    pub user_id: Option<i64>,
    /// The grant that the device code stands for.
    pub grant_id: Option<i64>,
    /// When the user approved, in epoch seconds. 0: not yet.
    pub approved_at: i64,
    /// When the user denied, in epoch seconds. 0: not yet.
    pub denied_at: i64,
    /// When the device code was redeemed, in epoch seconds. 0: not yet.
    pub redeemed_at: i64,
}

impl fmt::Debug for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCode")
            .field("id", &self.id)
            .field("client_id", &self.client_id)
            .field("scope", &self.scope)
            .field("expires_at", &self.expires_at)
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}

/// The same tables, with tokens and codes stored as authlib stores them: in plain, and with authlib's columns only, so
/// that they serve authlib's own tables as they are.
pub mod authlib {
    use super::*;

    client! {}

    token_and_code!(Plain, token {}, code {});
}
