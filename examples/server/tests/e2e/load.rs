//! 64 clients at the same time: no 5xx, no token lost or given out twice, memory flat.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use oauth2::{AuthorizationCode, CsrfToken, PkceCodeChallenge, TokenResponse};
use reqwest::StatusCode;
use serde_json::Value;

use crate::flows::{client, send};
use crate::server::{CLIENT, PASSWORD, PUBLIC_CLIENT, SECRET, Server, database_url};
use crate::support::{TestDatabase, on_every_database};
use crate::user::{User, parameter};
use crate::{block_on, how_long};

on_every_database!(sixty_four_clients_at_the_same_time);

const CLIENTS: usize = 64;
/// One in so many uses client credentials, whose secret is slow to verify on purpose.
const CONFIDENTIAL_EVERY: usize = 16;

fn sixty_four_clients_at_the_same_time<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    // The allocator gives back at once what is free: so what is measured is in use, and not the blocks of 19 MiB that
    // hashing leaves behind for a moment.
    let server = Server::start(
        &database_url::<D>(&database.url()),
        &[
            ("DEMO_CLIENT_SECRET", SECRET),
            ("DEMO_PASSWORD", PASSWORD),
            ("MIMALLOC_PURGE_DELAY", "0"),
        ],
    );
    let seen = Arc::new(Mutex::new(Seen::default()));
    let duration = how_long(5, 30);
    let ((warm, warm_tokens), (end, end_tokens)) = block_on(async {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(60))
            .build();
        let http = http.expect("a client");
        let mut families = Vec::new();
        for _ in 0..CLIENTS {
            families.push(first_tokens(&server, &seen).await);
        }
        // Once every path is warm, the memory may not grow with the number of requests.
        let so_far = || seen.lock().expect("no panic").tokens.len();
        let families = all_at_once(&http, &server.url, families, duration / 3, &seen).await;
        let warm = (server.resident_kilobytes(), so_far());
        let families = all_at_once(&http, &server.url, families, duration * 2 / 3, &seen).await;
        let end = (server.resident_kilobytes(), so_far());
        // No family was lost on the way.
        for refresh_token in families {
            refresh(&http, &server.url, &refresh_token, &seen).await;
        }
        (warm, end)
    });
    let tokens = seen.lock().expect("no panic").tokens.len();
    let stored = D::number(&mut database.connect(), "SELECT COUNT(*) FROM oauth2_token");
    assert_eq!(
        usize::try_from(stored).ok(),
        Some(tokens),
        "as many rows as answers"
    );
    eprintln!(
        "{}: {tokens} tokens by {CLIENTS} clients in {duration:?}; resident {warm} kB after {warm_tokens}, \
         {end} kB after {end_tokens}",
        D::NAME
    );
    assert!(end_tokens > warm_tokens);
    assert!(
        end < warm + warm / 4 + 16 * 1024,
        "{warm} kB has grown to {end} kB"
    );
}

/// Every client refreshes as fast as it can. Gives the last refresh tokens.
async fn all_at_once(
    http: &reqwest::Client,
    url: &str,
    families: Vec<String>,
    duration: Duration,
    seen: &Arc<Mutex<Seen>>,
) -> Vec<String> {
    let begun = Instant::now();
    let tasks = families
        .into_iter()
        .enumerate()
        .map(|(number, mut refresh_token)| {
            let (http, url, seen) = (http.clone(), url.to_owned(), Arc::clone(seen));
            tokio::spawn(async move {
                while begun.elapsed() < duration {
                    refresh_token = refresh(&http, &url, &refresh_token, &seen).await;
                    if number % CONFIDENTIAL_EVERY == 0 {
                        client_credentials(&http, &url, &seen).await;
                    }
                }
                refresh_token
            })
        });
    let mut last = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        last.push(task.await.expect("no request failed"));
    }
    last
}

/// Every access and refresh token that was given out.
#[derive(Default)]
struct Seen {
    tokens: HashSet<String>,
    refresh_tokens: HashSet<String>,
}

impl Seen {
    fn note(&mut self, access_token: &str, refresh_token: Option<&str>) {
        assert!(
            self.tokens.insert(access_token.to_owned()),
            "given out twice"
        );
        if let Some(token) = refresh_token {
            assert!(
                self.refresh_tokens.insert(token.to_owned()),
                "given out twice"
            );
        }
    }
}

/// A family of its own for a client, by the form. Gives the refresh token.
async fn first_tokens(server: &Server, seen: &Mutex<Seen>) -> String {
    let client = client(server, PUBLIC_CLIENT, None);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, _) = client
        .authorize_url(CsrfToken::new_random)
        .set_pkce_challenge(challenge)
        .url();
    let told = User::new().authorize(url.as_str(), "allow").await;
    let code = parameter(&told, "code").expect("a code").to_owned();
    let tokens = client
        .exchange_code(AuthorizationCode::new(code))
        .set_pkce_verifier(verifier)
        .request_async(&send)
        .await
        .expect("tokens");
    let refresh_token = tokens
        .refresh_token()
        .expect("a refresh token")
        .secret()
        .clone();
    let mut seen = seen.lock().expect("no panic");
    seen.note(tokens.access_token().secret(), Some(&refresh_token));
    refresh_token
}

/// Refreshes, and uses the new access token.
async fn refresh(http: &reqwest::Client, url: &str, token: &str, seen: &Mutex<Seen>) -> String {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", PUBLIC_CLIENT),
        ("refresh_token", token),
    ];
    let request = http.post(format!("{url}/oauth/token")).form(&form);
    let tokens = granted(request).await;
    let access_token = tokens["access_token"].as_str().expect("a token");
    let refresh_token = tokens["refresh_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    seen.lock()
        .expect("no panic")
        .note(access_token, Some(&refresh_token));
    use_token(http, url, access_token).await;
    refresh_token
}

async fn client_credentials(http: &reqwest::Client, url: &str, seen: &Mutex<Seen>) {
    let request = http
        .post(format!("{url}/oauth/token"))
        .basic_auth(CLIENT, Some(SECRET))
        .form(&[("grant_type", "client_credentials")]);
    let tokens = granted(request).await;
    let access_token = tokens["access_token"].as_str().expect("a token");
    seen.lock().expect("no panic").note(access_token, None);
    use_token(http, url, access_token).await;
}

async fn granted(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.expect("is JSON")
}

async fn use_token(http: &reqwest::Client, url: &str, access_token: &str) {
    let request = http.get(format!("{url}/api/me")).bearer_auth(access_token);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}
