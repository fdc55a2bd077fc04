//! Storage for [`oxide_auth`]: its `Registrar`, `Authorizer` and `Issuer` over your Diesel models and pool, with the
//! guarantees of [`diesel_oauth2`].
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
