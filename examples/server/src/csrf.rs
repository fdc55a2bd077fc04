//! Nobody else's page posts our forms.
//!
//! * The page sets a cookie with a random value (`SameSite=Lax`, `HttpOnly`), and a POST without it is refused: another
//!   site's form does not carry it.
//! * A browser says where a form was posted from (`Origin`, or `Sec-Fetch-Site`). From anywhere but here it is refused:
//!   that also covers another site under the same domain, and a cookie that such a site has planted.
//! * The form repeats the cookie's value in the hidden field `csrf_token`. Where the field is sent it must be right. A
//!   program that keeps cookies and posts the three visible fields alone may leave it out: it is no browser that somebody
//!   could mislead, or else it would have said where the form came from.

use axum::http::HeaderMap;
use axum::http::header::{COOKIE, HOST, ORIGIN};
use diesel_oauth2::Error;
use diesel_oauth2::bearer::{MIN_TOKEN_LENGTH, generate_token};

const COOKIE_NAME: &str = "csrf_token";
pub(crate) const FIELD: &str = "csrf_token";

/// The value for the form's hidden field: the one that the browser has already, so that forms in two tabs both work.
pub(crate) fn token(headers: &HeaderMap) -> Result<String, Error> {
    match cookie(headers) {
        Some(value) => Ok(value.to_owned()),
        None => generate_token(43),
    }
}

/// The value of `Set-Cookie` that goes with the form.
pub(crate) fn set_cookie(token: &str, issuer: &str) -> String {
    let secure = if issuer.starts_with("https:") {
        "; Secure"
    } else {
        ""
    };
    format!("{COOKIE_NAME}={token}; Path=/; HttpOnly; SameSite=Lax{secure}")
}

/// Whether the form was posted from our own page.
pub(crate) fn is_own_form(headers: &HeaderMap, field: Option<&str>) -> bool {
    let Some(cookie) = cookie(headers) else {
        return false;
    };
    came_from_here(headers) && field.is_none_or(|field| field == cookie)
}

fn came_from_here(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|it| it.to_str().unwrap_or_default());
    if let Some(origin) = text(ORIGIN.as_str()) {
        let host = text(HOST.as_str()).unwrap_or_default();
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        return authority.is_some_and(|it| !it.is_empty() && it.eq_ignore_ascii_case(host));
    }
    text("Sec-Fetch-Site").is_none_or(|site| site == "same-origin")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(COOKIE).into_iter();
    let mut cookies = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, value)| value);
    let value = cookies.next()?;
    let is_ours =
        value.len() >= MIN_TOKEN_LENGTH && value.bytes().all(|it| it.is_ascii_alphanumeric());
    is_ours.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789012345678901";

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(*name, value.parse().expect("a value"));
        }
        headers
    }

    #[test]
    fn a_form_needs_the_cookie_and_comes_from_our_own_page() {
        let cookie = format!("a=b; csrf_token={TOKEN}");
        let ask = |extra: &[(&'static str, &str)], field| {
            let mut list = vec![("cookie", cookie.as_str()), ("host", "localhost:3000")];
            list.extend_from_slice(extra);
            is_own_form(&headers(&list), field)
        };
        let own = ("origin", "http://localhost:3000");
        assert!(ask(&[own], Some(TOKEN)));
        assert!(ask(&[], Some(TOKEN)));
        assert!(ask(&[], None));
        assert!(ask(&[("sec-fetch-site", "same-origin")], None));
        assert!(!ask(&[own], Some("0123456789012345678902")));
        assert!(!ask(&[own], Some("")));
        for origin in [
            "null",
            "http://evil.example",
            "http://evil.localhost:3000",
            "http://",
        ] {
            assert!(!ask(&[("origin", origin)], Some(TOKEN)), "{origin}");
        }
        for site in ["cross-site", "same-site", "none", ""] {
            assert!(!ask(&[("sec-fetch-site", site)], Some(TOKEN)), "{site}");
        }
        assert!(!is_own_form(&headers(&[]), None));
        assert!(!is_own_form(&headers(&[]), Some(TOKEN)));
        assert!(!is_own_form(
            &headers(&[("cookie", "csrf_token=short")]),
            Some("short")
        ));
    }

    #[test]
    fn the_cookie_is_kept_between_pages() {
        let first = token(&HeaderMap::new()).expect("a token");
        let cookie = set_cookie(&first, "https://auth.example");
        assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure"));
        let sent = format!("csrf_token={first}");
        assert_eq!(token(&headers(&[("cookie", &sent)])), Ok(first));
    }
}
