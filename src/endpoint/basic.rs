//! The credentials of HTTP Basic (RFC 7617), as RFC 6749 section 2.3.1 encodes them.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A client id and a secret, as they stood in the header.
pub(crate) struct Basic {
    id: String,
    secret: String,
}

impl Basic {
    /// What stands in the header after `Basic`. `None` for what is not base64 of UTF-8 with a colon, and where the id
    /// or the secret is empty.
    pub(super) fn parse(credentials: &str) -> Option<Self> {
        let text = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
        let (id, secret) = text.split_once(':')?;
        (!id.is_empty() && !secret.is_empty()).then(|| Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
        })
    }

    /// What the client may have meant: by RFC 6749 both are form-encoded, where `+` is a space; clients that do not
    /// encode (authlib's and `curl -u` among them) mean `+` itself, and authlib's server takes it so.
    pub(super) fn readings(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let has_plus = self.id.contains('+') || self.secret.contains('+');
        let unencoded = has_plus.then(|| self.decode(percent_decode)).flatten();
        self.decode(form_decode).into_iter().chain(unencoded)
    }

    fn decode(
        &self,
        decode: fn(&str) -> Option<Cow<'_, str>>,
    ) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
        Some((decode(&self.id)?, decode(&self.secret)?))
    }
}

fn form_decode(text: &str) -> Option<Cow<'_, str>> {
    if text.contains('+') {
        let text = text.replace('+', " ");
        Some(Cow::Owned(percent_decode(&text)?.into_owned()))
    } else {
        percent_decode(text)
    }
}

/// Undoes `%41`; what is no escape stays as it is. `None` where the result is not UTF-8.
fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn readings(text: &[u8]) -> Vec<(String, String)> {
        Basic::parse(&STANDARD.encode(text))
            .iter()
            .flat_map(Basic::readings)
            .map(|(id, secret)| (id.into_owned(), secret.into_owned()))
            .collect()
    }

    fn pair(id: &str, secret: &str) -> (String, String) {
        (id.to_owned(), secret.to_owned())
    }

    #[test]
    fn the_example_of_rfc_6749_is_read() {
        let basic = Basic::parse("czZCaGRSa3F0MzpnWDFmQmF0M2JW").expect("is well-formed");
        let expected = ("s6BhdRkqt3".into(), "gX1fBat3bV".into());
        assert_eq!(basic.readings().collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn id_and_secret_are_decoded_each_for_itself() {
        assert_eq!(readings(b"a%3Ab:c%3a%25:d"), [pair("a:b", "c:%:d")]);
        assert_eq!(readings(b"a:100%"), [pair("a", "100%")]);
        assert_eq!(readings(b"a:b+c"), [pair("a", "b c"), pair("a", "b+c")]);
        assert_eq!(readings(b"a:b%2Bc"), [pair("a", "b+c")]);
        assert_eq!(readings(b"a:%ff"), []);
    }

    #[test]
    fn what_is_malformed_is_none() {
        for text in [
            "",
            "!",
            "czZ",
            "czZCaGRSa3F0Mw==",
            "OnNlY3JldA==",
            "aWQ6",
            "/zph",
        ] {
            assert!(Basic::parse(text).is_none(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            if let Some(basic) = Basic::parse(&text) {
                basic.readings().for_each(drop);
            }
            readings(&bytes);
        }

        #[test]
        fn what_a_client_encodes_by_the_rfc_comes_back(id in ".+", secret in ".+") {
            let encode = |text: &str| {
                form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()
            };
            let header = format!("{}:{}", encode(&id), encode(&secret));
            prop_assert_eq!(&readings(header.as_bytes())[0], &(id, secret));
        }
    }
}
