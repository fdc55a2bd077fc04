//! A complete authorization and resource server on axum, made of `diesel_oauth2`'s factories and stores and of its axum
//! adapter: `cargo run --example server --features server`, at the root of the repository.
//!
//! It listens on 127.0.0.1 and keeps everything in a SQLite file, unless told otherwise:
//!
//! | variable | what | default |
//! | --- | --- | --- |
//! | `PORT` | the port; 0 takes a free one | 3000 |
//! | `DATABASE_URL` | `sqlite://file`, `postgres://…` or `mysql://…` | `sqlite://diesel_oauth2_demo.sqlite` |
//! | `DEMO_CLIENT_ID`, `DEMO_CLIENT_SECRET` | the confidential client | `demo-client`, a secret at random |
//! | `DEMO_PUBLIC_CLIENT_ID` | the public client | `demo-public` |
//! | `DEMO_REDIRECT_URI` | the redirect URI of both | a page of this server that shows the code |
//! | `DEMO_USERNAME`, `DEMO_PASSWORD` | the user | `demo`, a password at random |
//! | `ACCESS_TOKEN_TTL` | how long access tokens are valid, in seconds | 3600 |
//! | `REFRESH_GRACE` | how long a refresh token may be used again whose answer was lost, in seconds | 30 |
//!
//! On its first start it migrates, makes the user and the two clients, and prints their credentials with a `curl` line
//! for each flow.
//!
//! | route | what |
//! | --- | --- |
//! | `GET`, `POST /oauth/authorize` | login and consent (RFC 6749 section 4.1, RFC 7636, RFC 9207) |
//! | `POST /oauth/token` | `authorization_code`, `refresh_token`, `client_credentials`, device code |
//! | `POST /oauth/revoke` | RFC 7009 |
//! | `POST /oauth/introspect` | RFC 7662 |
//! | `POST /oauth/device_authorization` | RFC 8628 |
//! | `GET`, `POST /device` | where the user types a device's code in |
//! | `GET /.well-known/oauth-authorization-server` | RFC 8414 |
//! | `GET /api/me` | the protected resource: scope `profile` |
//!
//! To read: `app.rs` has every factory in one place, `token.rs` what a token endpoint does with them.
#![cfg(feature = "server")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(unreachable_pub)]

mod api;
mod app;
mod authorize;
mod csrf;
mod database;
mod demo;
mod device;
mod metadata;
mod pages;
mod serve;
mod settings;
mod throttle;
mod token;

pub use serve::main;

/// Hashing a secret takes 19 MiB for a moment. glibc's allocator keeps such blocks for each of its arenas, which sums up to
/// hundreds of megabytes; this one gives them back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
