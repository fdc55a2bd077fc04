//! [`lifecycle`](crate::lifecycle), awaited. The rules are the same; here are the sequences of statements.

mod code_store;
mod device_store;
mod family;
mod prune;
mod refresh_store;

pub use code_store::create_authorization_code_store;
pub use device_store::create_device_code_store;
pub use family::create_grant_revocation;
pub use prune::create_pruner;
pub use refresh_store::create_refresh_token_store;
