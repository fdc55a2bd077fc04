use std::sync::Arc;

use axum::response::Response;
use diesel_oauth2::clock::SystemClock;
use diesel_oauth2::endpoint::{
    ClientAuthenticator, EndpointResponse, IntrospectionEndpoint, RevocationEndpoint,
};
use diesel_oauth2::lifecycle::{
    CodeStore, DeviceStore, RefreshStore, create_authorization_code_store,
    create_device_code_store, create_refresh_token_store,
};
use diesel_oauth2::observer::on_token_revoked;
use diesel_oauth2::pool::{ConnectionPool, Intent};
use diesel_oauth2::secret::{hash_client_secret, verify_client_secret};
use diesel_oauth2::{
    BearerTokenGenerator, BearerTokenValidator, Error, Failure, OAuth2Client, OAuth2Token,
    TokenRequest, TokenResponse, create_bearer_token_validator, create_client_authenticator,
    create_introspection_endpoint, create_query_client_func, create_revocation_endpoint,
    create_save_token_func,
};
use diesel_oauth2_axum::into_response;
use serde_json::Map;

use crate::database::{Connections, Database, User};
use crate::settings::Settings;
use crate::throttle::{Throttle, TooMany};

/// The scopes that there are.
pub(crate) const SCOPES: [&str; 2] = ["profile", "email"];

type QueryClient<D> =
    Box<dyn Fn(&str) -> Result<Option<<D as Database>::Client>, Error> + Send + Sync>;
