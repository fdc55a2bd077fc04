//! The stored forms of tokens and codes: the choice is made once, on the model type.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest;
use subtle::{Choice, ConstantTimeEq};

/// Marks a digest, so that it is told from a plain token of the same length: whoever reads a digest out of the
/// database cannot present it as a token.
const PREFIX: &str = "sha256:";
/// The prefix and 32 bytes in unpadded base64url.
const DIGEST_LEN: usize = PREFIX.len() + 43;

/// How a model's tokens or codes are stored: [`Sha256`] (the default), [`Plain`], [`Sha256OrPlain`] or
/// [`Sha256RewritingPlain`].
///
/// Chosen on the model, `#[oauth2(storage = Plain)]`, so that every factory made for it agrees.
pub trait SecretStorage: Send + Sync + 'static {
    /// The form in which a new secret is written.
    fn stored(secret: &str) -> StoredForm<'_>;

    /// Every form in which a presented secret may stand in the database.
    fn candidates(secret: &str) -> Candidates<'_>;

    /// The form in which a secret that stands in the database as `stored` is to be written instead, where it is to be
    /// written again. `None` leaves it as it is.
    fn rewritten(stored: &str) -> Option<StoredForm<'_>> {
        let _ = stored;
        None
    }
}

/// Secrets are stored as `sha256:` and their SHA-256 digest in unpadded base64url, 50 characters in all.
///
/// Tokens carry at least 128 random bits, so the digest needs neither salt nor stretching: it cannot be inverted by
/// guessing.
#[derive(Debug, Clone, Copy)]
pub struct Sha256;

/// Secrets are stored as they are, which is how authlib stores them.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

/// Secrets are written as [`Sha256`] does and found in both forms: for moving a live table over, while a program that knows
/// the plain form only still reads it.
#[derive(Debug, Clone, Copy)]
pub struct Sha256OrPlain;

/// As [`Sha256OrPlain`], and a token that a look-up finds in plain is rewritten as a digest.
///
/// Rewriting comes after the look-up, as a statement of its own; where it fails, such as on a read-only database, the
/// look-up's answer stands, and the next one tries again. Not while a program that knows the plain form only still reads
/// the table.
#[derive(Debug, Clone, Copy)]
pub struct Sha256RewritingPlain;

impl SecretStorage for Sha256 {
    fn stored(secret: &str) -> StoredForm<'_> {
        StoredForm::digest_of(secret)
    }

    fn candidates(secret: &str) -> Candidates<'_> {
        Candidates::one(StoredForm::digest_of(secret))
    }
}

impl SecretStorage for Plain {
    fn stored(secret: &str) -> StoredForm<'_> {
        StoredForm::Plain(secret)
    }

    fn candidates(secret: &str) -> Candidates<'_> {
        Candidates::one(StoredForm::Plain(secret))
    }
}

impl SecretStorage for Sha256OrPlain {
    fn stored(secret: &str) -> StoredForm<'_> {
        StoredForm::digest_of(secret)
    }

    fn candidates(secret: &str) -> Candidates<'_> {
        Candidates {
            first: StoredForm::digest_of(secret),
            // A presented digest must not match itself as if it were a plain token.
            second: (!secret.starts_with(PREFIX)).then_some(StoredForm::Plain(secret)),
        }
    }
}

impl SecretStorage for Sha256RewritingPlain {
    fn stored(secret: &str) -> StoredForm<'_> {
        Sha256OrPlain::stored(secret)
    }

    fn candidates(secret: &str) -> Candidates<'_> {
        Sha256OrPlain::candidates(secret)
    }

    fn rewritten(stored: &str) -> Option<StoredForm<'_>> {
        (!stored.starts_with(PREFIX)).then(|| StoredForm::digest_of(stored))
    }
}

/// A secret in the form in which it is stored. It does not show itself in `Debug`.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum StoredForm<'a> {
    /// As presented.
    Plain(&'a str),
    /// As a digest.
    #[non_exhaustive]
    Digest {
        #[doc(hidden)]
        text: [u8; DIGEST_LEN],
    },
}

impl<'a> StoredForm<'a> {
    fn digest_of(secret: &str) -> Self {
        let digest = sha2::Sha256::digest(secret.as_bytes());
        let mut text = [0; DIGEST_LEN];
        let (prefix, encoded) = text.split_at_mut(PREFIX.len());
        prefix.copy_from_slice(PREFIX.as_bytes());
        URL_SAFE_NO_PAD
            .encode_slice(digest, encoded)
            .expect("43 characters hold 32 bytes in base64");
        Self::Digest { text }
    }

