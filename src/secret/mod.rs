//! How tokens and codes stand in the database, and how they are compared.

mod client_secret;
mod gate;
mod stored;

#[cfg(feature = "diesel-async")]
pub(crate) use client_secret::{HASHING, is_hashed};
pub use client_secret::{hash_client_secret, set_max_concurrent_hashes, verify_client_secret};
pub use stored::{
    Candidates, Plain, SecretStorage, Sha256, Sha256OrPlain, Sha256RewritingPlain, StoredForm,
};
