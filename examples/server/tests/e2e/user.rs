//! The user, in place of a browser: keeps cookies, fills the form in and follows nothing.

use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};

use crate::server::{PASSWORD, USERNAME};

pub struct User {
    pub http: Client,
}

impl User {
    pub fn new() -> Self {
        let http = Client::builder()
            .cookie_store(true)
            .redirect(Policy::none())
            .build();
        Self {
            http: http.expect("a client"),
        }
    }

    /// Opens the page, posts what a browser would, and gives the answer.
    pub async fn decide(&self, page: &str, decision: &str) -> Response {
        let shown = self.http.get(page).send().await.expect("an answer");
        assert_eq!(shown.status(), StatusCode::OK);
        let html = shown.text().await.expect("a page");
        let mut fields = vec![
            ("username", USERNAME.to_owned()),
            ("password", PASSWORD.to_owned()),
            ("decision", decision.to_owned()),
        ];
        for name in ["csrf_token", "user_code"] {
            if let Some(value) = hidden_field(&html, name) {
                fields.push((name, value));
            }
        }
        self.post(page, &fields).await
    }

    pub async fn post(&self, page: &str, fields: &[(&str, String)]) -> Response {
        let request = self.http.post(page).form(fields);
        request.send().await.expect("an answer")
    }

    /// Opens an authorization URL, decides, and gives the parameters of where the client is sent.
    pub async fn authorize(&self, url: &str, decision: &str) -> Vec<(String, String)> {
        let answer = self.decide(url, decision).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        parameters(&answer)
    }
}

/// The parameters of the URL that an answer redirects to.
pub fn parameters(answer: &Response) -> Vec<(String, String)> {
    let location = answer.headers()["location"].to_str().expect("is text");
    let url = reqwest::Url::parse(location).expect("a URL");
    url.query_pairs().into_owned().collect()
}

pub fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = parameters.iter().find(|(it, _)| it == name);
    found.map(|(_, value)| value.as_str())
}

fn hidden_field(html: &str, name: &str) -> Option<String> {
    let (_, rest) = html.split_once(&format!("type=\"hidden\" name=\"{name}\" value=\""))?;
    Some(rest.split('"').next()?.to_owned())
}
