//! Storage for [`oxide_auth`]: its `Registrar`, `Authorizer` and `Issuer` over your Diesel models and pool, with the
//! guarantees of [`diesel_oauth2`].
//!
//! | function | gives |
//! | --- | --- |
//! | [`create_registrar`] | clients: their redirect URIs, scopes and secrets |
//! | [`create_issuer`] | access and refresh tokens |
//! | [`create_authorizer`] | authorization codes, whose tokens that issuer issues |
//!
//! Each is `Clone + Send + Sync + 'static` and does without a lock: put clones of them into the endpoint of a request.
//! The models are [`diesel_oauth2::models`], or your own with the derives of `diesel_oauth2`.
//!
//! ```
//! # #[cfg(feature = "sqlite")] {
//! # use diesel::prelude::*;
//! use diesel_oauth2::models::{AuthorizationCode, Client, Token};
//! use diesel_oauth2_oxide_auth::{create_authorizer, create_issuer, create_registrar};
//! use oxide_auth::endpoint::{AuthorizationFlow, OwnerConsent, Solicitation};
//! use oxide_auth::frontends::simple::endpoint::{FnSolicitor, Generic, Vacant};
//! use oxide_auth::frontends::simple::extensions::{AddonList, Extended, Pkce};
//! use oxide_auth::frontends::simple::request::Request;
//!
//! # let mut connection = SqliteConnection::establish(":memory:").unwrap();
//! # diesel_oauth2::migrations::run(&mut connection).unwrap();
//! # use diesel_oauth2::schema::oauth2_client::dsl::*;
//! # let metadata = diesel_oauth2::ClientMetadata {
//! #     redirect_uris: vec!["https://app.example/cb".into()],
//! #     scope: Some("profile".into()),
//! #     ..Default::default()
//! # };
//! # diesel::insert_into(oauth2_client)
//! #     .values((client_id.eq("app"), client_metadata.eq(metadata)))
//! #     .execute(&mut connection).unwrap();
//! # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
//! let registrar = create_registrar::<Client, _>(pool.clone());
//! let issuer = create_issuer::<Token, _>(pool).grace(10);
//! let authorizer = create_authorizer::<AuthorizationCode, _, _, _>(&issuer);
//!
//! let endpoint = Generic {
//!     registrar,
//!     authorizer,
//!     issuer,
//!     solicitor: FnSolicitor(|_: &mut Request, _: Solicitation<'_>| {
//!         OwnerConsent::Authorized("7".to_owned()) // the user who has logged in and said yes
//!     }),
//!     scopes: vec!["profile".parse().unwrap()],
//!     response: Vacant,
//! };
//! let mut addons = AddonList::new();
//! addons.push_code(Pkce::required());
//! let mut flow = AuthorizationFlow::prepare(Extended::extend_with(endpoint, addons)).unwrap();
//!
//! # let mut request = Request::default();
//! # for (name, value) in [
//! #     ("response_type", "code"), ("client_id", "app"), ("scope", "profile"),
//! #     ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), ("code_challenge_method", "S256"),
//! # ] {
//! #     request.query.insert(name.into(), value.into());
//! # }
//! let response = flow.execute(request).unwrap();
//! let location = response.location.unwrap();
//! assert!(location.as_str().starts_with("https://app.example/cb?code="));
//! # }
//! ```
//!
//! # What holds, whatever the traits leave open
//!
//! * Of any number of requests at the same time one gets a code's grant, and one exchanges a refresh token: the
//!   database decides, by a conditional write.
//! * A code or a rotated refresh token that comes a second time ends its whole family: every token that came of that
//!   consent.
//! * Tokens and codes are stored as the model says, by default as SHA-256 digests, and found byte for byte. Secrets are
//!   compared in constant time.
//! * The rows are those of `diesel_oauth2`: its revocation and introspection endpoints, its bearer validator and its
//!   pruner work on them, and so does another server.
//!
//! # What the traits do not allow
//!
//! * A code is spent before oxide-auth compares the client, the redirect URI and the verifier: see
//!   [`create_authorizer`].
//! * What is refused inside [`refresh`](oxide_auth::primitives::issuer::Issuer::refresh) is a `PrimitiveError`, because
//!   `()` says no more: the request that lost a race, and the family that has reached its absolute lifetime. So is
//!   trouble with the database. [`on_failure`](TokenIssuer::on_failure) is told which it is, and [`Error`] has the
//!   right answer:
//!
//! ```
//! # #[cfg(feature = "sqlite")] {
//! use std::sync::{Arc, Mutex};
//!
//! use diesel_oauth2::{EndpointResponse, models::{Client, Token}, pool::ConnectionPool};
//! use diesel_oauth2_oxide_auth::{Error, create_issuer, create_registrar};
//! use oxide_auth::frontends::simple::endpoint::refresh_flow;
//! use oxide_auth::frontends::simple::request::{Request, Response};
//!
//! /// The primitives of one request: whatever fails, fails for this one.
//! fn refresh(
//!     pool: impl ConnectionPool<Connection = diesel::SqliteConnection>,
//!     request: Request,
//! ) -> Result<Response, EndpointResponse> {
//!     let failed = Arc::new(Mutex::new(None));
//!     let note = {
//!         let failed = Arc::clone(&failed);
//!         move |error: &Error| *failed.lock().unwrap() = Some(EndpointResponse::from(error))
//!     };
//!     let registrar = create_registrar::<Client, _>(pool.clone()).on_failure(note.clone());
//!     let mut issuer = create_issuer::<Token, _>(pool).on_failure(note);
//!     refresh_flow(&registrar, &mut issuer).execute(request).map_err(|_| {
//!         let failure = failed.lock().unwrap().take();
//!         failure.unwrap_or_else(|| diesel_oauth2::Error::Database.into())
//!     })
//! }
//! # use diesel::Connection;
//! # let connection = diesel::SqliteConnection::establish(":memory:").unwrap();
//! # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
//! # let mut request = Request::default();
//! # request.urlbody.insert("grant_type".into(), "refresh_token".into());
//! # request.urlbody.insert("refresh_token".into(), "tGzv3JOkF0XG5Qx2TlKWIA".into());
//! # assert_eq!(refresh(pool, request).unwrap_err().status, 500); // no tables
//! # }
//! ```
//!
//! # Async
//!
//! With the feature `async`, `SpawnBlocking` makes each of the three a primitive of `oxide-auth-async` whose work runs
//! on tokio's blocking threads.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(unreachable_pub)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod authorizer;
mod columns;
mod error;
mod extensions;
mod grant;
mod handover;
mod issuer;
mod owner;
mod registrar;
#[cfg(feature = "async")]
mod spawn_blocking;

pub use authorizer::{CodeAuthorizer, create_authorizer};
pub use columns::{Columns, NoColumns};
pub use error::Error;
pub use extensions::{extensions_from_json, extensions_to_json};
pub use grant::NO_REDIRECT_URI;
pub use issuer::{TokenIssuer, create_issuer};
pub use owner::OwnerId;
pub use registrar::{ClientRegistrar, create_registrar};
#[cfg(feature = "async")]
pub use spawn_blocking::SpawnBlocking;

/// The README's examples are tests.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;
