//! The user and the clients of the demonstration, and the lines that show each flow.

use std::error::Error;

use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel_oauth2::clock::{Clock, SystemClock};
use diesel_oauth2::endpoint::EndpointRequest;
use diesel_oauth2::secret::{hash_client_secret, verify_client_secret};
use diesel_oauth2::{ClientMetadata, OAuth2Client};
use sha2::{Digest, Sha256};

use crate::app::SCOPES;
use crate::database::{Database, NewClient};
use crate::pages::{self, page};
use crate::settings::DemoSettings;

/// Where a browser is led unless `DEMO_REDIRECT_URI` says otherwise.
pub(crate) const CALLBACK: &str = "/demo/callback";

/// What can be printed, because it is known in plain.
pub(crate) struct Made {
    client_secret: Option<String>,
    password: Option<String>,
    redirect_uri: String,
}

/// Makes the user and the clients, or brings them in line with the environment.
///
/// A secret at random is stored hashed and told once: at a later start it is unknown, unless the environment names it.
pub(crate) fn set_up<D: Database>(
    conn: &mut D::Connection,
    settings: &DemoSettings,
    issuer: &str,
) -> Result<Made, Box<dyn Error>> {
    let redirect_uri = match &settings.redirect_uri {
        Some(uri) => uri.clone(),
        None => format!("{issuer}{CALLBACK}"),
    };
    let client_secret = register::<D>(conn, settings, &redirect_uri, true)?;
    register::<D>(conn, settings, &redirect_uri, false)?;

    let secret = &settings.password;
    let password = match D::find_user_by_name(conn, &settings.username)? {
        None => {
            D::insert_user(
                conn,
                &settings.username,
                &hash_client_secret(&secret.value)?,
            )?;
            Some(secret.value.clone())
        }
        Some(user) if secret.is_given => {
            if !verify_client_secret(&user.password, &secret.value) {
                D::set_password(conn, user.id, &hash_client_secret(&secret.value)?)?;
            }
            Some(secret.value.clone())
        }
        Some(_) => None,
    };
    Ok(Made {
        client_secret,
        password,
        redirect_uri,
    })
}

/// Gives the client's secret where it is known in plain.
fn register<D: Database>(
    conn: &mut D::Connection,
    settings: &DemoSettings,
    redirect_uri: &str,
    is_confidential: bool,
) -> Result<Option<String>, Box<dyn Error>> {
    let (client_id, name, method) = match is_confidential {
        true => (&settings.client_id, "The demo", "client_secret_basic"),
        false => (&settings.public_client_id, "The public demo", "none"),
    };
    let mut grant_types = vec![
        "authorization_code".to_owned(),
        "refresh_token".to_owned(),
        "urn:ietf:params:oauth:grant-type:device_code".to_owned(),
    ];
    if is_confidential {
        grant_types.push("client_credentials".to_owned());
    }
    let client_metadata = ClientMetadata {
        client_name: Some(name.to_owned()),
        redirect_uris: vec![redirect_uri.to_owned()],
        grant_types,
        response_types: vec!["code".to_owned()],
        scope: Some(SCOPES.join(" ")),
        token_endpoint_auth_method: Some(method.to_owned()),
        ..Default::default()
    };
    let stored = diesel_oauth2::lookup::load_client::<D::Client, _>(conn, client_id)?;
    let secret = &settings.client_secret;
    let is_known = is_confidential && (stored.is_none() || secret.is_given);
    let is_current = (stored.as_ref())
        .is_some_and(|client| client.check_client_secret(&secret.value, SystemClock.now()));
    let hashed = match is_known && !is_current {
        true => Some(hash_client_secret(&secret.value)?),
        false => None,
    };
    let client = NewClient {
        client_id,
        client_secret: hashed.as_deref(),
        client_id_issued_at: (stored.as_ref())
            .and_then(|client| client.client_id_issued_at())
            .unwrap_or_else(|| SystemClock.now()),
        client_metadata,
    };
    match stored {
        None => D::insert_client(conn, &client)?,
        Some(_) => D::update_client(conn, &client)?,
    }
    Ok(is_known.then(|| secret.value.clone()))
}

