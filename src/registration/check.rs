//! What RFC 7591 section 2 wants of a client's metadata, as far as it can be told without asking anybody.

use super::RegistrationRefusal;
use crate::types::{GrantType, is_vschar};
use crate::{ClientMetadata, scope};

/// Schemes that run what stands in the URI.
const RUNNABLE: [&str; 3] = ["javascript", "data", "vbscript"];

/// Fills in the defaults, and refuses what contradicts itself.
pub(super) fn complete(
    mut metadata: ClientMetadata,
) -> Result<ClientMetadata, RegistrationRefusal> {
    if metadata.grant_types.is_empty() {
        metadata.grant_types = vec![GrantType::AuthorizationCode.as_str().to_owned()];
    }
    let has = |grant_type: GrantType| {
        let name = grant_type.as_str();
        metadata.grant_types.iter().any(|it| it == name)
    };
    let (by_code, implicit) = (has(GrantType::AuthorizationCode), has(GrantType::Implicit));
    if metadata.response_types.is_empty() && by_code {
        metadata.response_types = vec!["code".to_owned()];
    }

    let invalid = |reason| Err(RegistrationRefusal::InvalidClientMetadata { reason });
    let words = || {
        (metadata.response_types.iter()).flat_map(|response_type| response_type.split_whitespace())
    };
    if words().any(|word| word == "code") && !by_code {
        return invalid("response type 'code' needs the grant type 'authorization_code'");
    }
    if words().any(|word| word == "token") && !implicit {
        return invalid("response type 'token' needs the grant type 'implicit'");
    }
    if !scope::is_printable(metadata.scope.as_deref().unwrap_or_default()) {
        return invalid("scopes are printable ASCII characters");
    }
    if (by_code || implicit) && metadata.redirect_uris.is_empty() {
        return Err(RegistrationRefusal::InvalidRedirectUri {
            reason: "the grant types need a redirect URI",
        });
    }
    for uri in &metadata.redirect_uris {
        check_redirect_uri(uri)
            .map_err(|reason| RegistrationRefusal::InvalidRedirectUri { reason })?;
    }
    Ok(metadata)
}

/// RFC 6749 section 3.1.2.
fn check_redirect_uri(uri: &str) -> Result<(), &'static str> {
    if !is_vschar(uri) || uri.contains(' ') {
        return Err("a redirect URI has printable ASCII characters and no spaces");
    }
    if uri.contains('#') {
        return Err("a redirect URI has no fragment");
    }
    let (scheme, rest) = uri.split_once(':').unwrap_or_default();
    let is_scheme_character = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    if !scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        || !scheme.bytes().all(is_scheme_character)
        || rest.is_empty()
    {
        return Err("a redirect URI is absolute");
    }
    if RUNNABLE.iter().any(|it| scheme.eq_ignore_ascii_case(it)) {
        return Err("a redirect URI does not run code");
    }
    let is_web = ["http", "https"]
        .iter()
        .any(|it| scheme.eq_ignore_ascii_case(it));
    let host = rest.strip_prefix("//").unwrap_or_default();
    if is_web && host.split(['/', '?']).next().is_none_or(str::is_empty) {
        return Err("a redirect URI of the web names a host");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(grant_types: &[&str], response_types: &[&str], uris: &[&str]) -> ClientMetadata {
        let owned = |list: &[&str]| list.iter().map(|&it| it.to_owned()).collect();
        ClientMetadata {
            grant_types: owned(grant_types),
            response_types: owned(response_types),
            redirect_uris: owned(uris),
            ..ClientMetadata::default()
        }
    }

    #[test]
    fn the_defaults_are_the_rfc_s() {
        let completed = complete(metadata(&[], &[], &["https://a.example/cb"])).expect("is valid");
        assert_eq!(completed.grant_types, ["authorization_code"]);
        assert_eq!(completed.response_types, ["code"]);
        let completed = complete(metadata(&["client_credentials"], &[], &[])).expect("is valid");
        assert!(completed.response_types.is_empty());
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let is_metadata = |it: ClientMetadata| {
            matches!(
                complete(it),
                Err(RegistrationRefusal::InvalidClientMetadata { .. })
            )
        };
        let uri = &["https://a.example/cb"];
        assert!(is_metadata(metadata(
            &["client_credentials"],
            &["code"],
            &[]
        )));
        assert!(is_metadata(metadata(
            &["authorization_code"],
            &["code token"],
            uri
        )));
        assert!(is_metadata(ClientMetadata {
            scope: Some("caf\u{e9}".into()),
            ..metadata(&[], &[], uri)
        }));
    }

    #[test]
    fn redirect_uris_are_absolute_and_harmless() {
        let check = |uri| complete(metadata(&[], &[], &[uri])).is_ok();
        for uri in [
            "https://a.example/cb?x=1",
            "http://127.0.0.1:8080/cb",
            "com.example.app:/cb",
            "http://[::1]/",
        ] {
            assert!(check(uri), "{uri}");
        }
        for uri in [
            "",
            "/cb",
            "a.example/cb",
            "https:",
            "https://",
            "https:///cb",
            "https://a.example/cb#x",
            "https://a.example/c b",
            "https://a.example/\u{e9}",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "1http://a.example",
        ] {
            assert!(!check(uri), "{uri}");
        }
        assert!(complete(metadata(&[], &[], &[])).is_err());
    }
}
