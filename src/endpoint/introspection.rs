use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::Error;
use crate::clock::{Clock, SystemClock};
use crate::column::Identifier;
use crate::endpoint::token_parameters::token_parameters;
use crate::endpoint::{
    AuthenticatedClient, ClientAuthenticator, EndpointRequest, EndpointResponse, Failure,
    OAuth2Error,
};
use crate::lifecycle::idle_until;
use crate::lookup::{Found, find_current_token};
use crate::model::{GrantLife, OAuth2Client, OAuth2Token};
use crate::pool::{ConnectionPool, Intent};
use crate::table::{ClientTable, TokenTable};
use crate::types::{AuthMethod, Endpoint, TokenTypeHint};

/// Creates the introspection endpoint (RFC 7662).
///
/// Mirrors authlib's `IntrospectionEndpoint`. A client may introspect its own tokens only, unless
/// [`permission`](IntrospectionEndpoint::permission) says otherwise, and a public client none, because whoever knows its
/// name could try tokens out (RFC 7662 section 4).
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::endpoint::{EndpointRequest, create_client_authenticator, create_introspection_endpoint};
/// use diesel_oauth2::models::{Client, Token};
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # use diesel_oauth2::schema::oauth2_client::dsl::*;
/// # diesel::insert_into(oauth2_client)
/// #     .values((client_id.eq("s6BhdRkqt3"), client_secret.eq("gX1fBat3bV")))
/// #     .execute(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// let endpoint = create_introspection_endpoint::<Token, _>(pool.clone())
///     .permission(|token, client| client.client_id() == "resource-server");
/// let authenticator = create_client_authenticator::<Client, _>(pool);
///
/// let request = EndpointRequest::new(Some("Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"), b"token=mF_9.B5f-4.1JqM");
/// let response = endpoint.create_endpoint_response(&request, &authenticator)?;
/// assert_eq!((response.status, response.body.as_str()), (200, r#"{"active":false}"#));
/// # }
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
pub fn create_introspection_endpoint<M, P>(pool: P) -> IntrospectionEndpoint<M, P>
where
    P: ConnectionPool,
    M: TokenTable<P::Connection>,
{
    IntrospectionEndpoint::on(pool)
}

type Permission<M> = Arc<dyn Fn(&M, &dyn OAuth2Client) -> bool + Send + Sync>;
type Claims<M> = Arc<dyn Fn(&M) -> Map<String, Value> + Send + Sync>;

/// The introspection endpoint: made by [`create_introspection_endpoint`].
#[must_use]
pub struct IntrospectionEndpoint<M, P> {
    pub(crate) pool: P,
    clock: Arc<dyn Clock>,
    permission: Permission<M>,
    claims: Option<Claims<M>>,
    idle_lifetime: Option<i64>,
    model: PhantomData<fn() -> M>,
}

impl<M: OAuth2Token, P> IntrospectionEndpoint<M, P> {
    pub(crate) fn on(pool: P) -> Self {
        Self {
            pool,
            clock: Arc::new(SystemClock),
            permission: Arc::new(|token, client| token.check_client(client)),
            claims: None,
            idle_lifetime: None,
            model: PhantomData,
        }
    }

    /// The clock that decides what has expired.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Which tokens a client may introspect: authlib's `check_permission`. What it may not is answered as inactive.
    pub fn permission(
        mut self,
        permission: impl Fn(&M, &dyn OAuth2Client) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.permission = Arc::new(permission);
        self
    }

    /// Members to add for an active token, such as `username`, `iss` and `aud`. They overwrite those of the same name,
    /// except `active`.
    pub fn claims(
        mut self,
        claims: impl Fn(&M) -> Map<String, Value> + Send + Sync + 'static,
    ) -> Self {
        self.claims = Some(Arc::new(claims));
        self
    }

    /// For how many seconds a refresh token may lie unused: give it what
    /// [`RefreshStore::idle_lifetime`](crate::lifecycle::RefreshStore::idle_lifetime) is given, so that both agree.
    /// Unlimited unless set.
    ///
    /// How long a family lives stands in its grant, and needs no setting here.
    pub fn idle_lifetime(mut self, seconds: i64) -> Self {
        self.idle_lifetime = Some(seconds);
        self
    }

    /// The token that was found, if this client is to be told of it, as far as its own row tells.
    pub(crate) fn disclosed(
        &self,
        found: Option<Found<M>>,
        client: &dyn OAuth2Client,
    ) -> Option<Found<M>> {
        found.filter(|found| (self.permission)(&found.token, client) && self.is_active(found))
    }

