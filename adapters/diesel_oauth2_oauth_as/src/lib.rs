//! The storage of the authorization server [`oauth-as`](oauth_as) over Diesel, on SQLite, PostgreSQL and MySQL/MariaDB:
//! [`DieselStorage`] is an [`oauth_as::Storage`](oauth_as::store::Storage) over a pool of `diesel_oauth2`.
//!
//! ```
//! # #[cfg(feature = "sqlite")] {
//! use diesel::SqliteConnection;
//! use diesel_oauth2::pool::create_pool;
//! use diesel_oauth2_oauth_as::{Argon2Verifier, DieselStorage, hash_client_secret};
//! use oauth_as::{AuthorizationServer, Client, ClientAuth, ClientId, GrantType, ScopeSet, ServerConfig, TokenRequest};
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let url = directory.path().join("app.sqlite").display().to_string();
//! let pool = create_pool::<SqliteConnection>(url)?;
//! diesel_oauth2::migrations::run(&mut pool.get()?)?;
//! diesel_oauth2_oauth_as::migrations::run(&mut pool.get()?)?;
//!
//! let config = ServerConfig::new("https://as.example", "https://as.example/device");
//! let server = AuthorizationServer::new(config, DieselStorage::new(pool)).with_secret_verifier(Box::new(Argon2Verifier));
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! server
//!     .register_client(Client {
//!         client_id: ClientId::new("service"),
//!         auth: ClientAuth::ConfidentialSecretHash { hash: hash_client_secret("s3cret")? },
//!         grant_types: vec![GrantType::ClientCredentials],
//!         redirect_uris: Vec::new(),
//!         allowed_scopes: ScopeSet::parse("reports")?,
//!         default_scopes: ScopeSet::empty(),
//!         name: None,
//!         registration: None,
//!     })
//!     .await?;
//! let request = TokenRequest::ClientCredentials {
//!     client_id: ClientId::new("service"),
//!     client_secret: Some("s3cret".to_owned()),
//!     scope: Some(ScopeSet::parse("reports")?),
//! };
//! let response = server.token(request).await?;
//! assert!(server.introspect(&response.access_token).await?.is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Whose tables
//!
//! *Clients* are those of `diesel_oauth2`'s `oauth2_client`. One registered through either crate works with both: the
//! RFC 7591 metadata and the secret stand in their usual places, and what `oauth-as` has no name for there is one member
//! of the metadata, `oauth_as`. [`Argon2Verifier`] lets `oauth-as` check the argon2 hashes that the table holds.
//!
//! *Codes, tokens and device grants* are in tables of this crate's own ([`schema`], made by [`migrations`]), and not in
//! `oauth2_code` and `oauth2_token`. There a row holds an access token and its refresh token, its user is a number, and
//! the lifecycle store decides what is redeemed and rotated. `oauth-as` decides that itself: its store keeps each record
//! whole, compares it whole, and refuses a write by when the grant behind it was given. The guarantees are the same:
//! what two requests can race for is decided by the database, and what issues meets what revokes on one lock.
//!
//! [`BearerToken`] gives the tokens back to `diesel_oauth2`: its bearer validator and introspection endpoint read them.
//!
//! # Secrets
//!
//! Tokens, codes, request URIs and user codes are stored as SHA-256 digests; there is no plain form, because nothing else
//! reads these tables. What `oauth-as` keeps *inside* its records (the tokens that a redeemed code became, the answer
//! that a retried rotation gets, the other code of a device grant) is encrypted with XChaCha20-Poly1305 under a key
//! derived from the secret that the record is asked for with. A user code is short enough to be guessed from its digest:
//! see [`DieselStorage::user_code_key`].
//!
//! Two kinds of client secret stay readable, because `oauth-as` needs them so: `ClientAuth::ConfidentialSecret` and the
//! secret of `client_secret_jwt`.
//!
//! # Replicas
//!
//! Over a [`ReaderWriterPool`](diesel_oauth2::pool::ReaderWriterPool) access tokens are looked up on the replicas, and where
//! one has it not, on the primary. Everything else that `oauth-as` reads it decides by (who a client is, whether a refresh
//! token is spent, whether a user has consented): that is read on the primary.
//!
//! # Features
//!
//! `sqlite` (the default), `postgres`, `mysql`. Some features of `oauth-as` add methods to its `Storage`: turn on `par`,
//! `consent`, `client-assertion` and `dpop` *here*, also where another dependency has turned them on there. Its other
//! features need nothing of this crate.
//!
//! # What is left to the application
//!
//! Calling [`sweep_expired`](oauth_as::store::Storage::sweep_expired) from time to time, which here deletes in batches by
//! index. Everything runs on tokio's blocking threads; without a tokio runtime every call is an error.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(unreachable_pub)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// Its statements are those of the databases.
#[cfg_attr(
    not(any(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(dead_code)
)]
mod bearer;
// Public in name, for they stand in the bounds of `Database`.
#[allow(unreachable_pub)]
mod database;
pub mod migrations;
#[allow(unreachable_pub)]
mod row;
#[allow(missing_docs)]
pub mod schema;
#[allow(unreachable_pub)]
mod scope;
mod secrets;
mod storage;
mod time;
mod transaction;
mod verifier;
mod work;

pub use bearer::BearerToken;
pub use database::Database;
pub use storage::DieselStorage;
pub use verifier::{ARGON2, Argon2Verifier, hash_client_secret};

/// The README's examples are tests.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;
