//! Diesel-backed persistence for OAuth 2.0 servers.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(unreachable_pub)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod clock;
pub mod column;
mod error;
mod metadata;
pub mod model;
pub mod pool;
mod scope;
pub mod secret;
#[doc(hidden)]
pub mod statement;
pub mod table;
pub mod types;

pub use error::Error;
pub use metadata::ClientMetadata;
pub use model::{OAuth2AuthorizationCode, OAuth2Client, OAuth2Token};
