//! What the server refuses, and how: without a client library in between.

use reqwest::StatusCode;
use serde_json::Value;

use crate::block_on;
use crate::server::{CLIENT, PASSWORD, PUBLIC_CLIENT, SECRET, Server, USERNAME};
use crate::support::{TestDatabase, on_every_database};
use crate::user::{User, parameter, parameters};

on_every_database!(
    authorization_requests,
    forms_that_are_not_ours,
    json_endpoints,
    guessing_is_slowed_down,
);

/// The challenge of RFC 7636 appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn query(server: &Server, changes: &[(&str, Option<&str>)]) -> String {
    let redirect_uri = server.at("/demo/callback");
    let mut parameters = vec![
        ("response_type", "code"),
        ("client_id", PUBLIC_CLIENT),
        ("redirect_uri", redirect_uri.as_str()),
        ("scope", "profile"),
        ("state", "a b&c"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        parameters.retain(|(it, _)| it != name);
        parameters.extend(value.map(|value| (*name, value)));
    }
    let url = reqwest::Url::parse_with_params(&server.at("/oauth/authorize"), parameters);
    url.expect("a URL").into()
}

fn authorization_requests<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    let server = Server::on(&database);
    let other = server.at("/demo/callback/");
    block_on(async {
        let user = User::new();
        // Where the redirect URI is not to be trusted, the user is told, and nobody is redirected.
        for changes in [
            &[("client_id", None)] as &[_],
            &[("client_id", Some("unknown"))],
            &[("client_id", Some("DEMO-PUBLIC"))],
            &[("redirect_uri", Some("https://evil.example/"))],
            &[("redirect_uri", Some(other.as_str()))],
        ] {
            let answer = user
                .http
                .get(query(&server, changes))
                .send()
                .await
                .expect("an answer");
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{changes:?}");
            assert_eq!(answer.headers().get("location"), None);
        }
        let twice = format!(
            "{}&redirect_uri=https%3A%2F%2Fevil.example",
            query(&server, &[])
        );
        let answer = user.http.get(twice).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);

        for (changes, error) in [
            (&[("response_type", None)] as &[_], "invalid_request"),
            (
                &[("response_type", Some("token"))],
                "unsupported_response_type",
            ),
            (&[("scope", Some("admin"))], "invalid_scope"),
            (
                &[("code_challenge", None), ("code_challenge_method", None)],
                "invalid_request",
            ),
            (&[("code_challenge", Some("short"))], "invalid_request"),
            (
                &[("code_challenge_method", Some("plain"))],
                "invalid_request",
            ),
            (&[("code_challenge_method", None)], "invalid_request"),
        ] {
            let answer = user
                .http
                .get(query(&server, changes))
                .send()
                .await
                .expect("an answer");
            assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{changes:?}");
            let told = parameters(&answer);
            assert_eq!(parameter(&told, "error"), Some(error), "{changes:?}");
            assert_eq!(parameter(&told, "state"), Some("a b&c"));
            assert_eq!(parameter(&told, "iss"), Some(server.url.as_str()));
            // A form posted to such a URL grants nothing either.
            let fields = [("decision", "allow".to_owned())];
            let answer = user.post(&query(&server, changes), &fields).await;
            assert_eq!(parameter(&parameters(&answer), "error"), Some(error));
        }
        // One registered redirect URI need not be repeated; a confidential client may do without PKCE.
        let url = query(
            &server,
            &[
                ("client_id", Some(CLIENT)),
                ("redirect_uri", None),
                ("code_challenge", None),
                ("code_challenge_method", None),
            ],
        );
        let told = user.authorize(&url, "allow").await;
        assert!(parameter(&told, "code").is_some());
    });
}

