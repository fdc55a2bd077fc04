use std::collections::BTreeMap;

use diesel_oauth2::OAuth2AuthorizationCode;
use oxide_auth::code_grant::extensions::Pkce;
use oxide_auth::primitives::grant::{Extensions, Value};
use serde::{Deserialize, Serialize};

use crate::Error;

/// The JSON of [`extensions_to_json`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    public: BTreeMap<String, Option<String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    private: BTreeMap<String, Option<String>>,
}

/// A grant's extensions as JSON, to be kept in a column of the model's own; `None` where there are none.
///
/// The same extensions give the same text: `{"public":{"id":"value"},"private":{"other":null}}`.
///
/// ```
/// use diesel_oauth2_oxide_auth::{extensions_from_json, extensions_to_json};
/// use oxide_auth::primitives::grant::{Extensions, Value};
///
/// let mut extensions = Extensions::new();
/// assert_eq!(extensions_to_json(&extensions), None);
/// extensions.set_raw("nonce".into(), Value::public(Some("n-0S6".into())));
/// let json = extensions_to_json(&extensions);
/// assert_eq!(json.as_deref(), Some(r#"{"public":{"nonce":"n-0S6"}}"#));
/// assert_eq!(extensions_from_json(json.as_deref())?, extensions);
/// # Ok::<(), diesel_oauth2_oxide_auth::Error>(())
/// ```
pub fn extensions_to_json(extensions: &Extensions) -> Option<String> {
    let owned = |(name, value): (&str, Option<&str>)| (name.to_owned(), value.map(str::to_owned));
    let json = Json {
        public: extensions.public().map(owned).collect(),
        private: extensions.private().map(owned).collect(),
    };
    if json.public.is_empty() && json.private.is_empty() {
        return None;
    }
    // Maps of texts always have a JSON form.
    serde_json::to_string(&json).ok()
}

/// The extensions that [`extensions_to_json`] wrote.
///
/// # Errors
/// [`Error::Unreadable`] for anything else.
pub fn extensions_from_json(json: Option<&str>) -> Result<Extensions, Error> {
    let mut extensions = Extensions::new();
    let Some(json) = json else {
        return Ok(extensions);
    };
    let what = "JSON of the extensions";
    let json: Json = serde_json::from_str(json).map_err(|_| Error::Unreadable { what })?;
    for (name, value) in json.public {
        extensions.set_raw(name, Value::public(value));
    }
    for (name, value) in json.private {
        extensions.set_raw(name, Value::private(value));
    }
    Ok(extensions)
}

/// How oxide-auth marks the end of a challenge, and the method's name in RFC 7636.
const METHODS: [(char, &str); 2] = [('S', "S256"), ('p', "plain")];

/// A code challenge and its method, in RFC 7636's terms.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) code_challenge: String,
    pub(crate) method: &'static str,
}

/// Takes the challenge that oxide-auth's `Pkce` left out of the extensions.
pub(crate) fn take_challenge(extensions: &mut Extensions) -> Option<Challenge> {
    let value = extensions.remove(&Pkce::optional())?;
    let challenge = value.private_value().ok().flatten().and_then(|encoded| {
        METHODS.iter().find_map(|(mark, method)| {
            Some(Challenge {
                code_challenge: encoded.strip_suffix(*mark)?.to_owned(),
                method,
            })
        })
    });
    if challenge.is_none() {
        // Somebody else's of the same name.
        extensions.set(&Pkce::optional(), value);
    }
    challenge
}

/// Gives the extensions the code's challenge, in the form in which oxide-auth's `Pkce` verifies it.
pub(crate) fn put_challenge<C: OAuth2AuthorizationCode>(
    extensions: &mut Extensions,
    code: &C,
) -> Result<(), Error> {
    let Some(challenge) = code.code_challenge().filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    let method = code.code_challenge_method();
    // A challenge without a method is a plain one (RFC 7636 section 4.3).
    let method = method.as_deref().filter(|name| !name.is_empty());
    let method = method.unwrap_or("plain");
    let Some((mark, _)) = METHODS.iter().find(|(_, name)| *name == method) else {
        return Err(Error::Unreadable {
            what: "code_challenge_method",
        });
    };
    let encoded = format!("{challenge}{mark}");
    extensions.set(&Pkce::optional(), Value::private(Some(encoded)));
    Ok(())
}

/// The name of one of the extensions, if there are any.
pub(crate) fn any_identifier(extensions: &Extensions) -> Option<&str> {
    let mut all = extensions.public().chain(extensions.private());
    all.next().map(|(identifier, _)| identifier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxide_auth::primitives::grant::GrantExtension;

    #[test]
    fn what_is_not_ours_is_unreadable() {
        for text in [
            "",
            "[1]",
            "null",
            "{\"other\":{}}",
            "{\"public\":{\"a\":1}}",
        ] {
            assert!(extensions_from_json(Some(text)).is_err(), "{text:?}");
        }
        assert_eq!(extensions_from_json(Some("{}")), Ok(Extensions::new()));
    }

    #[test]
    fn presence_alone_and_both_kinds_survive() {
        let mut extensions = Extensions::new();
        extensions.set_raw("a".into(), Value::public(None));
        extensions.set_raw("b".into(), Value::private(None));
        extensions.set_raw("c".into(), Value::private(Some("\"{}\u{e9}".into())));
        let json = extensions_to_json(&extensions);
        assert_eq!(extensions_from_json(json.as_deref()), Ok(extensions));
    }

    #[test]
    fn a_challenge_of_the_addon_is_taken_and_any_other_of_its_name_is_left() {
        for (method, name) in [("S256", "S256"), ("plain", "plain")] {
            let mut pkce = Pkce::optional();
            pkce.allow_plain();
            let value = pkce.challenge(Some(method.into()), Some("Sp".into()));
            let mut extensions = Extensions::new();
            extensions.set(&pkce, value.expect("is accepted").expect("is there"));
            extensions.set_raw("other".into(), Value::public(None));
            let challenge = take_challenge(&mut extensions).expect("is there");
            assert_eq!(challenge.code_challenge, "Sp");
            assert_eq!(challenge.method, name);
            assert_eq!(any_identifier(&extensions), Some("other"));
        }
        for other in [
            Value::public(Some("xS".into())),
            Value::private(None),
            Value::private(Some("x".into())),
        ] {
            let name = Pkce::optional().identifier();
            let mut extensions = Extensions::new();
            extensions.set_raw(name.into(), other);
            assert_eq!(take_challenge(&mut extensions), None);
            assert_eq!(any_identifier(&extensions), Some(name));
        }
    }
}
