//! Every flow with the `oauth2` crate as the client.

use oauth2::basic::BasicClient;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, DeviceAuthorizationUrl,
    EndpointSet, HttpRequest, HttpResponse, IntrospectionUrl, PkceCodeChallenge, RedirectUrl,
    RequestTokenError, RevocationUrl, Scope, StandardDeviceAuthorizationResponse,
    StandardRevocableToken, TokenIntrospectionResponse, TokenResponse, TokenUrl,
};
use reqwest::StatusCode;
use serde_json::Value;

use crate::block_on;
use crate::server::{CLIENT, PUBLIC_CLIENT, SECRET, Server, USERNAME};
use crate::support::{TestDatabase, on_every_database};
use crate::user::{User, parameter};

on_every_database!(
    code_with_pkce_refresh_introspect_revoke,
    the_public_client_too,
    client_credentials,
    a_device,
);

pub type Client = BasicClient<EndpointSet, EndpointSet, EndpointSet, EndpointSet, EndpointSet>;

pub fn client(server: &Server, id: &str, secret: Option<&str>) -> Client {
    let at = |path| server.at(path);
    // The crate revokes over https only, as RFC 7009 wants; `send` takes the s out again.
    let revocation = at("/oauth/revoke").replacen("http:", "https:", 1);
    let client = BasicClient::new(ClientId::new(id.to_owned()));
    let client = match secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.to_owned())),
        None => client,
    };
    let redirect_uri = at("/demo/callback");
    client
        .set_auth_uri(AuthUrl::new(at("/oauth/authorize")).expect("a URL"))
        .set_token_uri(TokenUrl::new(at("/oauth/token")).expect("a URL"))
        .set_redirect_uri(RedirectUrl::new(redirect_uri).expect("a URL"))
        .set_revocation_url(RevocationUrl::new(revocation).expect("a URL"))
        .set_introspection_url(IntrospectionUrl::new(at("/oauth/introspect")).expect("a URL"))
        .set_device_authorization_url(
            DeviceAuthorizationUrl::new(at("/oauth/device_authorization")).expect("a URL"),
        )
}

/// The HTTP client that the `oauth2` crate is given.
pub async fn send(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let mut request = reqwest::Request::try_from(request)?;
    request.url_mut().set_scheme("http").expect("a scheme");
    let answer = reqwest::Client::new().execute(request).await?;
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = answer.bytes().await?.to_vec();
    Ok(response)
}

/// What the protected resource says to a token.
pub async fn me(server: &Server, access_token: &str) -> (StatusCode, Value) {
    let http = reqwest::Client::new();
    let request = http.get(server.at("/api/me")).bearer_auth(access_token);
    let answer = request.send().await.expect("an answer");
    (answer.status(), answer.json().await.expect("is JSON"))
}

fn profile() -> Scope {
    Scope::new("profile".to_owned())
}

fn code_with_pkce_refresh_introspect_revoke<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    let server = Server::on(&database);
    block_on(whole_life(&server, CLIENT, Some(SECRET)));
}

fn the_public_client_too<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    let server = Server::on(&database);
    block_on(whole_life(&server, PUBLIC_CLIENT, None));
}

async fn whole_life(server: &Server, id: &str, secret: Option<&str>) {
    let client = client(server, id, secret);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state) = client
        .authorize_url(CsrfToken::new_random)
        .add_scope(profile())
        .add_scope(Scope::new("admin".to_owned()))
        .set_pkce_challenge(challenge)
        .url();

    let user = User::new();
    let denied = user.authorize(url.as_str(), "deny").await;
    assert_eq!(parameter(&denied, "error"), Some("access_denied"));
    assert_eq!(parameter(&denied, "state"), Some(state.secret().as_str()));
    assert_eq!(parameter(&denied, "code"), None);

    let allowed = user.authorize(url.as_str(), "allow").await;
    assert_eq!(parameter(&allowed, "state"), Some(state.secret().as_str()));
    assert_eq!(parameter(&allowed, "iss"), Some(server.url.as_str()));
    let code = parameter(&allowed, "code").expect("a code").to_owned();
    let verifier_again = oauth2::PkceCodeVerifier::new(verifier.secret().clone());
    let first = client
        .exchange_code(AuthorizationCode::new(code.clone()))
        .set_pkce_verifier(verifier)
        .request_async(&send)
        .await
        .expect("tokens");
    // What the client may not have was left out.
    assert_eq!(first.scopes(), Some(&vec![profile()]));
    assert_eq!(first.expires_in().map(|it| it.as_secs()), Some(3600));
    let (status, answer) = me(server, first.access_token().secret()).await;
    assert_eq!(
        (status, &answer["username"]),
        (StatusCode::OK, &USERNAME.into())
    );
    assert_eq!(answer["client_id"], id);

    let refresh_token = first.refresh_token().expect("a refresh token");
    let second = client
        .exchange_refresh_token(refresh_token)
        .request_async(&send)
        .await
        .expect("tokens");
    assert_ne!(
        second.access_token().secret(),
        first.access_token().secret()
    );
    assert_eq!(
        me(server, second.access_token().secret()).await.0,
        StatusCode::OK
    );

    // The confidential client stands for the resource server, whoever's token it is.
    let resource_server = self::client(server, CLIENT, Some(SECRET));
    let introspect = async |token| {
        let request = resource_server.introspect(token);
        let answer = request.request_async(&send).await;
        answer.expect("an answer")
    };
    let told = introspect(second.access_token()).await;
    assert!(told.active());
    assert_eq!(told.username(), Some(USERNAME));
    assert_eq!(told.client_id().map(|it| it.as_str()), Some(id));

    let refresh_token = second.refresh_token().expect("a refresh token").clone();
    client
        .revoke_token(StandardRevocableToken::from(refresh_token.clone()))
        .expect("a request")
        .request_async(&send)
        .await
        .expect("is revoked");
    assert!(!introspect(second.access_token()).await.active());
    let (status, answer) = me(server, second.access_token().secret()).await;
    assert_eq!(
        (status, &answer["error"]),
        (StatusCode::UNAUTHORIZED, &"invalid_token".into())
    );
    // The whole family is gone.
    assert_eq!(
        me(server, first.access_token().secret()).await.0,
        StatusCode::UNAUTHORIZED
    );
    let refused = client
        .exchange_refresh_token(&refresh_token)
        .request_async(&send)
        .await;
    assert_eq!(error(refused), "invalid_grant");

    // A code is good once, and its second use takes its tokens away.
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, _) = client
        .authorize_url(CsrfToken::new_random)
        .set_pkce_challenge(challenge)
        .url();
    let allowed = user.authorize(url.as_str(), "allow").await;
    let code_of =
        || AuthorizationCode::new(parameter(&allowed, "code").expect("a code").to_owned());
    let secret = verifier.secret().clone();
    let redeem = |verifier: String| {
        client
            .exchange_code(code_of())
            .set_pkce_verifier(oauth2::PkceCodeVerifier::new(verifier))
            .request_async(&send)
    };
    assert_eq!(
        error(redeem(verifier_again.secret().clone()).await),
        "invalid_grant"
    );
    let tokens = redeem(secret.clone())
        .await
        .expect("a wrong verifier spends nothing");
    assert_eq!(
        me(server, tokens.access_token().secret()).await.0,
        StatusCode::OK
    );
    assert_eq!(error(redeem(secret).await), "invalid_grant");
    assert_eq!(
        me(server, tokens.access_token().secret()).await.0,
        StatusCode::UNAUTHORIZED
    );
}

