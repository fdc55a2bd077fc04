//! Guides: how this crate is paired with a server. Documentation only.
//!
//! * [`authlib`]: the methods of authlib's `AuthorizationServer` and `ResourceProtector`, each with the call that does
//!   it here.
//! * [`adapter`]: how to write an adapter for another server crate, with a small complete one.
//! * [`staleness`]: replicas and the token cache, when to use which, and what is stale for how long.

pub mod adapter;
pub mod authlib;
pub mod staleness;
