//! The functions that are awaited, under the names of those that block: each call runs on a multi-threaded runtime until it
//! is done.

use std::cell::Cell;
use std::future::Future;
use std::ops::Deref;
use std::sync::OnceLock;

use diesel_oauth2::asynchronous::pool::AsyncConnectionPool;
use diesel_oauth2::asynchronous::{self, Async};
use diesel_oauth2::clock::Clock;
use diesel_oauth2::endpoint::Realm;
use diesel_oauth2::observer::Observer;
use diesel_oauth2::table::asynchronous::{
    AsyncClientTable, AsyncRevocableTokenTable, AsyncTokenTable,
};
use diesel_oauth2::types::{AuthMethod, Endpoint, TokenTypeHint};
pub use diesel_oauth2::*;
use tokio::runtime::{Builder, Runtime};

use super::bounds::AwaitedConn;
use crate::fixture::{Fixture, TestPool};

pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build()
            .expect("a runtime")
    })
}

fn wait<T>(future: impl Future<Output = T> + Send) -> T {
    runtime().block_on(future)
}

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the test of this thread is one of the functions that are awaited.
pub fn is_running() -> bool {
    RUNNING.get()
}

pub fn run(test: fn()) {
    RUNNING.set(true);
    test();
    RUNNING.set(false);
}

/// A pool of the fixture's that has a pool of `deadpool`'s beside it.
pub trait Pools: Clone {
    type Conn: AwaitedConn;
    type Pool: AsyncConnectionPool<Connection = Self::Conn>;

    fn awaited(&self) -> Self::Pool;
}

impl<F: Fixture> Pools for TestPool<F> {
    type Conn = F::AsyncConn;
    type Pool = <F::AsyncConn as AwaitedConn>::Pool;

    fn awaited(&self) -> Self::Pool {
        TestPool::awaited(self).clone()
    }
}

/// A pool of connections whose statements are awaited, and nothing beside it.
#[derive(Clone)]
pub struct Awaited<P>(pub P);

impl<P: AsyncConnectionPool<Connection: AwaitedConn>> Pools for Awaited<P> {
    type Conn = P::Connection;
    type Pool = P;

    fn awaited(&self) -> P {
        self.0.clone()
    }
}

/// Pools of deadpool's for a primary and its replica.
#[cfg(feature = "postgres")]
pub mod replicated {
    use std::time::Duration;

    use diesel_oauth2::__private::AsyncPgConnection;
    use diesel_oauth2::__private::diesel_async::pooled_connection::deadpool::Pool;
    use diesel_oauth2::asynchronous::pool::AsyncPoolBuilder;
    use diesel_oauth2::pool::ReaderWriterPool;

    use super::Awaited;

    type OnePool = Pool<AsyncPgConnection>;
    pub type One = Awaited<OnePool>;
    pub type Both = Awaited<ReaderWriterPool<OnePool>>;

    fn pool(url: &str) -> OnePool {
        AsyncPoolBuilder::<AsyncPgConnection>::new(url)
            .max_size(2)
            .connection_timeout(Duration::from_millis(500))
            .build_deadpool()
            .expect("the pool is made")
    }

    pub fn one(url: &str) -> One {
        Awaited(pool(url))
    }

    pub fn both(primary: &str, replica: &str, rest: Duration) -> Both {
        Awaited(
            ReaderWriterPool::new(pool(primary))
                .reader(pool(replica))
                .rest(rest),
        )
    }
}

pub fn create_query_client_func<C, P: Pools>(
    pool: P,
) -> impl Fn(&str) -> Result<Option<C>, Error> + Clone
where
    C: AsyncClientTable<P::Conn>,
{
    let query_client = asynchronous::create_query_client_func::<C, _>(pool.awaited());
    move |client_id| wait(query_client(client_id))
}

pub fn create_query_token_func<M, P: Pools>(
    pool: P,
) -> impl Fn(&str, Option<TokenTypeHint>) -> Result<Option<M>, Error> + Clone
where
    M: AsyncTokenTable<P::Conn>,
{
    let query_token = asynchronous::create_query_token_func::<M, _>(pool.awaited());
    move |token, hint| wait(query_token(token, hint))
}

