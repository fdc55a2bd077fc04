use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::CodeRefusal;

/// Checks a code verifier against the stored challenge, in constant time (RFC 7636 section 4.6).
///
/// A challenge without a method is `plain`. A verifier where there is no challenge is refused too: whoever sends one
/// believes the code to be protected (RFC 9700 section 4.8.2).
pub(super) fn check_verifier(
    challenge: Option<&str>,
    method: Option<&str>,
    verifier: Option<&str>,
) -> Result<(), CodeRefusal> {
    let challenge = challenge.filter(|challenge| !challenge.is_empty());
    let (challenge, verifier) = match (challenge, verifier) {
        (None, None) => return Ok(()),
        (Some(_), None) => return Err(CodeRefusal::MissingVerifier),
        (None, Some(_)) => return Err(CodeRefusal::WrongVerifier),
        (Some(challenge), Some(verifier)) => (challenge, verifier),
    };
    let is_verifier = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(is_verifier) {
        return Err(CodeRefusal::WrongVerifier);
    }
    let fits = match method.filter(|method| !method.is_empty()) {
        None | Some("plain") => verifier.as_bytes().ct_eq(challenge.as_bytes()).into(),
        Some("S256") => {
            let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
            digest.as_bytes().ct_eq(challenge.as_bytes()).into()
        }
        Some(_) => false,
    };
    if fits {
        Ok(())
    } else {
        Err(CodeRefusal::WrongVerifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn s256_and_plain_are_verified() {
        let check = |challenge, method, verifier| check_verifier(challenge, method, verifier);
        assert_eq!(check(Some(CHALLENGE), Some("S256"), Some(VERIFIER)), Ok(()));
        assert_eq!(check(Some(VERIFIER), Some("plain"), Some(VERIFIER)), Ok(()));
        assert_eq!(check(Some(VERIFIER), None, Some(VERIFIER)), Ok(()));
        assert_eq!(check(None, None, None), Ok(()));
        assert_eq!(check(Some(""), None, None), Ok(()));
        let wrong = Err(CodeRefusal::WrongVerifier);
        assert_eq!(check(Some(CHALLENGE), Some("S256"), Some(CHALLENGE)), wrong);
        assert_eq!(check(Some(CHALLENGE), Some("plain"), Some(VERIFIER)), wrong);
        assert_eq!(check(Some(CHALLENGE), Some("S512"), Some(VERIFIER)), wrong);
        assert_eq!(check(Some("short"), None, Some("short")), wrong);
        assert_eq!(check(None, None, Some(VERIFIER)), wrong);
        let missing = Err(CodeRefusal::MissingVerifier);
        assert_eq!(check(Some(CHALLENGE), Some("S256"), None), missing);
    }
}