fn forms_that_are_not_ours<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    let server = Server::on(&database);
    block_on(async {
        let url = query(&server, &[]);
        let fields = |password: &str, decision: &str, csrf: Option<&str>| {
            let mut fields = vec![
                ("username", USERNAME.to_owned()),
                ("password", password.to_owned()),
                ("decision", decision.to_owned()),
            ];
            fields.extend(csrf.map(|token| ("csrf_token", token.to_owned())));
            fields
        };
        // Without the cookie.
        let answer = User::new()
            .post(&url, &fields(PASSWORD, "allow", None))
            .await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);

        let user = User::new();
        let page = user.http.get(&url).send().await.expect("an answer");
        let header = |name: &str| page.headers()[name].to_str().expect("is text").to_owned();
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("x-frame-options"), "DENY");
        let policy = header("content-security-policy");
        for directive in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "form-action 'self' http://127.0.0.1",
        ] {
            assert!(policy.contains(directive), "{policy}");
        }
        let cookie = header("set-cookie");
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
            "{cookie}"
        );

        let wrong_token = fields(PASSWORD, "allow", Some("0123456789012345678901"));
        for (fields, origin) in [
            (wrong_token, None),
            (
                fields(PASSWORD, "allow", None),
                Some("https://evil.example"),
            ),
            (fields(PASSWORD, "deny", None), Some("null")),
            (fields("wrong", "allow", None), None),
            (fields("", "allow", None), None),
            (fields(PASSWORD, "maybe", None), None),
        ] {
            let mut request = user.http.post(&url).form(&fields);
            if let Some(origin) = origin {
                request = request.header("Origin", origin);
            }
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::FORBIDDEN);
            let html = answer.text().await.expect("a page");
            assert!(html.contains("role=\"alert\"") && !html.contains(PASSWORD));
        }
        // The cookie, and the three fields that are seen.
        let answer = user.post(&url, &fields(PASSWORD, "allow", None)).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let answer = user.http.post(&url).form(&fields(PASSWORD, "allow", None));
        let answer = answer
            .header("Origin", &server.url)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);

        // The device's page: the same, and unknown codes.
        let page = server.at("/device?user_code=BBBB-BBBB");
        assert_eq!(
            user.http
                .get(&page)
                .send()
                .await
                .expect("an answer")
                .status(),
            StatusCode::NOT_FOUND
        );
        let answer = user.post(&page, &fields(PASSWORD, "allow", None)).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        let answer = user
            .post(&server.at("/device"), &fields(PASSWORD, "allow", None))
            .await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    });
}

