//! [`lookup`](crate::lookup), awaited.

use std::ops::ControlFlow;

use super::pool::{AsyncConnectionPool, look_up, on_connection};
use crate::Error;
use crate::lookup::{
    Found, keep_access_token, keep_best, keep_client, keep_secret, matching, rewritten,
};
use crate::pool::Intent;
use crate::secret::{SecretStorage, StoredForm};
use crate::table::asynchronous::{
    AsyncClientTable, AsyncCodeTable, AsyncDeviceCodeTable, AsyncTokenTable,
};
use crate::types::{TokenTypeHint, is_vschar};

/// Gives `each` the rows until it breaks off. All of them are here: diesel-async has read them before it gives one.
pub(super) fn give<R>(rows: Vec<R>, each: impl FnMut(R) -> ControlFlow<()>) {
    let _ = rows.into_iter().try_for_each(each);
}

/// [`lookup::find_client`](crate::lookup::find_client), awaited.
///
/// # Errors
/// The database's, as [`Error`]. An unknown id is no error.
pub async fn find_client<C, P>(pool: &P, client_id: &str) -> Result<Option<C>, Error>
where
    P: AsyncConnectionPool,
    C: AsyncClientTable<P::Connection>,
{
    if !is_vschar(client_id) {
        return Ok(None);
    }
    look_up!(pool, |conn| load_client(conn, client_id))
}

/// [`lookup::find_current_client`](crate::lookup::find_current_client), awaited.
///
/// # Errors
/// As [`find_client`].
pub async fn find_current_client<C, P>(pool: &P, client_id: &str) -> Result<Option<C>, Error>
where
    P: AsyncConnectionPool,
    C: AsyncClientTable<P::Connection>,
{
    if !is_vschar(client_id) {
        return Ok(None);
    }
    on_connection!(pool, Intent::CurrentRead, |conn| load_client(
        conn, client_id
    ))
}

/// [`find_client`] on the caller's connection.
///
/// # Errors
/// As [`find_client`].
pub async fn load_client<C, Conn>(conn: &mut Conn, client_id: &str) -> Result<Option<C>, Error>
where
    Conn: Send,
    C: AsyncClientTable<Conn>,
{
    let mut found = None;
    if is_vschar(client_id) {
        let rows = C::load_by_client_id(conn, client_id).await?;
        give(rows, keep_client(client_id, &mut found));
    }
    Ok(found)
}

/// [`lookup::find_token`](crate::lookup::find_token), awaited.
///
/// # Errors
/// The database's, as [`Error`]. An unknown token is no error.
pub async fn find_token<M, P>(
    pool: &P,
    token: &str,
    hint: Option<TokenTypeHint>,
) -> Result<Option<Found<M>>, Error>
where
    P: AsyncConnectionPool,
    M: AsyncTokenTable<P::Connection>,
{
    if !is_vschar(token) {
        return Ok(None);
    }
    let found: Result<Option<Found<M>>, Error> =
        look_up!(pool, |conn| load_token(conn, token, hint));
    let found = found?;
    if let Some(Found { token, .. }) = &found {
        rewrite_plain(pool, token).await;
    }
    Ok(found)
}

/// [`lookup::find_current_token`](crate::lookup::find_current_token), awaited.
///
/// # Errors
/// As [`find_token`].
pub async fn find_current_token<M, P>(
    pool: &P,
    token: &str,
    hint: Option<TokenTypeHint>,
) -> Result<Option<Found<M>>, Error>
where
    P: AsyncConnectionPool,
    M: AsyncTokenTable<P::Connection>,
{
    if !is_vschar(token) {
        return Ok(None);
    }
    let found: Result<Option<Found<M>>, Error> =
        on_connection!(pool, Intent::CurrentRead, |conn| load_token(
            conn, token, hint
        ));
    let found = found?;
    if let Some(Found { token, .. }) = &found {
        rewrite_plain(pool, token).await;
    }
    Ok(found)
}

/// [`find_token`] on the caller's connection.
///
/// # Errors
/// As [`find_token`].
pub async fn load_token<M, Conn>(
    conn: &mut Conn,
    token: &str,
    hint: Option<TokenTypeHint>,
) -> Result<Option<Found<M>>, Error>
where
    Conn: Send,
    M: AsyncTokenTable<Conn>,
{
    let mut best = None;
    let found = load_tokens(conn, token, hint).await?;
    give(found, keep_best(hint, &mut best));
    Ok(best)
}

/// Every row whose access or refresh token this is, in one statement.
pub(super) async fn load_tokens<M, Conn>(
    conn: &mut Conn,
    token: &str,
    hint: Option<TokenTypeHint>,
) -> Result<Vec<Found<M>>, Error>
where
    Conn: Send,
    M: AsyncTokenTable<Conn>,
{
    let mut found = Vec::new();
    if is_vschar(token) {
        let candidates = M::Storage::candidates(token);
        let rows = M::load_by_token(conn, &candidates).await?;
        let all = matching(&candidates, hint, |it| {
            found.push(it);
            ControlFlow::Continue(())
        });
        give(rows, all);
    }
    Ok(found)
}