pub fn create_save_token_func<M, P: Pools>(
    pool: P,
) -> impl Fn(&TokenResponse, &TokenRequest<'_, M::UserId, M::Extra>) -> Result<(), Error> + Clone
where
    M: AsyncTokenTable<P::Conn>,
{
    let save_token = asynchronous::create_save_token_func::<M, _>(pool.awaited());
    move |response, request| wait(save_token(response, request))
}

pub fn create_save_token_func_with_clock<M, P: Pools, K: Clock + Clone>(
    pool: P,
    clock: K,
) -> impl Fn(&TokenResponse, &TokenRequest<'_, M::UserId, M::Extra>) -> Result<(), Error> + Clone
where
    M: AsyncTokenTable<P::Conn>,
{
    let pool = pool.awaited();
    let save_token = asynchronous::create_save_token_func_with_clock::<M, _, _>(pool, clock);
    move |response, request| wait(save_token(response, request))
}

/// A type of the crate's on an asynchronous pool. Its settings, and what sends nothing, are the crate's own.
macro_rules! on_pool {
    ($name:ident<$($model:ident),+>, $inner:path) => {
        pub struct $name<$($model,)+ P: Pools>(pub(super) $inner);

        impl<$($model,)+ P: Pools> Clone for $name<$($model,)+ P> {
            fn clone(&self) -> Self {
                Self(self.0.clone())
            }
        }

        impl<$($model,)+ P: Pools> Deref for $name<$($model,)+ P> {
            type Target = $inner;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    };
}

on_pool!(ClientAuthenticator<C>, diesel_oauth2::ClientAuthenticator<C, Async<P::Pool>>);

pub fn create_client_authenticator<C, P: Pools>(pool: P) -> ClientAuthenticator<C, P>
where
    C: AsyncClientTable<P::Conn>,
{
    ClientAuthenticator(asynchronous::create_client_authenticator(pool.awaited()))
}

impl<C: AsyncClientTable<P::Conn>, P: Pools> ClientAuthenticator<C, P> {
    pub fn clock(self, clock: impl Clock) -> Self {
        Self(self.0.clock(clock))
    }

    pub fn methods(self, methods: impl IntoIterator<Item = AuthMethod>) -> Self {
        Self(self.0.methods(methods))
    }

    pub fn realm(self, realm: impl Into<Realm>) -> Self {
        Self(self.0.realm(realm))
    }

    pub fn observer<M: 'static>(self, observer: impl Observer<M>) -> Self {
        Self(self.0.observer(observer))
    }

    pub fn authenticate(
        &self,
        request: &EndpointRequest<'_>,
        endpoint: Endpoint,
    ) -> Result<AuthenticatedClient<C>, Failure<OAuth2Error>> {
        wait(self.0.authenticate(request, endpoint))
    }
}

pub mod bearer {
    pub use super::BearerTokenValidator;
}

on_pool!(BearerTokenValidator<M>, diesel_oauth2::BearerTokenValidator<M, Async<P::Pool>>);

pub fn create_bearer_token_validator<M, P: Pools>(pool: P) -> BearerTokenValidator<M, P>
where
    M: AsyncTokenTable<P::Conn>,
{
    BearerTokenValidator(asynchronous::create_bearer_token_validator(pool.awaited()))
}

impl<M: AsyncTokenTable<P::Conn>, P: Pools> BearerTokenValidator<M, P> {
    pub fn clock(self, clock: impl Clock) -> Self {
        Self(self.0.clock(clock))
    }

    pub fn realm(self, realm: impl Into<Realm>) -> Self {
        Self(self.0.realm(realm))
    }

    pub fn observer(self, observer: impl Observer<M>) -> Self {
        Self(self.0.observer(observer))
    }

    #[cfg(feature = "cache")]
    pub fn cache(self, cache: diesel_oauth2::cache::TokenCache<M>) -> Self
    where
        M: Clone + Sync,
    {
        Self(self.0.cache(cache))
    }

    pub fn authenticate_token(&self, token: &str) -> Result<Option<M>, Error> {
        wait(self.0.authenticate_token(token))
    }

    pub fn acquire_token(
        &self,
        authorization: Option<&str>,
        scopes: &[&str],
    ) -> Result<M, Failure<BearerChallenge>> {
        wait(self.0.acquire_token(authorization, scopes))
    }

    #[cfg(feature = "http")]
    pub fn acquire_token_from_headers(
        &self,
        headers: &http::HeaderMap,
        scopes: &[&str],
    ) -> Result<M, Failure<BearerChallenge>> {
        wait(self.0.acquire_token_from_headers(headers, scopes))
    }
}

on_pool!(IntrospectionEndpoint<M>, diesel_oauth2::IntrospectionEndpoint<M, Async<P::Pool>>);

pub fn create_introspection_endpoint<M, P: Pools>(pool: P) -> IntrospectionEndpoint<M, P>
where
    M: AsyncTokenTable<P::Conn>,
{
    IntrospectionEndpoint(asynchronous::create_introspection_endpoint(pool.awaited()))
}

impl<M: AsyncTokenTable<P::Conn>, P: Pools> IntrospectionEndpoint<M, P> {
    pub fn clock(self, clock: impl Clock) -> Self {
        Self(self.0.clock(clock))
    }

    pub fn idle_lifetime(self, seconds: i64) -> Self {
        Self(self.0.idle_lifetime(seconds))
    }

    pub fn permission(
        self,
        permission: impl Fn(&M, &dyn OAuth2Client) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(self.0.permission(permission))
    }

    pub fn claims(
        self,
        claims: impl Fn(&M) -> serde_json::Map<String, serde_json::Value> + Send + Sync + 'static,
    ) -> Self {
        Self(self.0.claims(claims))
    }

    pub fn create_endpoint_response<C: AsyncClientTable<P::Conn>>(
        &self,
        request: &EndpointRequest<'_>,
        authenticator: &ClientAuthenticator<C, P>,
    ) -> Result<EndpointResponse, Error> {
        wait(self.0.create_endpoint_response(request, &authenticator.0))
    }

    pub fn create_endpoint_response_for(
        &self,
        request: &EndpointRequest<'_>,
        client: &dyn OAuth2Client,
    ) -> Result<EndpointResponse, Error> {
        wait(self.0.create_endpoint_response_for(request, client))
    }
}

on_pool!(RevocationEndpoint<M>, diesel_oauth2::RevocationEndpoint<M, Async<P::Pool>>);

pub fn create_revocation_endpoint<M, P: Pools>(pool: P) -> RevocationEndpoint<M, P>
where
    M: AsyncRevocableTokenTable<P::Conn>,
{
    RevocationEndpoint(asynchronous::create_revocation_endpoint(pool.awaited()))
}

impl<M: AsyncRevocableTokenTable<P::Conn>, P: Pools> RevocationEndpoint<M, P> {
    pub fn clock(self, clock: impl Clock) -> Self {
        Self(self.0.clock(clock))
    }

    pub fn observer(self, observer: impl Observer<M>) -> Self {
        Self(self.0.observer(observer))
    }

    pub fn query_token(
        &self,
        token: &str,
        hint: Option<TokenTypeHint>,
    ) -> Result<Option<(M, TokenTypeHint)>, Error> {
        wait(self.0.query_token(token, hint))
    }

    pub fn revoke_token(&self, token: &M, kind: TokenTypeHint) -> Result<bool, Error> {
        wait(self.0.revoke_token(token, kind))
    }

    pub fn create_endpoint_response<C: AsyncClientTable<P::Conn>>(
        &self,
        request: &EndpointRequest<'_>,
        authenticator: &ClientAuthenticator<C, P>,
    ) -> Result<EndpointResponse, Error> {
        wait(self.0.create_endpoint_response(request, &authenticator.0))
    }

    pub fn create_endpoint_response_for(
        &self,
        request: &EndpointRequest<'_>,
        client: &dyn OAuth2Client,
    ) -> Result<EndpointResponse, Error> {
        wait(self.0.create_endpoint_response_for(request, client))
    }
}

pub mod lifecycle;
pub mod registration;