fn json_endpoints<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    let server = Server::on(&database);
    block_on(async {
        let http = reqwest::Client::new();
        let post = async |path: &str, secret: Option<&str>, body: &'static str| {
            let mut request = http
                .post(server.at(path))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(body);
            if let Some(secret) = secret {
                // As `curl -u` and authlib send it.
                request = request.basic_auth(CLIENT, Some(secret));
            }
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            assert_eq!(answer.headers()["content-type"], "application/json");
            assert_eq!(answer.headers()["cache-control"], "no-store");
            assert_eq!(
                answer.headers().contains_key("www-authenticate"),
                status == 401
            );
            let body: Value = answer.json().await.expect("is JSON");
            (
                status,
                body["error"].as_str().unwrap_or_default().to_owned(),
            )
        };
        let own = Some(SECRET);
        for (path, secret, body, status, error) in [
            ("/oauth/token", None, "", 401, "invalid_client"),
            (
                "/oauth/token",
                Some("wrong"),
                "grant_type=client_credentials",
                401,
                "invalid_client",
            ),
            ("/oauth/token", own, "", 400, "invalid_request"),
            (
                "/oauth/token",
                own,
                "grant_type=a&grant_type=b",
                400,
                "invalid_request",
            ),
            (
                "/oauth/token",
                own,
                "grant_type=password",
                400,
                "unsupported_grant_type",
            ),
            (
                "/oauth/token",
                own,
                "grant_type=authorization_code",
                400,
                "invalid_request",
            ),
            (
                "/oauth/token",
                own,
                "grant_type=authorization_code&code=x",
                400,
                "invalid_grant",
            ),
            (
                "/oauth/token",
                own,
                "grant_type=refresh_token&refresh_token=x",
                400,
                "invalid_grant",
            ),
            (
                "/oauth/token",
                own,
                "grant_type=client_credentials&scope=admin",
                400,
                "invalid_scope",
            ),
            (
                "/oauth/token",
                own,
                "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=x",
                400,
                "invalid_grant",
            ),
            ("/oauth/revoke", None, "token=x", 401, "invalid_client"),
            ("/oauth/revoke", own, "", 400, "invalid_request"),
            (
                "/oauth/introspect",
                None,
                "token=x&client_id=demo-public",
                401,
                "invalid_client",
            ),
            (
                "/oauth/device_authorization",
                None,
                "client_id=unknown",
                401,
                "invalid_client",
            ),
            ("/nowhere", None, "", 404, "invalid_request"),
            ("/api/me", None, "", 405, "invalid_request"),
        ] {
            let answer = post(path, secret, body).await;
            assert_eq!(answer, (status, error.to_owned()), "{path} {body}");
        }

        let answer = http
            .get(server.at("/api/me"))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            answer.headers()["www-authenticate"],
            "Bearer realm=\"oauth2\""
        );
        let long = "a".repeat(100_000);
        let answer = http.post(server.at("/oauth/token")).form(&[("a", long)]);
        let answer = answer.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);

        let path = server.at("/.well-known/oauth-authorization-server");
        let answer = http.get(path).send().await.expect("an answer");
        let metadata: Value = answer.json().await.expect("is JSON");
        assert_eq!(metadata["issuer"], server.url);
        assert_eq!(metadata["token_endpoint"], server.at("/oauth/token"));
        assert_eq!(
            metadata["code_challenge_methods_supported"],
            serde_json::json!(["S256"])
        );
    });
}

fn guessing_is_slowed_down<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    let server = Server::on(&database);
    block_on(async {
        let user = User::new();
        let login = query(&server, &[]);
        user.http.get(&login).send().await.expect("an answer");
        let try_as = async |page: &str, username: &str, password: &str| {
            let fields = [
                ("username", username.to_owned()),
                ("password", password.to_owned()),
                ("decision", "allow".to_owned()),
            ];
            let answer = user.post(page, &fields).await;
            let wait = answer.headers().get("retry-after");
            let wait = wait.map(|it| it.to_str().expect("is text").to_owned());
            (answer.status(), wait)
        };
        let is_too_many = |(status, wait): (StatusCode, Option<String>)| {
            let seconds: i64 = wait.and_then(|it| it.parse().ok()).unwrap_or_default();
            status == StatusCode::TOO_MANY_REQUESTS && (1..=60).contains(&seconds)
        };
        // A user who logs in now and then is none who guesses.
        for _ in 0..10 {
            let (status, _) = try_as(&login, USERNAME, PASSWORD).await;
            assert_eq!(status, StatusCode::SEE_OTHER);
        }
        for _ in 0..5 {
            let (status, wait) = try_as(&login, USERNAME, "wrong").await;
            assert_eq!((status, wait), (StatusCode::FORBIDDEN, None));
        }
        // The right one is not told from a wrong one now; on the device's page neither.
        assert!(is_too_many(try_as(&login, USERNAME, PASSWORD).await));
        let device = server.at("/device?user_code=BBBB-BBBB");
        assert!(is_too_many(try_as(&device, USERNAME, PASSWORD).await));
        let (status, _) = try_as(&login, "another", "wrong").await;
        assert_eq!(status, StatusCode::FORBIDDEN);

        // Codes are not to be tried out either, whoever does.
        let mut statuses = Vec::new();
        for _ in 0..31 {
            let answer = User::new().http.get(&device).send().await;
            statuses.push(answer.expect("an answer").status());
        }
        let (last, others) = statuses.split_last().expect("31");
        assert!(others.iter().all(|it| *it == StatusCode::NOT_FOUND));
        assert_eq!(*last, StatusCode::TOO_MANY_REQUESTS);
    });
}
