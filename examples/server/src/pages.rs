//! The pages that people see: plain HTML without scripts.

use std::fmt::Write;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use url::Url;

const STYLE: &str = "\
body { font: 1rem/1.5 system-ui, sans-serif; background: #eef1f5; color: #1c2733; margin: 0; }
main { max-width: 24rem; margin: 4rem auto; padding: 2rem; background: #fff; border-radius: .75rem;
  box-shadow: 0 1px 6px #0003; }
h1 { font-size: 1.3rem; margin-top: 0; }
label { display: block; margin: .75rem 0; }
input { display: block; box-sizing: border-box; width: 100%; padding: .5rem; font: inherit;
  border: 1px solid #8793a3; border-radius: .4rem; }
button { font: inherit; padding: .5rem 1.25rem; margin: .75rem .5rem 0 0; border: 1px solid #1f5fbf;
  border-radius: .4rem; background: #fff; color: #1f5fbf; }
button.main { background: #1f5fbf; color: #fff; }
.problem { color: #a11; }
pre { white-space: pre-wrap; word-break: break-all; background: #eef1f5; padding: .75rem; }
";

/// The pages' style, as a file of its own, so that the policy below need not allow styles in the pages.
pub(crate) async fn style() -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, "max-age=3600"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, STYLE)
}

/// What the user is asked.
pub(crate) struct Consent<'a> {
    pub(crate) client_name: &'a str,
    pub(crate) scope: &'a str,
    pub(crate) csrf_token: &'a str,
    pub(crate) user_code: Option<&'a str>,
    /// Why the form comes again.
    pub(crate) problem: Option<&'a str>,
}

/// The form that logs the user in and asks, in one.
pub(crate) fn consent(consent: &Consent<'_>) -> String {
    let mut scopes = String::new();
    for scope in consent.scope.split_whitespace() {
        let _ = write!(scopes, "<li>{}</li>", escape(scope));
    }
    if scopes.is_empty() {
        scopes.push_str("<li>nothing but that you are you</li>");
    }
    let problem = (consent.problem)
        .map(|text| format!("<p class=\"problem\" role=\"alert\">{}</p>", escape(text)))
        .unwrap_or_default();
    let user_code = (consent.user_code)
        .map(|code| {
            let code = escape(code);
            format!(
                "<p>Go on only if your device shows the code <strong>{code}</strong>.</p>\
                 <input type=\"hidden\" name=\"user_code\" value=\"{code}\">"
            )
        })
        .unwrap_or_default();
    format!(
        "<h1>{client} asks for access</h1>{problem}<p>It wants to see:</p><ul>{scopes}</ul>\
         <form method=\"post\">{user_code}\
         <input type=\"hidden\" name=\"{field}\" value=\"{token}\">\
         <label>Username <input name=\"username\" autocomplete=\"username\" autofocus></label>\
         <label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\"></label>\
         <button class=\"main\" name=\"decision\" value=\"allow\">Allow</button>\
         <button name=\"decision\" value=\"deny\">Deny</button></form>",
        client = escape(consent.client_name),
        field = crate::csrf::FIELD,
        token = escape(consent.csrf_token),
    )
}

/// A heading and a text.
pub(crate) fn message(heading: &str, text: &str) -> String {
    format!("<h1>{}</h1><p>{}</p>", escape(heading), escape(text))
}

/// A whole page, with the headers that keep others from showing, framing or storing it.
///
/// `goes_to` is where its form may end up: Chromium applies `form-action` to the redirect that follows, too.
pub(crate) fn page(
    status: StatusCode,
    body: &str,
    goes_to: Option<&str>,
    set_cookie: Option<String>,
) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>diesel_oauth2 example</title>\
         <link rel=\"stylesheet\" href=\"/style.css\"></head><body><main>{body}</main></body></html>"
    );
    let target = goes_to.and_then(form_target).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self'{target}; frame-ancestors 'none'; base-uri 'none'"
    );
    let mut response = (status, html).into_response();
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(CONTENT_TYPE, "text/html; charset=utf-8".to_owned());
    set(CACHE_CONTROL, "no-store".to_owned());
    set(CONTENT_SECURITY_POLICY, policy);
    set(X_FRAME_OPTIONS, "DENY".to_owned());
    set(X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned());
    // `no-referrer` would make browsers post the form with `Origin: null`.
    set(REFERRER_POLICY, "same-origin".to_owned());
    if let Some(cookie) = set_cookie {
        set(SET_COOKIE, cookie);
    }
    response
}

/// A redirect URI as a source of the policy: its origin, or its scheme where it has none.
fn form_target(redirect_uri: &str) -> Option<String> {
    let url = Url::parse(redirect_uri).ok()?;
    Some(match url.origin() {
        origin @ url::Origin::Tuple(..) => format!(" {}", origin.ascii_serialization()),
        url::Origin::Opaque(_) => format!(" {}:", url.scheme()),
    })
}

pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_escaped() {
        let html = consent(&Consent {
            client_name: "<b>\"'&",
            scope: "<i>",
            csrf_token: "\"",
            user_code: Some("<u>"),
            problem: Some("<s>"),
        });
        for tag in ["<b>", "<i>", "<u>", "<s>", "value=\"\"\""] {
            assert!(!html.contains(tag), "{tag}");
        }
        assert!(html.contains("&lt;b&gt;&quot;&#39;&amp;"));
    }

    #[test]
    fn the_policy_names_where_the_form_leads() {
        let target = |uri| form_target(uri).unwrap_or_default();
        assert_eq!(
            target("https://app.example:8443/a;b?c"),
            " https://app.example:8443"
        );
        assert_eq!(target("com.example.app:/callback"), " com.example.app:");
        assert_eq!(target("no uri"), "");
    }
}
