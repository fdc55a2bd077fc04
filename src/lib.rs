//! Diesel-backed persistence for OAuth 2.0 servers.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(unreachable_pub)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// So that the derives' paths hold in this crate too.
extern crate self as diesel_oauth2;

#[doc(hidden)]
pub mod __private;
pub mod bearer;
pub mod clock;
pub mod column;
pub mod endpoint;
mod error;
pub mod factory;
mod header;
pub mod lookup;
mod metadata;
pub mod migrations;
pub mod model;
pub mod models;
pub mod observer;
pub mod pool;
#[allow(missing_docs)]
pub mod schema;
mod scope;
pub mod secret;
#[doc(hidden)]
pub mod statement;
pub mod table;
#[cfg(test)]
mod test_support;
pub mod types;

pub use bearer::{
    BearerChallenge, BearerError, BearerTokenGenerator, BearerTokenValidator, GenerateContext,
    GenerateRequest, TokenResponse, create_bearer_token_validator, generate_token,
};
pub use diesel_oauth2_derives::{OAuth2AuthorizationCode, OAuth2Client, OAuth2Token};
pub use endpoint::{
    AuthenticatedClient, ClientAuthenticator, EndpointRequest, EndpointResponse, Failure,
    OAuth2Error, RevocationEndpoint, create_client_authenticator, create_revocation_endpoint,
};
pub use error::Error;
pub use factory::{
    TokenRequest, create_query_client_func, create_query_token_func, create_save_token_func,
    create_save_token_func_with_clock,
};
pub use metadata::ClientMetadata;
pub use model::{OAuth2AuthorizationCode, OAuth2Client, OAuth2Token};
