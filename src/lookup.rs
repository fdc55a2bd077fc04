//! Looking a client or a token up, byte for byte.
//!
//! Databases compare text by the column's collation, which may ignore case and trailing spaces, so every row that a
//! statement finds is compared again here. What cannot be an id or a token by its form (RFC 6749 appendix A) is
//! unknown without asking the database.
//!
//! The `find_*` functions take a connection from a pool; the `load_*` functions under them use the caller's, and so can
//! be part of a transaction.

use std::ops::ControlFlow;

use crate::Error;
use crate::model::{OAuth2Client, OAuth2Token};
use crate::pool::{ConnectionPool, Intent};
use crate::secret::{Candidates, SecretStorage, StoredForm};
use crate::table::{ClientTable, CodeTable, DeviceCodeTable, TokenTable};
use crate::types::{TokenTypeHint, is_vschar};

/// A row found by one of its tokens.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Found<M> {
    /// The row.
    pub token: M,
    /// Which of its tokens was presented, whatever the hint said.
    pub kind: TokenTypeHint,
}

/// The client with exactly this `client_id`.
///
/// # Errors
/// The database's, as [`Error`]. An unknown id is no error.
pub fn find_client<C, P>(pool: &P, client_id: &str) -> Result<Option<C>, Error>
where
    P: ConnectionPool,
    C: ClientTable<P::Connection>,
{
    if !is_vschar(client_id) {
        return Ok(None);
    }
    pool.look_up(|conn| load_client(conn, client_id))
}

/// [`find_client`] for a decision: never from a replica, which may have the client as it was.
///
/// # Errors
/// As [`find_client`].
pub fn find_current_client<C, P>(pool: &P, client_id: &str) -> Result<Option<C>, Error>
where
    P: ConnectionPool,
    C: ClientTable<P::Connection>,
{
    if !is_vschar(client_id) {
        return Ok(None);
    }
    pool.run(Intent::CurrentRead, |conn| load_client(conn, client_id))
}

/// [`find_client`] on the caller's connection.
///
/// # Errors
/// As [`find_client`].
pub fn load_client<C, Conn>(conn: &mut Conn, client_id: &str) -> Result<Option<C>, Error>
where
    C: ClientTable<Conn>,
{
    let mut found = None;
    if is_vschar(client_id) {
        C::load_by_client_id(conn, client_id, keep_client(client_id, &mut found))?;
    }
    Ok(found)
}

/// Keeps the first row with exactly this `client_id`.
pub(crate) fn keep_client<C: OAuth2Client>(
    client_id: &str,
    found: &mut Option<C>,
) -> impl FnMut(C) -> ControlFlow<()> {
    keep_first(found, move |row: &C| row.client_id() == client_id)
}

/// Keeps the first row that is the one looked for, and looks at no more.
pub(crate) fn keep_first<M>(
    found: &mut Option<M>,
    is_it: impl Fn(&M) -> bool,
) -> impl FnMut(M) -> ControlFlow<()> {
    move |row| {
        if !is_it(&row) {
            return ControlFlow::Continue(());
        }
        *found = Some(row);
        ControlFlow::Break(())
    }
}

/// The row whose access or refresh token this is, whatever its state: one statement, also where the hint is wrong
/// (RFC 7009 section 2.1).
///
/// Where a token is in several rows, the hinted kind is preferred (without a hint the access token, as in authlib), and
/// then a row that is not revoked.
///
/// # Errors
/// The database's, as [`Error`]. An unknown token is no error.
pub fn find_token<M, P>(
    pool: &P,
    token: &str,
    hint: Option<TokenTypeHint>,
) -> Result<Option<Found<M>>, Error>
where
    P: ConnectionPool,
    M: TokenTable<P::Connection>,
{
    if !is_vschar(token) {
        return Ok(None);
    }
    let found = pool.look_up(|conn| load_token(conn, token, hint))?;
    if let Some(Found { token, .. }) = &found {
        rewrite_plain(pool, token);
    }
    Ok(found)
}

/// [`find_token`] for a decision: never from a replica, which may not know yet what was revoked.
///
/// # Errors
/// As [`find_token`].
pub fn find_current_token<M, P>(
    pool: &P,
    token: &str,
    hint: Option<TokenTypeHint>,
) -> Result<Option<Found<M>>, Error>
where
    P: ConnectionPool,
    M: TokenTable<P::Connection>,
{
    if !is_vschar(token) {
        return Ok(None);
    }
    let found = pool.run(Intent::CurrentRead, |conn| load_token(conn, token, hint))?;
    if let Some(Found { token, .. }) = &found {
        rewrite_plain(pool, token);
    }
    Ok(found)
}

