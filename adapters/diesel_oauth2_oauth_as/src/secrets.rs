//! How secrets stand in the adapter's tables: as digests to find rows by, and as keys to what only their holder may read.
//!
//! `oauth-as` keeps secrets inside its records too: a redeemed code names the tokens that it became, a rotated refresh
//! token the answer that it got, a device grant its other code. Whoever asks for such a record presents the secret that
//! it is kept under, so that part is encrypted with a key derived from it. The database alone does not give it away.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use diesel_oauth2::Error;
use diesel_oauth2::secret::{SecretStorage, Sha256 as StoredSha256};
use hmac::{Hmac, Mac};
use rand::TryRng;
use rand::rngs::SysRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

const NONCE_LEN: usize = 24;

/// A secret's digest, in the form that the core stores too.
pub(crate) fn digest(secret: &str) -> String {
    StoredSha256::stored(secret).as_str().to_owned()
}

/// Whether a row found by a secret's digest is that secret's, byte for byte and in constant time.
pub(crate) fn is_digest_of(stored: &str, secret: &str) -> bool {
    StoredSha256::candidates(secret).matches(stored)
}

/// What a sealed column holds. A key made for one opens no other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sealed {
    RefreshToken,
    Code,
    DeviceGrant,
    #[cfg(feature = "par")]
    PushedRequest,
}

impl Sealed {
    fn label(self) -> &'static [u8] {
        match self {
            Self::RefreshToken => b"diesel_oauth2_oauth_as refresh token",
            Self::Code => b"diesel_oauth2_oauth_as authorization code",
            Self::DeviceGrant => b"diesel_oauth2_oauth_as device grant",
            #[cfg(feature = "par")]
            Self::PushedRequest => b"diesel_oauth2_oauth_as pushed request",
        }
    }

    /// Encrypts `value` so that the secret opens it.
    pub(crate) fn seal<T: Serialize>(self, secret: &str, value: &T) -> Result<String, Error> {
        seal(self.label(), &derive(self.label(), secret), value)
    }

    /// What [`seal`](Self::seal) was given.
    pub(crate) fn open<T: DeserializeOwned>(self, secret: &str, sealed: &str) -> Result<T, Error> {
        open(self.label(), &derive(self.label(), secret), sealed)
    }
}

/// The key that a secret is to what this label names.
///
/// The label is the HMAC's key and the secret its message, not the other way round: a long HMAC key is replaced by its
/// SHA-256 digest, which is what the row is found by.
fn derive(label: &[u8], secret: &str) -> Key {
    Key::from(hmac(label, secret))
}

fn hmac(key: &[u8], message: &str) -> [u8; 32] {
    let mut hmac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key)
        .expect("HMAC takes a key of any length");
    hmac.update(message.as_bytes());
    hmac.finalize().into_bytes().into()
}

fn seal<T: Serialize>(label: &[u8], key: &Key, value: &T) -> Result<String, Error> {
    let json = to_json(value)?;
    // Random, because a record is sealed anew with each change, under the same key.
    let mut nonce = [0; NONCE_LEN];
    SysRng
        .try_fill_bytes(&mut nonce)
        .map_err(|_| Error::RandomSource)?;
    let payload = Payload {
        msg: json.as_bytes(),
        aad: label,
    };
    let sealed = XChaCha20Poly1305::new(key)
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| Error::InvalidValue {
            column: "sealed",
            reason: "it is too long to be encrypted",
        })?;
    Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed[..]].concat()))
}

fn open<T: DeserializeOwned>(label: &[u8], key: &Key, sealed: &str) -> Result<T, Error> {
    let invalid = || Error::InvalidData {
        column: Some("sealed".to_owned()),
        reason: "the secret does not open what is sealed",
    };
    let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| invalid())?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(invalid)?;
    let payload = Payload {
        msg: sealed,
        aad: label,
    };
    let json = XChaCha20Poly1305::new(key)
        .decrypt(&XNonce::from(*nonce), payload)
        .map_err(|_| invalid())?;
    serde_json::from_slice(&json).map_err(|_| invalid())
}