    /// What is told about a token: authlib's `create_introspection_payload`. A refresh token lives no longer than its grant
    /// (see [`TokenTable::load_grant_life`]); of an access token `grant` is not asked.
    pub fn introspect(&self, found: Option<&Found<M>>, grant: GrantLife) -> Value {
        let is_alive = |found: &&Found<M>| {
            self.is_active(found)
                && (found.kind == TokenTypeHint::AccessToken || self.is_alive(grant))
        };
        let Some(Found { token, kind }) = found.filter(is_alive) else {
            return json!({"active": false});
        };
        let mut payload = Map::new();
        payload.insert("client_id".into(), token.client_id().into());
        if !token.scope().is_empty() {
            payload.insert("scope".into(), token.scope().into());
        }
        if let Some(user_id) = token.user_id() {
            payload.insert("sub".into(), user_id.to_text().into());
        }
        if let Some(issued_at) = token.issued_at() {
            payload.insert("iat".into(), issued_at.into());
        }
        // The row's type and expiry are the access token's.
        let expires_at = match kind {
            TokenTypeHint::AccessToken => {
                let token_type = token.token_type().unwrap_or("Bearer".into());
                payload.insert("token_type".into(), token_type.into());
                token.expires_at()
            }
            TokenTypeHint::RefreshToken => {
                let idle = idle_until(token, self.idle_lifetime);
                let family = match grant {
                    GrantLife::Until(last) => Some(last),
                    _ => None,
                };
                idle.into_iter().chain(family).min()
            }
        };
        if let Some(expires_at) = expires_at {
            payload.insert("exp".into(), expires_at.into());
        }
        if let Some(claims) = &self.claims {
            payload.extend(claims(token));
        }
        payload.insert("active".into(), true.into());
        Value::Object(payload)
    }

    /// Whether the token may be used, as far as its own row tells.
    fn is_active(&self, found: &Found<M>) -> bool {
        let (token, now) = (&found.token, self.clock.now());
        match found.kind {
            TokenTypeHint::AccessToken => !token.is_expired(now) && !token.is_revoked(),
            TokenTypeHint::RefreshToken => {
                let idle = idle_until(token, self.idle_lifetime);
                token.refresh_token_revoked_at().is_none() && idle.is_none_or(|last| last >= now)
            }
        }
    }

    fn is_alive(&self, grant: GrantLife) -> bool {
        match grant {
            GrantLife::Unlimited => true,
            GrantLife::Until(last) => last >= self.clock.now(),
            GrantLife::Over => false,
        }
    }
}

impl<M, P> IntrospectionEndpoint<M, P>
where
    P: ConnectionPool,
    M: TokenTable<P::Connection>,
{
    /// Authenticates the client and answers.
    ///
    /// # Errors
    /// The database's, as [`Error`], which turns into a response. What the client did wrong is a response already:
    /// 401 `invalid_client`, 400 `invalid_request`, 400 `unsupported_token_type`.
    pub fn create_endpoint_response<C, Q>(
        &self,
        request: &EndpointRequest<'_>,
        authenticator: &ClientAuthenticator<C, Q>,
    ) -> Result<EndpointResponse, Error>
    where
        Q: ConnectionPool,
        C: ClientTable<Q::Connection>,
    {
        let authenticated = authenticator.authenticate(request, Endpoint::Introspection);
        match confidential(authenticated, authenticator) {
            Ok(client) => self.create_endpoint_response_for(request, &client),
            Err(Failure::Refused(error)) => Ok(error.into()),
            Err(Failure::Storage(error)) => Err(error),
        }
    }

    /// Answers a client that the server has authenticated itself.
    ///
    /// # Errors
    /// As [`create_endpoint_response`](Self::create_endpoint_response).
    pub fn create_endpoint_response_for(
        &self,
        request: &EndpointRequest<'_>,
        client: &dyn OAuth2Client,
    ) -> Result<EndpointResponse, Error> {
        match self.introspect_requested(request, client) {
            Ok(payload) => Ok(EndpointResponse::json(200, &payload)),
            Err(Failure::Refused(error)) => Ok(error.into()),
            Err(Failure::Storage(error)) => Err(error),
        }
    }

    fn introspect_requested(
        &self,
        request: &EndpointRequest<'_>,
        client: &dyn OAuth2Client,
    ) -> Result<Value, Failure<OAuth2Error>> {
        let (token, hint) = token_parameters(request)?;
        let found = find_current_token::<M, P>(&self.pool, token, hint)?;
        let found = self.disclosed(found, client);
        let grant = match &found {
            Some(Found { token, kind }) if *kind == TokenTypeHint::RefreshToken => {
                let load = |conn: &mut P::Connection| token.load_grant_life(conn);
                self.pool.run(Intent::CurrentRead, load)?
            }
            _ => GrantLife::Unlimited,
        };
        Ok(self.introspect(found.as_ref(), grant))
    }
}

/// The client that has authenticated, unless it is a public one.
pub(crate) fn confidential<C: OAuth2Client, Q>(
    authenticated: Result<AuthenticatedClient<C>, Failure<OAuth2Error>>,
    authenticator: &ClientAuthenticator<C, Q>,
) -> Result<C, Failure<OAuth2Error>> {
    let authenticated = authenticated?;
    if authenticated.method == AuthMethod::None {
        return Err(authenticator.refusal().into());
    }
    Ok(authenticated.client)
}

impl<M, P: Clone> Clone for IntrospectionEndpoint<M, P> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            clock: Arc::clone(&self.clock),
            permission: Arc::clone(&self.permission),
            claims: self.claims.clone(),
            idle_lifetime: self.idle_lifetime,
            model: PhantomData,
        }
    }
}

impl<M, P> fmt::Debug for IntrospectionEndpoint<M, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionEndpoint")
            .finish_non_exhaustive()
    }
}