type SaveToken =
    Box<dyn Fn(&TokenResponse, &TokenRequest<'_, i64>) -> Result<(), Error> + Send + Sync>;

/// Everything that the handlers share: the factories of `diesel_oauth2`, each called once.
pub(crate) struct App<D: Database> {
    /// Where the server is, without a slash at the end: also the issuer of RFC 8414.
    pub(crate) issuer: String,
    pub(crate) query_client: QueryClient<D>,
    pub(crate) save_token: SaveToken,
    pub(crate) authenticator: ClientAuthenticator<D::Client, Connections<D>>,
    pub(crate) generator: BearerTokenGenerator,
    pub(crate) codes: CodeStore<D::Code, D::Token, Connections<D>>,
    pub(crate) devices: DeviceStore<D::DeviceCode, D::Token, Connections<D>>,
    pub(crate) refresh: RefreshStore<D::Token, Connections<D>>,
    pub(crate) revocation: RevocationEndpoint<D::Token, Connections<D>>,
    pub(crate) introspection: IntrospectionEndpoint<D::Token, Connections<D>>,
    pub(crate) validator: BearerTokenValidator<D::Token, Connections<D>>,
    pub(crate) users: Users<D>,
    /// Of user codes that do not exist (RFC 8628 section 5.1), whoever tries them.
    pub(crate) unknown_codes: Throttle,
    pub(crate) has_grace: bool,
}

impl<D: Database> App<D> {
    pub(crate) fn new(
        pool: Connections<D>,
        settings: &Settings,
        issuer: String,
    ) -> Result<Self, Error> {
        let users = Users::<D>::new(pool.clone())?;
        Ok(Self {
            query_client: Box::new(create_query_client_func::<D::Client, _>(pool.clone())),
            // Client credentials come of no grant; every other token is saved by `refresh.issue` or `refresh.rotate`.
            save_token: Box::new(create_save_token_func::<D::Token, _>(pool.clone())),
            authenticator: create_client_authenticator::<D::Client, _>(pool.clone()),
            generator: BearerTokenGenerator::new()
                .with_refresh_tokens()
                .expires_in_with({
                    let ttl = settings.access_token_ttl;
                    move |_, _| ttl
                }),
            codes: create_authorization_code_store::<D::Code, D::Token, _>(pool.clone()),
            devices: create_device_code_store::<D::DeviceCode, D::Token, _>(pool.clone()),
            refresh: create_refresh_token_store::<D::Token, _>(pool.clone())
                .grace(settings.refresh_grace),
            revocation: create_revocation_endpoint::<D::Token, _>(pool.clone()).observer(
                on_token_revoked(|_: &D::Token, client: &dyn OAuth2Client| {
                    eprintln!("{} has revoked a token", client.client_id());
                }),
            ),
            introspection: create_introspection_endpoint::<D::Token, _>(pool.clone())
                .permission({
                    // The confidential client stands for the resource servers, which may ask about every token.
                    let resource_server = settings.demo.client_id.clone();
                    move |token, client| {
                        client.client_id() == resource_server || token.check_client(client)
                    }
                })
                .claims({
                    let (users, issuer) = (users.clone(), issuer.clone());
                    move |token| {
                        let mut claims = Map::new();
                        claims.insert("iss".into(), issuer.as_str().into());
                        if let Ok(Some(user)) = users.of_token(token) {
                            claims.insert("username".into(), user.username.into());
                        }
                        claims
                    }
                }),
            validator: create_bearer_token_validator::<D::Token, _>(pool),
            users,
            unknown_codes: Throttle::new(30, 60, SystemClock),
            has_grace: settings.refresh_grace > 0,
            issuer,
        })
    }
}

/// The users, who are the application's own business.
pub(crate) struct Users<D: Database> {
    pool: Connections<D>,
    /// Verified in place of an unknown user's, so that both take the same time.
    nobodys_password: Arc<str>,
    logins: Arc<Throttle>,
}

/// What came of a login.
pub(crate) enum Login {
    Right(User),
    Wrong,
    TooMany(TooMany),
}

impl<D: Database> Users<D> {
    fn new(pool: Connections<D>) -> Result<Self, Error> {
        Ok(Self {
            pool,
            nobodys_password: hash_client_secret("nobody's").map(Into::into)?,
            logins: Arc::new(Throttle::new(5, 60, SystemClock)),
        })
    }

    /// The user with this name and password.
    pub(crate) fn log_in(&self, username: &str, password: &str) -> Result<Login, Error> {
        // What fails is counted, so that many who log in at once are not taken for one who guesses. Of many guesses at once
        // a few more than the limit can get through: those that are under way.
        if let Err(too_many) = self.logins.check(username) {
            return Ok(Login::TooMany(too_many));
        }
        let user = self.pool.run(Intent::Read, |conn| {
            D::find_user_by_name(conn, username).map_err(Error::from)
        })?;
        let stored = user.as_ref().map(|user| user.password.as_str());
        let is_right = verify_client_secret(stored.unwrap_or(&self.nobodys_password), password);
        // A collation may find other names, too.
        Ok(
            match user.filter(|user| is_right && user.username == username) {
                Some(user) => {
                    self.logins.forget(username);
                    Login::Right(user)
                }
                None => match self.logins.count(username) {
                    Ok(()) => Login::Wrong,
                    Err(too_many) => Login::TooMany(too_many),
                },
            },
        )
    }

    pub(crate) fn of_token(&self, token: &D::Token) -> Result<Option<User>, Error> {
        let Some(&id) = token.user_id() else {
            return Ok(None);
        };
        self.pool.run(Intent::Read, |conn| {
            D::find_user(conn, id).map_err(Error::from)
        })
    }
}

impl<D: Database> Clone for Users<D> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            nobodys_password: Arc::clone(&self.nobodys_password),
            logins: Arc::clone(&self.logins),
        }
    }
}

/// The answer of a JSON endpoint; storage trouble is noted.
pub(crate) fn answer<R: std::error::Error>(result: Result<EndpointResponse, Failure<R>>) -> Response
where
    EndpointResponse: for<'r> From<&'r R>,
{
    match result {
        Ok(response) => into_response(response),
        Err(failure) => {
            if let Failure::Storage(error) = &failure {
                note(error);
            }
            into_response(failure)
        }
    }
}

/// Tells whoever runs the server. An [`Error`] never quotes a token or a secret.
pub(crate) fn note(error: &Error) {
    eprintln!("storage: {error}");
}
