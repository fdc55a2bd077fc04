use axum::response::Response;
use axum::routing::{MethodRouter, post};
use diesel_oauth2::Error;
use diesel_oauth2::endpoint::{
    ClientAuthenticator, EndpointRequest, EndpointResponse, IntrospectionEndpoint,
    RevocationEndpoint,
};
use diesel_oauth2::pool::ConnectionPool;
use diesel_oauth2::table::{ClientTable, RevocableTokenTable, TokenTable};

use crate::{EndpointForm, into_response, run_blocking};

/// The revocation endpoint (RFC 7009) as a route for POST requests. Another method is 405.
///
/// ```
/// # use axum::Router;
/// # use diesel_oauth2::{models::{Client, Token}, pool::ConnectionPool, table::*};
/// use diesel_oauth2::{create_client_authenticator, create_revocation_endpoint};
/// use diesel_oauth2_axum::revocation_route;
///
/// # fn app<P: ConnectionPool>(pool: P) -> Router
/// # where Client: ClientTable<P::Connection>, Token: RevocableTokenTable<P::Connection> {
/// let endpoint = create_revocation_endpoint::<Token, _>(pool.clone());
/// let authenticator = create_client_authenticator::<Client, _>(pool);
/// Router::new().route("/oauth/revoke", revocation_route(endpoint, authenticator))
/// # }
/// ```
pub fn revocation_route<S, M, P, C, Q>(
    endpoint: RevocationEndpoint<M, P>,
    authenticator: ClientAuthenticator<C, Q>,
) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    P: ConnectionPool,
    M: RevocableTokenTable<P::Connection>,
    Q: ConnectionPool,
    C: ClientTable<Q::Connection> + 'static,
{
    post(move |form: EndpointForm| {
        let (endpoint, authenticator) = (endpoint.clone(), authenticator.clone());
        answer(form, move |request| {
            endpoint.create_endpoint_response(request, &authenticator)
        })
    })
}

/// The introspection endpoint (RFC 7662) as a route for POST requests. Another method is 405.
///
/// ```
/// # use axum::Router;
/// # use diesel_oauth2::{models::{Client, Token}, pool::ConnectionPool, table::*};
/// use diesel_oauth2::{create_client_authenticator, create_introspection_endpoint};
/// use diesel_oauth2_axum::introspection_route;
///
/// # fn app<P: ConnectionPool>(pool: P) -> Router
/// # where Client: ClientTable<P::Connection>, Token: TokenTable<P::Connection> {
/// let endpoint = create_introspection_endpoint::<Token, _>(pool.clone());
/// let authenticator = create_client_authenticator::<Client, _>(pool);
/// Router::new().route("/oauth/introspect", introspection_route(endpoint, authenticator))
/// # }
/// ```
pub fn introspection_route<S, M, P, C, Q>(
    endpoint: IntrospectionEndpoint<M, P>,
    authenticator: ClientAuthenticator<C, Q>,
) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    P: ConnectionPool,
    M: TokenTable<P::Connection>,
    Q: ConnectionPool,
    C: ClientTable<Q::Connection> + 'static,
{
    post(move |form: EndpointForm| {
        let (endpoint, authenticator) = (endpoint.clone(), authenticator.clone());
        answer(form, move |request| {
            endpoint.create_endpoint_response(request, &authenticator)
        })
    })
}

/// What the endpoint answers to the form.
async fn answer(
    form: EndpointForm,
    endpoint: impl FnOnce(&EndpointRequest<'_>) -> Result<EndpointResponse, Error> + Send + 'static,
) -> Response {
    let work = move || match form.request() {
        Ok(request) => endpoint(&request),
        Err(error) => Ok(error.into()),
    };
    match run_blocking(work).await {
        Ok(response) => into_response(response),
        Err(error) => into_response(error),
    }
}
