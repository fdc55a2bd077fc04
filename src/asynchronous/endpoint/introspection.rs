use serde_json::Value;

use crate::Error;
use crate::asynchronous::Async;
use crate::asynchronous::lookup::find_current_token;
use crate::asynchronous::pool::{AsyncConnectionPool, on_connection};
use crate::endpoint::{
    ClientAuthenticator, EndpointRequest, EndpointResponse, Failure, IntrospectionEndpoint,
    OAuth2Error, confidential, token_parameters,
};
use crate::model::{GrantLife, OAuth2Client};
use crate::pool::Intent;
use crate::table::asynchronous::{AsyncClientTable, AsyncTokenTable};
use crate::types::{Endpoint, TokenTypeHint};

/// [`create_introspection_endpoint`](crate::create_introspection_endpoint), awaited.
pub fn create_introspection_endpoint<M, P>(pool: P) -> IntrospectionEndpoint<M, Async<P>>
where
    P: AsyncConnectionPool,
    M: AsyncTokenTable<P::Connection>,
{
    IntrospectionEndpoint::on(Async(pool))
}

/// On an asynchronous pool.
impl<M, P> IntrospectionEndpoint<M, Async<P>>
where
    P: AsyncConnectionPool,
    M: AsyncTokenTable<P::Connection>,
{
    /// Authenticates the client and answers.
    ///
    /// # Errors
    /// The database's, as [`Error`], which turns into a response. What the client did wrong is a response already:
    /// 401 `invalid_client`, 400 `invalid_request`, 400 `unsupported_token_type`.
    pub async fn create_endpoint_response<C, Q>(
        &self,
        request: &EndpointRequest<'_>,
        authenticator: &ClientAuthenticator<C, Async<Q>>,
    ) -> Result<EndpointResponse, Error>
    where
        Q: AsyncConnectionPool,
        C: AsyncClientTable<Q::Connection>,
    {
        let authenticated = authenticator
            .authenticate(request, Endpoint::Introspection)
            .await;
        match confidential(authenticated, authenticator) {
            Ok(client) => self.create_endpoint_response_for(request, &client).await,
            Err(Failure::Refused(error)) => Ok(error.into()),
            Err(Failure::Storage(error)) => Err(error),
        }
    }

    /// Answers a client that the server has authenticated itself.
    ///
    /// # Errors
    /// As `create_endpoint_response`.
    pub async fn create_endpoint_response_for(
        &self,
        request: &EndpointRequest<'_>,
        client: &dyn OAuth2Client,
    ) -> Result<EndpointResponse, Error> {
        match self.introspect_requested(request, client).await {
            Ok(payload) => Ok(EndpointResponse::json(200, &payload)),
            Err(Failure::Refused(error)) => Ok(error.into()),
            Err(Failure::Storage(error)) => Err(error),
        }
    }

    async fn introspect_requested(
        &self,
        request: &EndpointRequest<'_>,
        client: &dyn OAuth2Client,
    ) -> Result<Value, Failure<OAuth2Error>> {
        let (token, hint) = token_parameters(request)?;
        let found = find_current_token::<M, P>(&self.pool.0, token, hint).await?;
        let found = self.disclosed(found, client);
        let grant = match &found {
            Some(found) if found.kind == TokenTypeHint::RefreshToken => {
                let token = &found.token;
                on_connection!(&self.pool.0, Intent::CurrentRead, |conn| token
                    .load_grant_life(conn))?
            }
            _ => GrantLife::Unlimited,
        };
        Ok(self.introspect(found.as_ref(), grant))
    }
}
