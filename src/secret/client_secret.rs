//! Client secrets: argon2 PHC strings, or plain text.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use subtle::ConstantTimeEq;

use crate::Error;

/// Whether a presented client secret is the stored one.
///
/// A stored `$argon2…` PHC string is verified as such, with the parameters it names; anything else is compared as
/// plain text in constant time. A malformed PHC string matches nothing.
pub fn verify_client_secret(stored: &str, presented: &str) -> bool {
    if stored.is_empty() {
        return false;
    }
    if stored.starts_with("$argon2") {
        return PasswordHash::new(stored).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(presented.as_bytes(), &hash)
                .is_ok()
        });
    }
    stored.as_bytes().ct_eq(presented.as_bytes()).into()
}

/// A client secret's argon2id PHC string, to store in `client_secret`.
///
/// ```
/// use diesel_oauth2::secret::{hash_client_secret, verify_client_secret};
///
/// let stored = hash_client_secret("s3cret")?;
/// assert!(stored.starts_with("$argon2id$"));
/// assert!(verify_client_secret(&stored, "s3cret"));
/// assert!(!verify_client_secret(&stored, "other"));
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
///
/// # Errors
/// [`Error::RandomSource`] when the operating system gives no random salt.
pub fn hash_client_secret(secret: &str) -> Result<String, Error> {
    Argon2::default()
        .hash_password(secret.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|_| Error::RandomSource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_argon2_are_verified_and_nothing_matches_an_empty_secret() {
        assert!(verify_client_secret("abc", "abc"));
        assert!(!verify_client_secret("abc", "abd"));
        assert!(!verify_client_secret("", ""));
        let stored = hash_client_secret("abc").expect("hashes");
        assert!(verify_client_secret(&stored, "abc"));
        assert!(!verify_client_secret(&stored, &stored));
        assert!(!verify_client_secret(
            "$argon2id$broken",
            "$argon2id$broken"
        ));
    }
}
