//! The ways of storing tokens that are compared.
//!
//! Each counts from the pool to the filled struct. The driver's is the floor: one connection, every statement prepared
//! once, and nothing in between, which nothing can undercut.

pub mod authlib;
pub mod by_hand;
pub mod driver;
pub mod ours;
pub mod rows;
pub mod statements;

/// This crate, with tokens in plain, as all the others store them.
pub const OURS: &str = "ours";
/// This crate's bundled models, which store digests.
pub const OURS_SHA256: &str = "ours, SHA-256";
/// Diesel by hand, as fast as it goes.
pub const BEST: &str = "best Diesel";
/// Diesel by hand, as its guides have it.
pub const IDIOMATIC: &str = "idiomatic Diesel";
/// The database's own driver.
pub const DRIVER: &str = "driver";
/// authlib and SQLAlchemy, in Python.
pub const AUTHLIB: &str = "authlib";
