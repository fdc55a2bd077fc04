use std::sync::OnceLock;

use diesel_oauth2::Error;
use diesel_oauth2::secret::verify_client_secret;
use oauth_as::client::{SecretHash, SecretVerifier};
use rand::TryRng;
use rand::rngs::SysRng;

/// The scheme of a [`SecretHash`] that is an argon2 PHC string.
pub const ARGON2: &str = "argon2";

/// Verifies the argon2 hashes of client secrets that `oauth2_client` holds. Install it on the server:
/// `AuthorizationServer::with_secret_verifier`.
///
/// Argon2 takes its time on purpose, tens of milliseconds of the thread that the server runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Argon2Verifier;

impl SecretVerifier for Argon2Verifier {
    fn verify(&self, hash: &SecretHash, presented: &str) -> bool {
        hash.scheme() == ARGON2 && verify_client_secret(hash.encoded(), presented)
    }

    fn dummy_hash(&self) -> Option<SecretHash> {
        static DUMMY: OnceLock<Option<SecretHash>> = OnceLock::new();
        let dummy = DUMMY.get_or_init(|| {
            let mut secret = [0; 16];
            SysRng.try_fill_bytes(&mut secret).ok()?;
            hash_client_secret(&format!("{secret:?}")).ok()
        });
        dummy.clone()
    }
}

/// A client secret's argon2id hash, for [`ClientAuth::ConfidentialSecretHash`](oauth_as::ClientAuth): the form that
/// both crates authenticate.
///
/// ```
/// use diesel_oauth2_oauth_as::{Argon2Verifier, hash_client_secret};
/// use oauth_as::client::SecretVerifier;
///
/// let hash = hash_client_secret("s3cret")?;
/// assert!(Argon2Verifier.verify(&hash, "s3cret"));
/// assert!(!Argon2Verifier.verify(&hash, "other"));
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
///
/// # Errors
/// [`Error::RandomSource`] when the operating system gives no random salt.
pub fn hash_client_secret(secret: &str) -> Result<SecretHash, Error> {
    let hash = diesel_oauth2::secret::hash_client_secret(secret)?;
    Ok(SecretHash::custom(ARGON2, hash))
}
