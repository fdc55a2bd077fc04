use std::future::Future;
use std::pin::Pin;

use super::lookup::{find_client, find_token};
use super::pool::{AsyncConnectionPool, on_connection};
use crate::clock::{Clock, SystemClock};
use crate::factory::StoredResponse;
use crate::pool::Intent;
use crate::table::asynchronous::{AsyncClientTable, AsyncTokenTable};
use crate::types::TokenTypeHint;
use crate::{Error, TokenRequest, TokenResponse};

/// What the functions of the factories return: a future of their result.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// [`create_query_client_func`](crate::create_query_client_func), awaited.
///
/// # Errors
/// The function returns the database's, as [`Error`]. An unknown id is no error.
pub fn create_query_client_func<C, P>(
    pool: P,
) -> impl for<'a> Fn(&'a str) -> BoxFuture<'a, Option<C>> + Clone + Send + Sync + 'static
where
    P: AsyncConnectionPool,
    C: AsyncClientTable<P::Connection>,
{
    move |client_id| {
        let pool = pool.clone();
        Box::pin(async move { find_client(&pool, client_id).await })
    }
}

/// [`create_query_token_func`](crate::create_query_token_func), awaited.
///
/// # Errors
/// The function returns the database's, as [`Error`]. An unknown token is no error.
pub fn create_query_token_func<M, P>(
    pool: P,
) -> impl for<'a> Fn(&'a str, Option<TokenTypeHint>) -> BoxFuture<'a, Option<M>>
+ Clone
+ Send
+ Sync
+ 'static
where
    P: AsyncConnectionPool,
    M: AsyncTokenTable<P::Connection>,
{
    move |token, hint| {
        let pool = pool.clone();
        Box::pin(async move {
            let found = find_token(&pool, token, hint).await?;
            Ok(found.map(|found| found.token))
        })
    }
}

/// [`create_save_token_func`](crate::create_save_token_func), awaited.
///
/// # Errors
/// As [`create_save_token_func`](crate::create_save_token_func). After [`Error::ConnectionLost`], and where the future is
/// dropped halfway, the row may be there: do not hand the token out.
#[allow(clippy::type_complexity)]
pub fn create_save_token_func<M, P>(
    pool: P,
) -> impl for<'a> Fn(&'a TokenResponse, &'a TokenRequest<'a, M::UserId, M::Extra>) -> BoxFuture<'a, ()>
+ Clone
+ Send
+ Sync
+ 'static
where
    P: AsyncConnectionPool,
    M: AsyncTokenTable<P::Connection>,
{
    create_save_token_func_with_clock::<M, P, _>(pool, SystemClock)
}

/// [`create_save_token_func`] with a clock of the caller's.
///
/// # Errors
/// As [`create_save_token_func`].
#[allow(clippy::type_complexity)]
pub fn create_save_token_func_with_clock<M, P, C>(
    pool: P,
    clock: C,
) -> impl for<'a> Fn(&'a TokenResponse, &'a TokenRequest<'a, M::UserId, M::Extra>) -> BoxFuture<'a, ()>
+ Clone
+ Send
+ Sync
+ 'static
where
    P: AsyncConnectionPool,
    M: AsyncTokenTable<P::Connection>,
    C: Clock + Clone,
{
    move |response, request| {
        let (pool, now) = (pool.clone(), clock.now());
        Box::pin(async move {
            on_connection!(&pool, Intent::Write, |conn| save_token::<M, _>(
                conn, response, request, now
            ))
        })
    }
}

/// Stores an issued token on a connection of the caller's, so that it can be part of a transaction.
///
/// # Errors
/// As [`create_save_token_func`].
pub async fn save_token<M, Conn>(
    conn: &mut Conn,
    response: &TokenResponse,
    request: &TokenRequest<'_, M::UserId, M::Extra>,
    now: i64,
) -> Result<(), Error>
where
    Conn: Send,
    M: AsyncTokenTable<Conn>,
{
    insert_token::<M, _>(conn, response, request, None, now).await
}

/// [`save_token`] with the grant that the token comes of, if any.
pub(super) async fn insert_token<M, Conn>(
    conn: &mut Conn,
    response: &TokenResponse,
    request: &TokenRequest<'_, M::UserId, M::Extra>,
    grant_id: Option<&M::GrantId>,
    now: i64,
) -> Result<(), Error>
where
    Conn: Send,
    M: AsyncTokenTable<Conn>,
{
    let stored = StoredResponse::new::<M>(response)?;
    let row = stored.row(request, grant_id, now);
    M::insert(conn, &row).await
}