/// The error code of a token request that was refused.
pub fn error<T: std::fmt::Debug, E>(
    result: Result<T, RequestTokenError<E, oauth2::basic::BasicErrorResponse>>,
) -> String
where
    E: std::error::Error + 'static,
{
    match result {
        Err(RequestTokenError::ServerResponse(answer)) => answer.error().to_string(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("was granted"),
    }
}

fn client_credentials<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    let server = Server::on(&database);
    block_on(async {
        let client = client(&server, CLIENT, Some(SECRET));
        let tokens = client
            .exchange_client_credentials()
            .add_scope(profile())
            .request_async(&send)
            .await
            .expect("a token");
        assert!(tokens.refresh_token().is_none());
        let (status, answer) = me(&server, tokens.access_token().secret()).await;
        assert_eq!(
            (status, &answer["client_id"]),
            (StatusCode::OK, &CLIENT.into())
        );
        assert_eq!(answer.get("sub"), None);

        // Without the scope of the resource.
        let tokens = client
            .exchange_client_credentials()
            .add_scope(Scope::new("email".to_owned()))
            .request_async(&send)
            .await
            .expect("a token");
        let (status, answer) = me(&server, tokens.access_token().secret()).await;
        assert_eq!(
            (status, &answer["error"]),
            (StatusCode::FORBIDDEN, &"insufficient_scope".into())
        );

        let wrong = self::client(&server, CLIENT, Some("wrong"));
        let refused = wrong
            .exchange_client_credentials()
            .request_async(&send)
            .await;
        assert_eq!(error(refused), "invalid_client");
        let public = self::client(&server, PUBLIC_CLIENT, None);
        let refused = public
            .exchange_client_credentials()
            .request_async(&send)
            .await;
        assert_eq!(error(refused), "unauthorized_client");
    });
}

fn a_device<D: TestDatabase>() {
    let Some(database) = D::create() else { return };
    let server = Server::on(&database);
    block_on(async {
        let client = client(&server, PUBLIC_CLIENT, None);
        let start = async || -> StandardDeviceAuthorizationResponse {
            let request = client.exchange_device_code().add_scope(profile());
            request.request_async(&send).await.expect("codes")
        };
        let page = |details: &StandardDeviceAuthorizationResponse| {
            let complete = details.verification_uri_complete().expect("with the code");
            complete.secret().clone()
        };

        // The device asks, is told to wait, and the user agrees meanwhile.
        let details = start().await;
        let wait = |interval: std::time::Duration| {
            let page = page(&details);
            async move {
                let answer = User::new().decide(&page, "allow").await;
                assert_eq!(answer.status(), StatusCode::OK);
                tokio::time::sleep(interval).await;
            }
        };
        let tokens = client
            .exchange_device_access_token(&details)
            .request_async(&send, wait, None)
            .await
            .expect("tokens");
        let (status, answer) = me(&server, tokens.access_token().secret()).await;
        assert_eq!(
            (status, &answer["username"]),
            (StatusCode::OK, &USERNAME.into())
        );
        let refresh_token = tokens.refresh_token().expect("a refresh token");
        client
            .exchange_refresh_token(refresh_token)
            .request_async(&send)
            .await
            .expect("tokens");

        // The user says no, having typed the code in as people do.
        let details = start().await;
        let typed = details
            .user_code()
            .secret()
            .replace('-', " ")
            .to_lowercase();
        let page = format!(
            "{}?user_code={}",
            server.at("/device"),
            typed.replace(' ', "+")
        );
        let answer = User::new().decide(&page, "deny").await;
        assert_eq!(answer.status(), StatusCode::OK);
        let refused = client
            .exchange_device_access_token(&details)
            .request_async(&send, tokio::time::sleep, None)
            .await;
        let Err(RequestTokenError::ServerResponse(refused)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(refused.error().to_string(), "access_denied");
    });
}
