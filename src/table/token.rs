use std::ops::ControlFlow;

use serde_json::{Map, Value};

use crate::Error;
use crate::model::{GrantLife, OAuth2Token};
use crate::secret::Candidates;

/// The statements on a table of tokens.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no table of tokens on `{Conn}`",
    label = "not a `TokenTable<{Conn}>`",
    note = "put `#[derive(OAuth2Token)]` on the model, and enable the feature of its database (`sqlite`, `postgres`, `mysql`) or name the connection with `#[oauth2(connection = ...)]`"
)]
pub trait TokenTable<Conn>: OAuth2Token {
    /// Gives `each` the rows whose access token is one of the candidates, and whatever else the column's collation
    /// takes for equal.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn load_by_access_token(
        conn: &mut Conn,
        token: &Candidates<'_>,
        each: impl FnMut(Self) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// Gives `each` the rows whose access token or refresh token is one of the candidates, and whatever else the
    /// column's collation takes for equal.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn load_by_token(
        conn: &mut Conn,
        token: &Candidates<'_>,
        each: impl FnMut(Self) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// Stores one row.
    ///
    /// # Errors
    /// [`Error::ValueTooLong`], [`Error::InvalidValue`] or [`Error::MissingUser`] before anything is sent; else the
    /// database's. Nothing is stored then.
    fn insert(conn: &mut Conn, row: &NewToken<'_, Self>) -> Result<(), Error>;

    /// Writes this row's tokens in another form, where they still stand as they were read. Tells whether it did; a table
    /// without a single-column primary key cannot.
    ///
    /// # Errors
    /// [`Error::ValueTooLong`] before anything is sent; else the database's.
    fn rewrite_tokens(
        &self,
        conn: &mut Conn,
        access_token: &str,
        refresh_token: Option<&str>,
    ) -> Result<bool, Error> {
        let _ = (conn, access_token, refresh_token);
        Ok(false)
    }

    /// How long tokens may still be issued from the grant that this row came of: a row without a grant sets no end.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn load_grant_life(&self, conn: &mut Conn) -> Result<GrantLife, Error> {
        let _ = conn;
        Ok(GrantLife::Unlimited)
    }
}

/// The statements that revoke, for tables with a column for it.
#[diagnostic::on_unimplemented(
    message = "tokens of `{Self}` cannot be revoked on `{Conn}`",
    label = "not a `RevocableTokenTable<{Conn}>`",
    note = "give the model a field `access_token_revoked_at` (a time or a bool), or name one: `#[oauth2(access_token_revoked_at = field)]`; it also needs a single-column primary key"
)]
pub trait RevocableTokenTable<Conn>: TokenTable<Conn> {
    /// Marks this row's access token revoked at `now` (epoch seconds), unless it is already. Tells whether it did.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn revoke_access_token(&self, conn: &mut Conn, now: i64) -> Result<bool, Error>;

    /// Marks this row's refresh token revoked at `now` (epoch seconds), and its access token with it, each unless it
    /// is already. Tells whether it did.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn revoke_refresh_token(&self, conn: &mut Conn, now: i64) -> Result<bool, Error>;

    /// Marks the grant that this row came of revoked at `now` (epoch seconds), unless it is already. Tells whether it
    /// did; a table without grants has nothing to do.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn revoke_grant(&self, conn: &mut Conn, now: i64) -> Result<bool, Error> {
        let _ = (conn, now);
        Ok(false)
    }

    /// Marks every token of the grant that this row came of revoked at `now` (epoch seconds), each unless it is already.
    /// Tells how many rows; a table without grants has this row only.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn revoke_family(&self, conn: &mut Conn, now: i64) -> Result<usize, Error> {
        self.revoke_refresh_token(conn, now).map(usize::from)
    }
}

/// A token as it is to be stored. It does not show itself in `Debug`.
#[non_exhaustive]
pub struct NewToken<'a, M: OAuth2Token> {
    /// `client_id` of the client that the token is issued to.
    pub client_id: &'a str,
    /// The user who granted it.
    pub user_id: Option<&'a M::UserId>,
    /// The grant that it comes of.
    pub grant_id: Option<&'a M::GrantId>,
    /// `token_type`
    pub token_type: &'a str,
    /// The access token in its stored form.
    pub access_token: &'a str,
    /// The refresh token in its stored form.
    pub refresh_token: Option<&'a str>,
    /// The granted scopes, separated by spaces.
    pub scope: Option<&'a str>,
    /// When it is issued, in epoch seconds.
    pub issued_at: i64,
    /// The access token's lifetime in seconds. `None`: it never expires.
    pub expires_in: Option<i64>,
    /// Members of the token response without a field here.
    pub extra_members: &'a Map<String, Value>,
    /// What fills the model's own columns.
    pub extra: &'a M::Extra,
}

impl<M: OAuth2Token> NewToken<'_, M> {
    /// The last second at which the access token will be valid.
    pub fn expires_at(&self) -> Option<i64> {
        Some(self.issued_at.saturating_add(self.expires_in?))
    }
}

impl<M: OAuth2Token> std::fmt::Debug for NewToken<'_, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken")
            .field("client_id", &self.client_id)
            .field("issued_at", &self.issued_at)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}