    /// The text to send to the database.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Plain(secret) => secret,
            Self::Digest { text } => std::str::from_utf8(text).expect("base64 is ASCII"),
        }
    }

    fn ct_eq(&self, stored: &str) -> Choice {
        let bytes = match self {
            Self::Plain(secret) => secret.as_bytes(),
            Self::Digest { text } => text.as_slice(),
        };
        ct_eq(bytes, stored.as_bytes())
    }
}

/// Whether both are the same bytes, in a time that tells nothing but their lengths. Eight at a time: one at a time takes a
/// twentieth of a look-up.
fn ct_eq(a: &[u8], b: &[u8]) -> Choice {
    if a.len() != b.len() {
        return Choice::from(0);
    }
    let word = |chunk: &[u8]| chunk.try_into().map_or(0, u64::from_ne_bytes);
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest = a.remainder().ct_eq(b.remainder());
    a.zip(b)
        .fold(rest, |equal, (a, b)| equal & word(a).ct_eq(&word(b)))
}

impl std::fmt::Debug for StoredForm<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoredForm(..)")
    }
}

/// The one or two stored forms to look a presented secret up by. It does not show itself in `Debug`.
#[derive(Debug, Clone, Copy)]
pub struct Candidates<'a> {
    first: StoredForm<'a>,
    second: Option<StoredForm<'a>>,
}

impl<'a> Candidates<'a> {
    /// A single form.
    pub fn one(form: StoredForm<'a>) -> Self {
        Self {
            first: form,
            second: None,
        }
    }

    /// The form to look up, and the second one where there is one.
    pub fn as_strs(&self) -> (&str, Option<&str>) {
        (
            self.first.as_str(),
            self.second.as_ref().map(StoredForm::as_str),
        )
    }

    /// Whether `stored` is one of the forms, byte for byte and in constant time.
    ///
    /// A row that the database found is compared again by this, because collations may ignore case and trailing
    /// spaces.
    pub fn matches(&self, stored: &str) -> bool {
        let mut equal = self.first.ct_eq(stored);
        if let Some(second) = &self.second {
            equal |= second.ct_eq(stored);
        }
        equal.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_published_one() {
        // SHA-256("abc"), FIPS 180-2 appendix B.1, in base64url.
        assert_eq!(
            Sha256::stored("abc").as_str(),
            "sha256:ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"
        );
    }

    #[test]
    fn a_difference_in_any_byte_is_seen() {
        for len in 0..40 {
            let a: Vec<u8> = (0..len).collect();
            assert!(bool::from(ct_eq(&a, &a)), "{len}");
            assert!(!bool::from(ct_eq(&a, &[&a[..], b"a"].concat())), "{len}");
            for at in 0..a.len() {
                let mut b = a.clone();
                b[at] ^= 0x80;
                assert!(!bool::from(ct_eq(&a, &b)), "{len} {at}");
            }
        }
    }

    #[test]
    fn a_stolen_digest_is_no_token() {
        let stolen = Sha256::stored("secret").as_str().to_owned();
        assert!(!Sha256OrPlain::candidates(&stolen).matches(&stolen));
        assert!(!Sha256::candidates(&stolen).matches(&stolen));
        assert!(Sha256OrPlain::candidates("secret").matches(&stolen));
        assert!(Sha256OrPlain::candidates("secret").matches("secret"));
        assert!(!Sha256RewritingPlain::candidates(&stolen).matches(&stolen));
    }

    #[test]
    fn only_the_plain_is_rewritten() {
        let digest = Sha256::stored("secret").as_str().to_owned();
        let rewritten = Sha256RewritingPlain::rewritten("secret").expect("is plain");
        assert_eq!(rewritten.as_str(), digest);
        assert!(Sha256RewritingPlain::rewritten(&digest).is_none());
        assert!(Sha256OrPlain::rewritten("secret").is_none());
    }

    #[test]
    fn comparison_is_byte_exact() {
        for other in ["ACC5", "acc5 ", " acc5", "acc", ""] {
            assert!(!Plain::candidates("acc5").matches(other), "{other:?}");
        }
        assert!(Plain::candidates("acc5").matches("acc5"));
    }

    #[test]
    fn debug_shows_nothing() {
        assert!(!format!("{:?}", Plain::candidates("s3cret")).contains("s3cret"));
        assert!(!format!("{:?}", Sha256::candidates("s3cret")).contains("sha256"));
    }
}
