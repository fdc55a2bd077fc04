//! [`diesel_oauth2`] on [`axum`].
//!
//! * [`require_oauth`] is a tower layer that lets only requests with a valid bearer token through, and [`CurrentToken`]
//!   is the extractor that gives a handler the token: the counterparts of authlib's `require_oauth` and `current_token`.
//!   What is refused is refused as RFC 6750 section 3 says.
//! * [`acquire_token`] does the same inside a handler: authlib's `require_oauth.acquire`.
//! * [`revocation_route`] and [`introspection_route`] are the endpoints of RFC 7009 and RFC 7662, to be put under a path.
//! * [`EndpointForm`], [`Refused`] and [`run_blocking`] are what a token endpoint of your own is made of.
//!
//! Diesel blocks, so all of it asks the database on tokio's blocking threads.
//!
//! ```
//! use axum::{Router, routing::get};
//! use diesel_oauth2::models::{Client, Token};
//! use diesel_oauth2::{
//!     OAuth2Token, create_bearer_token_validator, create_client_authenticator, create_revocation_endpoint,
//! };
//! use diesel_oauth2_axum::{CurrentToken, require_oauth, revocation_route};
//!
//! async fn me(CurrentToken(token): CurrentToken<Token>) -> String {
//!     format!("user {:?}", token.user_id())
//! }
//!
//! # #[cfg(feature = "sqlite")]
//! fn app(pool: diesel::r2d2::Pool<diesel::r2d2::ConnectionManager<diesel::SqliteConnection>>) -> Router {
//!     let validator = create_bearer_token_validator::<Token, _>(pool.clone()).realm("api");
//!     let revocation = create_revocation_endpoint::<Token, _>(pool.clone());
//!     let authenticator = create_client_authenticator::<Client, _>(pool);
//!     Router::new()
//!         .route("/me", get(me))
//!         .route_layer(require_oauth(validator).scopes(["profile"]))
//!         .route("/revoke", revocation_route(revocation, authenticator))
//! }
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(unreachable_pub)]

mod blocking;
mod current_token;
mod endpoint_form;
mod layer;
mod refused;
mod routes;

pub use blocking::run_blocking;
pub use current_token::{CurrentToken, CurrentTokenRejection};
pub use endpoint_form::EndpointForm;
pub use layer::{RequireOAuth, RequireOAuthService, acquire_token, require_oauth};
pub use refused::{Refused, into_response};
pub use routes::{introspection_route, revocation_route};
