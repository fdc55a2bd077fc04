use rand::SeedableRng;
use rand::rngs::{StdRng, SysRng};
use rand::seq::IndexedRandom;

use crate::Error;

/// Consonants only, so that no word comes about and no letter looks like a digit (RFC 8628 section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// A user code of two groups of four consonants, such as `WDJB-MJHT`, from the operating system's random source: 34 bits,
/// which suit a short life and a limit on guesses (RFC 8628 section 5.1).
///
/// # Errors
/// [`Error::RandomSource`] when the operating system gives no random bytes.
pub fn generate_user_code() -> Result<String, Error> {
    let mut random = StdRng::try_from_rng(&mut SysRng).map_err(|_| Error::RandomSource)?;
    let mut code = String::with_capacity(9);
    for position in 0..8 {
        if position == 4 {
            code.push('-');
        }
        let letter = LETTERS.choose(&mut random).copied();
        code.extend(letter.map(char::from));
    }
    Ok(code)
}

/// What counts of a user code as a person types it: letters in capitals, and digits. `None` where there is anything that
/// no separator can be.
pub(crate) fn normalize_user_code(typed: &str) -> Option<String> {
    let typed = typed.trim();
    if typed.len() > 100 || !typed.is_ascii() || typed.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let code: String = typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|character| character.to_ascii_uppercase())
        .collect();
    (!code.is_empty()).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_separators_do_not_count() {
        for typed in [
            "WDJB-MJHT",
            "wdjb-mjht",
            "wdjbmjht",
            " WDJB MJHT\n",
            "w.d.j.b_mjht",
        ] {
            assert_eq!(
                normalize_user_code(typed).as_deref(),
                Some("WDJBMJHT"),
                "{typed:?}"
            );
        }
        for typed in ["", "-", "WDJB\0MJHT", "WDJB\u{e9}MJHT", &"A".repeat(101)] {
            assert_eq!(normalize_user_code(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn a_user_code_is_eight_consonants() {
        let code = generate_user_code().expect("random bytes");
        assert_eq!(code.len(), 9);
        assert_eq!(code.as_bytes()[4], b'-');
        let normalized = normalize_user_code(&code).expect("is a code");
        assert_eq!(normalized.len(), 8);
        assert!(normalized.bytes().all(|letter| LETTERS.contains(&letter)));
        assert_ne!(code, generate_user_code().expect("random bytes"));
    }
}
