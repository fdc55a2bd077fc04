use std::future::{Future, ready};

use crate::Error;
use crate::model::{GrantLife, OAuth2Token};
use crate::secret::Candidates;
use crate::table::NewToken;

/// [`TokenTable`](crate::table::TokenTable), awaited.
///
/// A model may cross threads while a statement is under way, and so may what fills its own columns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no table of tokens on `{Conn}`",
    label = "not an `AsyncTokenTable<{Conn}>`",
    note = "put `#[derive(OAuth2Token)]` on the model, and enable the feature of its database (`sqlite`, `postgres`, `mysql`)"
)]
pub trait AsyncTokenTable<Conn: Send>: OAuth2Token<Extra: Send + Sync> + Sync {
    /// [`TokenTable::load_by_access_token`](crate::table::TokenTable::load_by_access_token), awaited.
    fn load_by_access_token(
        conn: &mut Conn,
        token: &Candidates<'_>,
    ) -> impl Future<Output = Result<Vec<Self>, Error>> + Send;

    /// [`TokenTable::load_by_token`](crate::table::TokenTable::load_by_token), awaited.
    fn load_by_token(
        conn: &mut Conn,
        token: &Candidates<'_>,
    ) -> impl Future<Output = Result<Vec<Self>, Error>> + Send;

    /// [`TokenTable::insert`](crate::table::TokenTable::insert), awaited.
    fn insert(
        conn: &mut Conn,
        row: &NewToken<'_, Self>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// [`TokenTable::rewrite_tokens`](crate::table::TokenTable::rewrite_tokens), awaited.
    fn rewrite_tokens(
        &self,
        conn: &mut Conn,
        access_token: &str,
        refresh_token: Option<&str>,
    ) -> impl Future<Output = Result<bool, Error>> + Send {
        let _ = (conn, access_token, refresh_token);
        ready(Ok(false))
    }

    /// [`TokenTable::load_grant_life`](crate::table::TokenTable::load_grant_life), awaited.
    fn load_grant_life(
        &self,
        conn: &mut Conn,
    ) -> impl Future<Output = Result<GrantLife, Error>> + Send {
        let _ = conn;
        ready(Ok(GrantLife::Unlimited))
    }
}

/// [`RevocableTokenTable`](crate::table::RevocableTokenTable), awaited.
#[diagnostic::on_unimplemented(
    message = "tokens of `{Self}` cannot be revoked on `{Conn}`",
    label = "not an `AsyncRevocableTokenTable<{Conn}>`",
    note = "give the model a field `access_token_revoked_at` (a time or a bool), or name one: `#[oauth2(access_token_revoked_at = field)]`; it also needs a single-column primary key"
)]
pub trait AsyncRevocableTokenTable<Conn: Send>: AsyncTokenTable<Conn> {
    /// [`RevocableTokenTable::revoke_access_token`](crate::table::RevocableTokenTable::revoke_access_token), awaited.
    fn revoke_access_token(
        &self,
        conn: &mut Conn,
        now: i64,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// [`RevocableTokenTable::revoke_refresh_token`](crate::table::RevocableTokenTable::revoke_refresh_token), awaited.
    fn revoke_refresh_token(
        &self,
        conn: &mut Conn,
        now: i64,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// [`RevocableTokenTable::revoke_grant`](crate::table::RevocableTokenTable::revoke_grant), awaited.
    fn revoke_grant(
        &self,
        conn: &mut Conn,
        now: i64,
    ) -> impl Future<Output = Result<bool, Error>> + Send {
        let _ = (conn, now);
        ready(Ok(false))
    }

    /// [`RevocableTokenTable::revoke_family`](crate::table::RevocableTokenTable::revoke_family), awaited.
    fn revoke_family(
        &self,
        conn: &mut Conn,
        now: i64,
    ) -> impl Future<Output = Result<usize, Error>> + Send {
        async move { self.revoke_refresh_token(conn, now).await.map(usize::from) }
    }
}