/// [`find_token`] on the caller's connection.
///
/// # Errors
/// As [`find_token`].
pub fn load_token<M, Conn>(
    conn: &mut Conn,
    token: &str,
    hint: Option<TokenTypeHint>,
) -> Result<Option<Found<M>>, Error>
where
    M: TokenTable<Conn>,
{
    let mut best: Option<Found<M>> = None;
    load_each_token(conn, token, hint, keep_best(hint, &mut best))?;
    Ok(best)
}

/// Keeps the row that [`load_token`] gives where there are several. Behind one of the best rank no other is looked at, so
/// the usual look-up ends with the index of the hinted column.
pub(crate) fn keep_best<M: OAuth2Token>(
    hint: Option<TokenTypeHint>,
    best: &mut Option<Found<M>>,
) -> impl FnMut(Found<M>) -> ControlFlow<()> {
    move |found| {
        let found_rank = rank(&found, hint);
        let better = best
            .as_ref()
            .is_none_or(|best| found_rank < rank(best, hint));
        if better {
            *best = Some(found);
        }
        match found_rank {
            BEST_RANK => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Gives `each` every row whose access or refresh token this is, in one statement, until it breaks off.
pub(crate) fn load_each_token<M, Conn>(
    conn: &mut Conn,
    token: &str,
    hint: Option<TokenTypeHint>,
    each: impl FnMut(Found<M>) -> ControlFlow<()>,
) -> Result<(), Error>
where
    M: TokenTable<Conn>,
{
    if !is_vschar(token) {
        return Ok(());
    }
    let candidates = M::Storage::candidates(token);
    M::load_by_token(conn, &candidates, matching(&candidates, hint, each))
}

/// Gives `each` the rows among those found of which one of the tokens was presented.
pub(crate) fn matching<M: OAuth2Token>(
    presented: &Candidates<'_>,
    hint: Option<TokenTypeHint>,
    mut each: impl FnMut(Found<M>) -> ControlFlow<()>,
) -> impl FnMut(M) -> ControlFlow<()> {
    move |row| match kind_of(&row, presented, hint) {
        Some(kind) => each(Found { token: row, kind }),
        None => ControlFlow::Continue(()),
    }
}

/// The row with exactly this access token, whatever its state.
///
/// # Errors
/// The database's, as [`Error`]. An unknown token is no error.
pub fn find_access_token<M, P>(pool: &P, token: &str) -> Result<Option<M>, Error>
where
    P: ConnectionPool,
    M: TokenTable<P::Connection>,
{
    if !is_vschar(token) {
        return Ok(None);
    }
    let found = pool.look_up(|conn| load_access_token(conn, token))?;
    if let Some(token) = &found {
        rewrite_plain(pool, token);
    }
    Ok(found)
}

/// [`find_access_token`] on the caller's connection.
///
/// # Errors
/// As [`find_access_token`].
pub fn load_access_token<M, Conn>(conn: &mut Conn, token: &str) -> Result<Option<M>, Error>
where
    M: TokenTable<Conn>,
{
    let mut found: Option<M> = None;
    if is_vschar(token) {
        let candidates = M::Storage::candidates(token);
        M::load_by_access_token(
            conn,
            &candidates,
            keep_access_token(&candidates, &mut found),
        )?;
    }
    Ok(found)
}

/// Keeps the row with exactly this access token. A table without a unique index may hold it twice: a revoked one stays
/// revoked, so behind a live one there is more to look at.
pub(crate) fn keep_access_token<M: OAuth2Token>(
    presented: &Candidates<'_>,
    found: &mut Option<M>,
) -> impl FnMut(M) -> ControlFlow<()> {
    move |row| {
        if !presented.matches(row.stored_access_token()) {
            return ControlFlow::Continue(());
        }
        if row.is_revoked() {
            *found = Some(row);
            return ControlFlow::Break(());
        }
        found.get_or_insert(row);
        ControlFlow::Continue(())
    }
}

/// The authorization code with exactly this text, whatever its state.
///
/// # Errors
/// The database's, as [`Error`]. An unknown code is no error.
pub fn find_code<M, P>(pool: &P, code: &str) -> Result<Option<M>, Error>
where
    P: ConnectionPool,
    M: CodeTable<P::Connection>,
{
    if !is_vschar(code) {
        return Ok(None);
    }
    pool.look_up(|conn| load_code(conn, code))
}

/// [`find_code`] on the caller's connection.
///
/// # Errors
/// As [`find_code`].
pub fn load_code<M, Conn>(conn: &mut Conn, code: &str) -> Result<Option<M>, Error>
where
    M: CodeTable<Conn>,
{
    let mut found = None;
    if is_vschar(code) {
        let candidates = M::Storage::candidates(code);
        let keep = keep_secret(&candidates, M::stored_code, &mut found);
        M::load_by_code(conn, &candidates, keep)?;
    }
    Ok(found)
}

/// Keeps the first row with exactly this secret.
pub(crate) fn keep_secret<M>(
    presented: &Candidates<'_>,
    stored: fn(&M) -> &str,
    found: &mut Option<M>,
) -> impl FnMut(M) -> ControlFlow<()> {
    keep_first(found, move |row: &M| presented.matches(stored(row)))
}

/// The row with exactly this device code, whatever its state, on the caller's connection.
///
/// # Errors
/// The database's, as [`Error`]. An unknown device code is no error.
pub fn load_device_code<M, Conn>(conn: &mut Conn, device_code: &str) -> Result<Option<M>, Error>
where
    M: DeviceCodeTable<Conn>,
{
    let mut found = None;
    if is_vschar(device_code) {
        let candidates = M::Storage::candidates(device_code);
        let keep = keep_secret(&candidates, M::stored_device_code, &mut found);
        M::load_by_device_code(conn, &candidates, keep)?;
    }
    Ok(found)
}

/// The row with exactly this user code, whatever its state, on the caller's connection. The code is in the form in which
/// the store keeps it: capital letters and digits alone.
///
/// # Errors
/// The database's, as [`Error`]. An unknown user code is no error.
pub fn load_user_code<M, Conn>(conn: &mut Conn, user_code: &str) -> Result<Option<M>, Error>
where
    M: DeviceCodeTable<Conn>,
{
    let mut found = None;
    if is_vschar(user_code) {
        let candidates = M::Storage::candidates(user_code);
        let keep = keep_secret(&candidates, M::stored_user_code, &mut found);
        M::load_by_user_code(conn, &candidates, keep)?;
    }
    Ok(found)
}

/// Rewrites a row that was found in plain, where its model's storage says so. The look-up has its answer: what goes wrong
/// here is for the next one to try again.
fn rewrite_plain<M, P>(pool: &P, row: &M)
where
    P: ConnectionPool,
    M: TokenTable<P::Connection>,
{
    if let Some((access, refresh)) = rewritten(row) {
        let refresh = refresh.as_ref().map(StoredForm::as_str);
        let _ = pool.run(Intent::IdempotentWrite, |conn| {
            row.rewrite_tokens(conn, access.as_str(), refresh)
        });
    }
}

/// The forms in which both tokens of a row are to be written, where one of them is to be written in another form.
pub(crate) fn rewritten<M: OAuth2Token>(
    row: &M,
) -> Option<(StoredForm<'_>, Option<StoredForm<'_>>)> {
    let (stored_access, stored_refresh) = (row.stored_access_token(), row.stored_refresh_token());
    let access = M::Storage::rewritten(stored_access);
    let refresh = stored_refresh.and_then(M::Storage::rewritten);
    if access.is_none() && refresh.is_none() {
        return None;
    }
    let access = access.unwrap_or(StoredForm::Plain(stored_access));
    Some((access, refresh.or(stored_refresh.map(StoredForm::Plain))))
}

/// Which of the row's tokens was presented: the hinted one, if both are the same. `None` where only the database's
/// collation takes them for equal.
fn kind_of<M: OAuth2Token>(
    row: &M,
    presented: &Candidates<'_>,
    hint: Option<TokenTypeHint>,
) -> Option<TokenTypeHint> {
    use TokenTypeHint::{AccessToken, RefreshToken};
    let is_presented = |kind: &TokenTypeHint| match kind {
        AccessToken => presented.matches(row.stored_access_token()),
        RefreshToken => row
            .stored_refresh_token()
            .is_some_and(|stored| presented.matches(stored)),
    };
    match hint {
        None | Some(AccessToken) => [AccessToken, RefreshToken].into_iter().find(is_presented),
        Some(RefreshToken) => [RefreshToken, AccessToken].into_iter().find(is_presented),
    }
}

/// The hinted kind, and not revoked.
const BEST_RANK: (bool, bool) = (false, false);

/// Lower is better.
fn rank<M: OAuth2Token>(found: &Found<M>, hint: Option<TokenTypeHint>) -> (bool, bool) {
    let preferred = hint.unwrap_or(TokenTypeHint::AccessToken);
    (found.kind != preferred, found.token.is_revoked())
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::test_support::{self, Statement, TestClient, TestToken, statements};

    #[test]
    fn only_the_exact_client_is_found_and_the_impossible_is_not_asked_for() {
        TestClient::public("App ").insert();
        TestClient::public("App").insert();
        let find = |id: &str| {
            let client: Option<TestClient> = find_client(&test_support::pool(), id).expect("works");
            client.map(|client| crate::OAuth2Client::client_id(&client).into_owned())
        };
        for id in ["App", "App "] {
            assert_eq!(find(id).as_deref(), Some(id));
        }
        assert_eq!(find("app"), None);
        statements();
        for id in ["", "\0", "App\u{e9}", "\u{1f980}", "App\n"] {
            assert_eq!(find(id), None, "{id:?}");
        }
        assert_eq!(statements(), []);
    }

    #[test]
    fn the_best_row_is_kept_whatever_the_order_and_none_behind_it_is_looked_at() {
        let row = |access: &str, refresh: &str| TestToken::new("app", access).refresh(refresh);
        let revoked = |mut token: TestToken| {
            token.access_token_revoked_at = Some(1);
            token.refresh_token_revoked_at = Some(1);
            token
        };
        let rows = [
            row("T", "other"),
            revoked(row("t", "1")),
            row("2", "t"),
            row("t", "3"),
        ];
        let candidates = <TestToken as OAuth2Token>::Storage::candidates("t");
        let (access, refresh) = (TokenTypeHint::AccessToken, TokenTypeHint::RefreshToken);
        for (hint, best, looked_at, looked_at_backwards) in [
            (None, "t 3", 4, 1),
            (Some(access), "t 3", 4, 1),
            (Some(refresh), "2 t", 3, 2),
        ] {
            for (backwards, looked_at) in [(false, looked_at), (true, looked_at_backwards)] {
                let mut rows = rows.to_vec();
                if backwards {
                    rows.reverse();
                }
                let (mut kept, mut seen) = (None, 0);
                let mut each = matching(&candidates, hint, keep_best(hint, &mut kept));
                let _ = rows.into_iter().try_for_each(|row| {
                    seen += 1;
                    each(row)
                });
                drop(each);
                let kept = kept.expect("is there").token;
                let kept = [kept.access_token, kept.refresh_token.unwrap_or_default()].join(" ");
                assert_eq!(
                    (kept.as_str(), seen),
                    (best, looked_at),
                    "{hint:?} {backwards}"
                );
            }
        }
    }

    #[test]
    fn an_access_token_in_two_rows_is_revoked_where_one_is() {
        let live = || TestToken::new("app", "t");
        let revoked = || TestToken {
            access_token_revoked_at: Some(1),
            ..live()
        };
        let candidates = <TestToken as OAuth2Token>::Storage::candidates("t");
        for rows in [[live(), revoked()], [revoked(), live()]] {
            let mut found = None;
            let _ = rows
                .into_iter()
                .try_for_each(keep_access_token(&candidates, &mut found));
            assert!(found.is_some_and(|found: TestToken| found.is_revoked()));
        }
    }

    #[test]
    fn a_token_is_found_by_one_statement_and_the_impossible_by_none() {
        TestToken::new("app", "acc").refresh("ref").insert();
        let find = |token, hint| {
            find_token::<TestToken, _>(&test_support::pool(), token, hint).expect("works")
        };
        for hint in [
            None,
            Some(TokenTypeHint::AccessToken),
            Some(TokenTypeHint::RefreshToken),
        ] {
            let kind = |token| find(token, hint).map(|found| found.kind);
            assert_eq!(kind("acc"), Some(TokenTypeHint::AccessToken));
            assert_eq!(kind("ref"), Some(TokenTypeHint::RefreshToken));
            assert_eq!(kind("REF"), None);
            assert_eq!(statements(), [Statement::LoadByToken; 3]);
            assert_eq!(kind("\u{e9}"), None);
            assert_eq!(statements(), []);
        }
    }
}
