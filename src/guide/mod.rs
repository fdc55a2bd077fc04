//! Guides: how this crate is paired with a server. Documentation only.
//!
//! * [`authlib`]: the methods of authlib's `AuthorizationServer` and `ResourceProtector`, each with the call that does
//!   it here.
//! * [`adapter`]: how to write an adapter for another server crate, with a small complete one.

pub mod adapter;
pub mod authlib;
