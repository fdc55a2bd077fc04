use std::sync::OnceLock;

use diesel_oauth2::Error;
use diesel_oauth2::secret::verify_client_secret;
use oauth_as::client::{SecretHash, SecretVerifier};
use rand::TryRng;
use rand::rngs::SysRng;

/// The scheme of a [`SecretHash`] that is an argon2 PHC string.
pub const ARGON2: &str = "argon2";

/// The scheme of a client's argon2 hash with, after a line break, the stored secret before it, which is valid still.
const WITH_PREVIOUS: &str = "argon2-with-previous";

/// Verifies the argon2 hashes of client secrets that `oauth2_client` holds. Install it on the server:
/// `AuthorizationServer::with_secret_verifier`.
///
/// Where the core replaced a secret by a hashed one with an overlap
/// ([`rotate_secret`](diesel_oauth2::registration::ClientRegistry::rotate_secret)), the old one is verified too until its
/// time is over, or until the new one's is.
///
/// Argon2 takes its time on purpose, tens of milliseconds of the thread that the server runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Argon2Verifier;

impl SecretVerifier for Argon2Verifier {
    fn verify(&self, hash: &SecretHash, presented: &str) -> bool {
        match hash.scheme() {
            ARGON2 => verify_client_secret(hash.encoded(), presented),
            WITH_PREVIOUS => {
                let (current, previous) = hash.encoded().split_once('\n').unwrap_or_default();
                verify_client_secret(current, presented)
                    || verify_client_secret(previous, presented)
            }
            _ => false,
        }
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

/// This hash and the stored secret before it.
pub(crate) fn with_previous(current: &str, previous: &str) -> SecretHash {
    SecretHash::custom(WITH_PREVIOUS, format!("{current}\n{previous}"))
}

/// The argon2 hash, alone.
pub(crate) fn argon2_hash(hash: &SecretHash) -> Option<&str> {
    match hash.scheme() {
        ARGON2 => Some(hash.encoded()),
        WITH_PREVIOUS => hash.encoded().split_once('\n').map(|(current, _)| current),
        _ => None,
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
