//! wip
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(unreachable_pub)]

mod bearer;
#[allow(unreachable_pub)]
mod database;
pub mod migrations;
// Public in name, for they stand in the bounds of `Database`.
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