/// [`lookup::find_access_token`](crate::lookup::find_access_token), awaited.
///
/// # Errors
/// The database's, as [`Error`]. An unknown token is no error.
pub async fn find_access_token<M, P>(pool: &P, token: &str) -> Result<Option<M>, Error>
where
    P: AsyncConnectionPool,
    M: AsyncTokenTable<P::Connection>,
{
    if !is_vschar(token) {
        return Ok(None);
    }
    let found: Result<Option<M>, Error> = look_up!(pool, |conn| load_access_token(conn, token));
    let found = found?;
    if let Some(token) = &found {
        rewrite_plain(pool, token).await;
    }
    Ok(found)
}

/// [`find_access_token`] on the caller's connection.
///
/// # Errors
/// As [`find_access_token`].
pub async fn load_access_token<M, Conn>(conn: &mut Conn, token: &str) -> Result<Option<M>, Error>
where
    Conn: Send,
    M: AsyncTokenTable<Conn>,
{
    let mut found = None;
    if is_vschar(token) {
        let candidates = M::Storage::candidates(token);
        let rows = M::load_by_access_token(conn, &candidates).await?;
        give(rows, keep_access_token(&candidates, &mut found));
    }
    Ok(found)
}

/// [`lookup::find_code`](crate::lookup::find_code), awaited.
///
/// # Errors
/// The database's, as [`Error`]. An unknown code is no error.
pub async fn find_code<M, P>(pool: &P, code: &str) -> Result<Option<M>, Error>
where
    P: AsyncConnectionPool,
    M: AsyncCodeTable<P::Connection>,
{
    if !is_vschar(code) {
        return Ok(None);
    }
    look_up!(pool, |conn| load_code(conn, code))
}

/// [`find_code`] on the caller's connection.
///
/// # Errors
/// As [`find_code`].
pub async fn load_code<M, Conn>(conn: &mut Conn, code: &str) -> Result<Option<M>, Error>
where
    Conn: Send,
    M: AsyncCodeTable<Conn>,
{
    let mut found = None;
    if is_vschar(code) {
        let candidates = M::Storage::candidates(code);
        let rows = M::load_by_code(conn, &candidates).await?;
        give(rows, keep_secret(&candidates, M::stored_code, &mut found));
    }
    Ok(found)
}

/// [`lookup::load_device_code`](crate::lookup::load_device_code), awaited.
///
/// # Errors
/// The database's, as [`Error`]. An unknown device code is no error.
pub async fn load_device_code<M, Conn>(
    conn: &mut Conn,
    device_code: &str,
) -> Result<Option<M>, Error>
where
    Conn: Send,
    M: AsyncDeviceCodeTable<Conn>,
{
    let mut found = None;
    if is_vschar(device_code) {
        let candidates = M::Storage::candidates(device_code);
        let rows = M::load_by_device_code(conn, &candidates).await?;
        give(
            rows,
            keep_secret(&candidates, M::stored_device_code, &mut found),
        );
    }
    Ok(found)
}

/// [`lookup::load_user_code`](crate::lookup::load_user_code), awaited.
///
/// # Errors
/// The database's, as [`Error`]. An unknown user code is no error.
pub async fn load_user_code<M, Conn>(conn: &mut Conn, user_code: &str) -> Result<Option<M>, Error>
where
    Conn: Send,
    M: AsyncDeviceCodeTable<Conn>,
{
    let mut found = None;
    if is_vschar(user_code) {
        let candidates = M::Storage::candidates(user_code);
        let rows = M::load_by_user_code(conn, &candidates).await?;
        give(
            rows,
            keep_secret(&candidates, M::stored_user_code, &mut found),
        );
    }
    Ok(found)
}

/// Rewrites a row that was found in plain, as the look-ups that block do. The look-up has its answer: what goes wrong here
/// is for the next one to try again.
async fn rewrite_plain<M, P>(pool: &P, row: &M)
where
    P: AsyncConnectionPool,
    M: AsyncTokenTable<P::Connection>,
{
    if let Some((access, refresh)) = rewritten(row) {
        let _ = rewrite(pool, row, access, refresh).await;
    }
}

async fn rewrite<M, P>(
    pool: &P,
    row: &M,
    access: StoredForm<'_>,
    refresh: Option<StoredForm<'_>>,
) -> Result<bool, Error>
where
    P: AsyncConnectionPool,
    M: AsyncTokenTable<P::Connection>,
{
    let refresh = refresh.as_ref().map(StoredForm::as_str);
    on_connection!(pool, Intent::IdempotentWrite, |conn| row.rewrite_tokens(
        conn,
        access.as_str(),
        refresh
    ))
}