/// A record as the text of its column.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|_| Error::InvalidValue {
        column: "record",
        reason: "it has no form in JSON (a time before 1970?)",
    })
}

/// What [`to_json`] was given.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    // The parser's own words may quote a value.
    serde_json::from_str(text).map_err(|_| Error::InvalidData {
        column: Some("record".to_owned()),
        reason: "not a record of this build of oauth-as",
    })
}

/// How user codes are found. They are short enough to be typed, and so to be guessed from a digest: with a key that is
/// not in the database they cannot.
#[derive(Clone, Default)]
pub(crate) struct UserCodes {
    key: Option<Arc<[u8]>>,
}

impl UserCodes {
    pub(crate) fn keyed(key: Vec<u8>) -> Self {
        Self {
            key: Some(key.into()),
        }
    }

    /// What the row of a normalized user code is found by.
    pub(crate) fn digest(&self, user_code: &str) -> String {
        match &self.key {
            None => digest(user_code),
            Some(key) => digest(&URL_SAFE_NO_PAD.encode(hmac(key, user_code))),
        }
    }

    fn sealing_key(&self, user_code: &str) -> Key {
        const LABEL: &[u8] = b"diesel_oauth2_oauth_as user code";
        match &self.key {
            None => derive(LABEL, user_code),
            Some(key) => derive(LABEL, &URL_SAFE_NO_PAD.encode(hmac(key, user_code))),
        }
    }

    pub(crate) fn seal<T: Serialize>(&self, user_code: &str, value: &T) -> Result<String, Error> {
        seal(b"user code", &self.sealing_key(user_code), value)
    }

    pub(crate) fn open<T: DeserializeOwned>(
        &self,
        user_code: &str,
        sealed: &str,
    ) -> Result<T, Error> {
        open(b"user code", &self.sealing_key(user_code), sealed)
    }
}

impl fmt::Debug for UserCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.key.is_some() { "keyed" } else { "plain" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_opens_what_it_sealed_and_only_for_its_purpose() {
        let sealed = Sealed::Code.seal("c0de", &"t0ken").expect("seals");
        assert!(!sealed.contains("t0ken"));
        assert_eq!(Sealed::Code.open("c0de", &sealed), Ok("t0ken".to_owned()));
        assert!(Sealed::Code.open::<String>("c0dE", &sealed).is_err());
        assert!(
            Sealed::RefreshToken
                .open::<String>("c0de", &sealed)
                .is_err()
        );
        assert!(Sealed::Code.open::<String>("c0de", "").is_err());
        let again = Sealed::Code.seal("c0de", &"t0ken").expect("seals");
        assert_ne!(sealed, again, "the nonce is fresh");
    }

    /// A long secret is not hashed before it becomes a key: the digest is in the database.
    #[test]
    fn a_digest_opens_nothing() {
        let secret = "s".repeat(100);
        let sealed = Sealed::Code.seal(&secret, &1).expect("seals");
        assert!(Sealed::Code.open::<i32>(&digest(&secret), &sealed).is_err());
        let raw = <Sha256 as sha2::Digest>::digest(secret.as_bytes());
        let from_digest = Key::from(<[u8; 32]>::from(raw));
        assert!(open::<i32>(Sealed::Code.label(), &from_digest, &sealed).is_err());
    }

    #[test]
    fn a_user_code_is_found_and_opened_with_the_key_alone() {
        let (plain, keyed) = (UserCodes::default(), UserCodes::keyed(b"key".to_vec()));
        assert_eq!(plain.digest("WDJBMJHT"), digest("WDJBMJHT"));
        assert_ne!(keyed.digest("WDJBMJHT"), plain.digest("WDJBMJHT"));
        let sealed = keyed.seal("WDJBMJHT", &7).expect("seals");
        assert_eq!(keyed.open("WDJBMJHT", &sealed), Ok(7));
        assert!(plain.open::<i32>("WDJBMJHT", &sealed).is_err());
        let other = UserCodes::keyed(b"other".to_vec());
        assert!(other.open::<i32>("WDJBMJHT", &sealed).is_err());
        assert!(!format!("{keyed:?}").contains("key\""));
    }
}
