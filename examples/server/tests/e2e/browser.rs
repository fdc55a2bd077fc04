//! The consent page in headless Chromium, driven through chromedriver.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use fantoccini::{ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use oauth2::{AuthorizationCode, CsrfToken, PkceCodeChallenge, TokenResponse};
use serde_json::json;

use crate::flows::{client, me, send};
use crate::server::{PASSWORD, PUBLIC_CLIENT, Server, USERNAME};
use crate::support::{TestDatabase, on_every_database};
use crate::{block_on, skip};

on_every_database!(a_person_allows_and_denies_in_chromium);

struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    /// On a free port of its own choice.
    fn start() -> Option<Self> {
        let started = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut process) = started else {
            skip("chromedriver is not there");
            return None;
        };
        let mut lines = BufReader::new(process.stdout.take().expect("is piped")).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("started successfully on port ")?;
            rest.trim_end_matches('.').parse().ok()
        });
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self {
            process,
            port: port.expect("it says on which port it listens"),
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn a_person_allows_and_denies_in_chromium<D: TestDatabase>() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let Some(database) = D::create() else { return };
    let server = Server::on(&database);
    let profile = tempfile::tempdir().expect("a temporary folder");
    block_on(async {
        let profile = format!("--user-data-dir={}", profile.path().display());
        let options = json!({"args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--window-size=800,700", profile,
        ]});
        let mut capabilities = serde_json::Map::new();
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        let browser = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .expect("Chromium starts");

        let client = client(&server, PUBLIC_CLIENT, None);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state) = client
            .authorize_url(CsrfToken::new_random)
            .add_scope(oauth2::Scope::new("profile".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        browser.goto(url.as_str()).await.expect("the page");
        if let Some(folder) = std::env::var_os("DIESEL_OAUTH2_TEST_SCREENSHOTS") {
            let png = browser.screenshot().await.expect("a picture");
            let file = std::path::Path::new(&folder).join(format!("consent-{}.png", D::NAME));
            std::fs::write(file, png).expect("is written");
        }
        let heading = browser.find(Locator::Css("h1")).await.expect("a heading");
        assert_eq!(
            heading.text().await.expect("text"),
            "The public demo asks for access"
        );

        // A click may return before the next page is there: what follows one is waited for.
        // First a wrong password: the page comes again and says so.
        let fill = async |password: &str, decision: &str| {
            for (name, text) in [("username", USERNAME), ("password", password)] {
                let field = format!("input[name={name}]");
                let field = browser.find(Locator::Css(&field)).await.expect("a field");
                field.send_keys(text).await.expect("is typed");
            }
            let button = format!("button[value={decision}]");
            let button = browser.find(Locator::Css(&button)).await.expect("a button");
            button.click().await.expect("is clicked");
        };
        fill("wrong", "allow").await;
        let problem = browser
            .wait()
            .for_element(Locator::Css("[role=alert]"))
            .await
            .expect("is told");
        assert_eq!(
            problem.text().await.expect("text"),
            "Username or password is wrong."
        );

        fill(PASSWORD, "allow").await;
        let shown = browser
            .wait()
            .for_element(Locator::Css("pre"))
            .await
            .expect("the client's page");
        let code = shown.text().await.expect("text");
        let reached = browser.current_url().await.expect("a URL");
        assert!(
            reached.as_str().starts_with(&server.at("/demo/callback?")),
            "{reached}"
        );
        let returned = reached.query_pairs().find(|(name, _)| name == "state");
        assert_eq!(
            returned.map(|it| it.1.into_owned()).as_ref(),
            Some(state.secret())
        );
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(verifier)
            .request_async(&send)
            .await
            .expect("tokens");
        let (_, answer) = me(&server, tokens.access_token().secret()).await;
        assert_eq!(answer["username"], USERNAME);

        // And no.
        browser.goto(url.as_str()).await.expect("the page");
        let deny = browser
            .find(Locator::Css("button[value=deny]"))
            .await
            .expect("a button");
        deny.click().await.expect("is clicked");
        browser
            .wait()
            .for_element(Locator::XPath("//h1[text()='The client was refused']"))
            .await
            .expect("the client's page");
        browser.close().await.expect("it closes");
    });
}
