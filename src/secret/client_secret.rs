//! Client secrets: argon2 PHC strings, or plain text.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use subtle::ConstantTimeEq;

use super::gate::Gate;
use crate::Error;

const PHC_PREFIX: &str = "$argon2";

/// Whoever hashes passes here.
pub(crate) static HASHING: Gate = Gate::new(None);

/// How many client secrets are hashed at once in this process: as many as the machine runs threads at once, unless set. Others
/// wait their turn.
///
/// Each takes 19 MiB while it runs, so without a limit a burst of requests with wrong secrets could exhaust the memory. 0 is taken for 1. The functions of
/// `asynchronous` take the limit in place at their first call.
pub fn set_max_concurrent_hashes(limit: usize) {
    HASHING.set_limit(limit);
}

/// Whether a presented client secret is the stored one.
///
/// A stored `$argon2…` PHC string is verified as such, with the parameters it names; anything else is compared as
/// plain text in constant time. A malformed PHC string matches nothing.
///
/// Hashing waits where [too many](set_max_concurrent_hashes) do it already.
pub fn verify_client_secret(stored: &str, presented: &str) -> bool {
    verify_behind(&HASHING, stored, presented)
}

/// Whether a secret is verified by hashing.
#[cfg(feature = "diesel-async")]
pub(crate) fn is_hashed(stored: &str) -> bool {
    stored.starts_with(PHC_PREFIX)
}

fn verify_behind(gate: &Gate, stored: &str, presented: &str) -> bool {
    if stored.is_empty() {
        return false;
    }
    if stored.starts_with(PHC_PREFIX) {
        return PasswordHash::new(stored).is_ok_and(|hash| {
            gate.pass(|| Argon2::default().verify_password(presented.as_bytes(), &hash))
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
    HASHING
        .pass(|| Argon2::default().hash_password(secret.as_bytes()))
        .map(|hash| hash.to_string())
        .map_err(|_| Error::RandomSource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashing_waits_its_turn_and_a_plain_comparison_does_not() {
        let stored = hash_client_secret("abc").expect("hashes");
        let gate = Gate::new(Some(1));
        std::thread::scope(|scope| {
            let hashing = gate.pass(|| {
                let hashing = scope.spawn(|| verify_behind(&gate, &stored, "abc"));
                gate.await_waiting(1);
                assert!(!hashing.is_finished());
                assert!(verify_behind(&gate, "abc", "abc"));
                hashing
            });
            assert_eq!(hashing.join().ok(), Some(true));
        });
    }

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
