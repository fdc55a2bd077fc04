//! Header values of RFC 9110: splitting what comes in, quoting what goes out.

use std::fmt;
use std::sync::Arc;

/// The name of a protection space (RFC 9110 section 11.5): the `realm` of `WWW-Authenticate`, `oauth2` unless chosen.
///
/// Whatever the name contains, the header stays well-formed: quotes and backslashes are escaped, control characters
/// dropped, and what is not ASCII becomes `?`.
///
/// ```
/// use diesel_oauth2::endpoint::Realm;
///
/// assert_eq!(Realm::new("the \"inner\" ring\r\n").to_string(), r#""the \"inner\" ring""#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Realm {
    quoted: Arc<str>,
}

impl Realm {
    /// The realm of this name.
    pub fn new(name: &str) -> Self {
        let mut quoted = String::with_capacity(name.len() + 2);
        push_quoted(&mut quoted, name);
        Self {
            quoted: quoted.into(),
        }
    }
}

impl Default for Realm {
    fn default() -> Self {
        Self::new("oauth2")
    }
}

impl From<&str> for Realm {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Realm {
    fn from(name: String) -> Self {
        Self::new(&name)
    }
}

/// The realm as a quoted-string.
impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.quoted)
    }
}

/// A challenge of `WWW-Authenticate` (RFC 9110 section 11.6.1) under construction. It always has a realm, because a
/// challenge of `Basic` or `Bearer` needs a parameter to be well-formed.
pub(crate) struct Challenge(String);

impl Challenge {
    pub(crate) fn new(scheme: &'static str, realm: &Realm) -> Self {
        Self(format!("{scheme} realm={realm}"))
    }

    pub(crate) fn parameter(mut self, name: &'static str, value: &str) -> Self {
        self.0.push_str(", ");
        self.0.push_str(name);
        self.0.push('=');
        push_quoted(&mut self.0, value);
        self
    }

    pub(crate) fn into_value(self) -> String {
        self.0
    }
}

/// Appends `text` as a quoted-string (RFC 9110 section 5.6.4).
fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            ' '..='~' => out.push(character),
            _ if character.is_control() => {}
            // Beyond ASCII a header's encoding is anybody's guess (RFC 9110 section 5.5).
            _ => out.push('?'),
        }
    }
    out.push('"');
}

/// The scheme and the credentials of an `Authorization` value, with any run of spaces between them. `None` where one
/// of the two is missing.
pub(crate) fn split_credentials(authorization: &str) -> Option<(&str, &str)> {
    let authorization = authorization.trim_ascii();
    let end = authorization
        .bytes()
        .position(|byte| byte.is_ascii_whitespace())?;
    let (scheme, credentials) = authorization.split_at(end);
    Some((scheme, credentials.trim_ascii_start()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The scheme and parameters of a single challenge, by a strict reading of RFC 9110 section 11.6.1.
    pub(crate) fn parse_challenge(value: &str) -> Option<(String, Vec<(String, String)>)> {
        let (scheme, mut rest) = value.split_once(' ')?;
        let mut parameters = Vec::new();
        loop {
            let (name, after) = rest.split_once('=')?;
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if name.is_empty() || !name.bytes().all(is_token) {
                return None;
            }
            let mut characters = after.strip_prefix('"')?.char_indices();
            let mut text = String::new();
            let end = loop {
                match characters.next()? {
                    (at, '"') => break at + 2,
                    (_, '\\') => text.push(characters.next()?.1),
                    (_, character @ ' '..='~') => text.push(character),
                    _ => return None,
                }
            };
            parameters.push((name.to_owned(), text));
            match &after[end..] {
                "" => return Some((scheme.to_owned(), parameters)),
                more => rest = more.strip_prefix(", ")?,
            }
        }
    }

    #[test]
    fn any_run_of_spaces_separates_scheme_and_credentials() {
        let split = Some(("Bearer", "abc"));
        assert_eq!(split_credentials("Bearer abc"), split);
        assert_eq!(split_credentials("  Bearer \t  abc "), split);
        assert_eq!(split_credentials("Bearer a b"), Some(("Bearer", "a b")));
        for missing in ["", " ", "Bearer", "Bearer  "] {
            assert_eq!(split_credentials(missing), None, "{missing:?}");
        }
    }

    proptest! {
        #[test]
        fn a_challenge_is_well_formed_whatever_it_says(realm in any::<String>(), value in any::<String>()) {
            let header = Challenge::new("Bearer", &Realm::new(&realm))
                .parameter("error", &value)
                .into_value();
            let (scheme, parameters) = parse_challenge(&header).expect("is well-formed");
            prop_assert_eq!(scheme, "Bearer");
            prop_assert_eq!(parameters.len(), 2);
        }

        #[test]
        fn printable_ascii_comes_back_as_it_was(realm in "[ -~]*") {
            let header = Challenge::new("Basic", &Realm::new(&realm)).into_value();
            let (_, parameters) = parse_challenge(&header).expect("is well-formed");
            prop_assert_eq!(parameters, [("realm".to_owned(), realm)]);
        }

        #[test]
        fn splitting_never_panics(value in any::<String>()) {
            let _ = split_credentials(&value);
        }
    }
}