/// Prints the credentials and a line for each flow.
pub(crate) fn print(issuer: &str, settings: &DemoSettings, made: &Made) {
    let secret = made
        .client_secret
        .as_deref()
        .unwrap_or("$DEMO_CLIENT_SECRET");
    let password = made.password.as_deref().unwrap_or("$DEMO_PASSWORD");
    let told = |value: &Option<String>| match value {
        Some(value) => value.clone(),
        None => "as printed at the first start".to_owned(),
    };
    let (client, public) = (&settings.client_id, &settings.public_client_id);
    println!("listening on {issuer}; Ctrl-C stops");
    println!(
        "confidential client: {client}, secret: {}",
        told(&made.client_secret)
    );
    println!("public client: {public}");
    println!("redirect URI: {}", made.redirect_uri);
    println!(
        "user: {}, password: {}",
        settings.username,
        told(&made.password)
    );
    if made.client_secret.is_none() || made.password.is_none() {
        println!(
            "(to set new ones, start with DEMO_CLIENT_SECRET and DEMO_PASSWORD; below they stand as such)"
        );
    }

    let credentials = quoted(&format!("{client}:{secret}"));
    let token = format!("{issuer}/oauth/token");
    // One verifier will do for a line to copy; a real client makes a new one each time.
    let verifier = "a-verifier-to-copy-a-real-client-makes-a-new-one-each-time";
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let authorize = |client: &str| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", client)
            .append_pair("redirect_uri", &made.redirect_uri)
            .append_pair("scope", "profile")
            .append_pair("state", "af0ifjsldkj")
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        format!("{issuer}/oauth/authorize?{}", query.finish())
    };
    let decide = format!(
        "--data-urlencode {} --data-urlencode {} -d decision=allow",
        quoted(&format!("username={}", settings.username)),
        quoted(&format!("password={password}")),
    );
    let redirect_uri = quoted(&format!("redirect_uri={}", made.redirect_uri));
    let public_id = quoted(&format!("client_id={public}"));
    let csrf = "sed -n 's/.*name=\"csrf_token\" value=\"\\([^\"]*\\)\".*/\\1/p'";
    let member = |name: &str| format!("sed 's/.*\"{name}\":\"\\([^\"]*\\)\".*/\\1/'");
    let code_for_tokens = format!(
        "JAR=$(mktemp); URL={url}; CSRF=$(curl -s -c $JAR \"$URL\" | {csrf}); \
         CODE=$(curl -s -b $JAR -o /dev/null -w '%{{redirect_url}}' -d csrf_token=$CSRF {decide} \"$URL\" \
         | sed 's/.*[?&]code=\\([^&]*\\).*/\\1/'); \
         TOKENS=$(curl -s -d grant_type=authorization_code -d code=$CODE -d {public_id} \
         --data-urlencode {redirect_uri} -d code_verifier={verifier} {token}); echo \"$TOKENS\"",
        url = quoted(&authorize(public)),
    );
    let lines = [
        (
            "authorization code with PKCE, in a browser",
            authorize(public),
        ),
        ("authorization code with PKCE, by curl", code_for_tokens),
        (
            "the protected resource, after the line above",
            format!(
                "curl -s -H \"Authorization: Bearer $(echo \"$TOKENS\" | {})\" {issuer}/api/me",
                member("access_token")
            ),
        ),
        (
            "refresh, after the line before",
            format!(
                "TOKENS=$(curl -s -d grant_type=refresh_token -d {public_id} \
                 -d refresh_token=$(echo \"$TOKENS\" | {}) {token}); echo \"$TOKENS\"",
                member("refresh_token")
            ),
        ),
        (
            "introspect, after that",
            format!(
                "curl -s -u {credentials} -d token=$(echo \"$TOKENS\" | {}) {issuer}/oauth/introspect",
                member("access_token")
            ),
        ),
        (
            "revoke, after that",
            format!(
                "curl -s -w '%{{http_code}}\\n' -d {public_id} -d token=$(echo \"$TOKENS\" | {}) {issuer}/oauth/revoke",
                member("refresh_token")
            ),
        ),
        (
            "client credentials",
            format!(
                "curl -s -u {credentials} -d grant_type=client_credentials -d scope=profile {token}"
            ),
        ),
        (
            "device: start, then open the URL that it prints",
            format!(
                "DEVICE=$(curl -s -d {public_id} -d scope=profile {issuer}/oauth/device_authorization); \
                 echo \"$DEVICE\" | {}",
                member("verification_uri_complete")
            ),
        ),
        (
            "device: or agree by curl",
            format!(
                "JAR=$(mktemp); URL=$(echo \"$DEVICE\" | {}); CSRF=$(curl -s -c $JAR \"$URL\" | {csrf}); \
                 curl -s -b $JAR -o /dev/null -w '%{{http_code}}\\n' -d csrf_token=$CSRF {decide} \"$URL\"",
                member("verification_uri_complete")
            ),
        ),
        (
            "device: the tokens, once the user has agreed",
            format!(
                "curl -s -d grant_type=urn:ietf:params:oauth:grant-type:device_code -d {public_id} \
                 -d device_code=$(echo \"$DEVICE\" | {}) {token}",
                member("device_code")
            ),
        ),
    ];
    for (what, line) in lines {
        println!("\n# {what}\n{line}");
    }
    println!();
}

/// For the shell: in double quotes where a variable stands for what is not known.
fn quoted(text: &str) -> String {
    match text.contains("$DEMO_") {
        true => format!("\"{text}\""),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// A client of the demonstration: shows the code that it was given, so that the flow can be followed in a browser.
pub(crate) async fn callback(RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let query = EndpointRequest::new(None, query.as_bytes());
    let parameter = |name| query.parameter(name).ok().flatten();
    let html = match (parameter("code"), parameter("error")) {
        (Some(code), _) => format!(
            "<h1>The client has got a code</h1><p>It would now exchange it for tokens:</p><pre>{}</pre>",
            pages::escape(code)
        ),
        (None, Some(error)) => pages::message("The client was refused", error),
        (None, None) => pages::message("Nothing to see", "This is where the client gets its code."),
    };
    page(StatusCode::OK, &html, None, None)
}
