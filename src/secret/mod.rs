//! How tokens and codes stand in the database, and how they are compared.

mod client_secret;
mod stored;

pub use client_secret::{hash_client_secret, verify_client_secret};
pub use stored::{
    Candidates, Plain, SecretStorage, Sha256, Sha256OrPlain, Sha256RewritingPlain, StoredForm,
};
