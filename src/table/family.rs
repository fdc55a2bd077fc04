use crate::Error;
use crate::table::{CodeTable, GrantTable, NewGrant, NewToken, RevocableTokenTable};

/// The statements on tokens as families, for tables with columns for it.
#[diagnostic::on_unimplemented(
    message = "tokens of `{Self}` form no families on `{Conn}`",
    label = "not a `FamilyTokenTable<{Conn}>`",
    note = "give the model the fields `grant_id`, `refresh_token`, `access_token_revoked_at`, `refresh_token_revoked_at` and `refresh_token_rotated_at`, or name them: `#[oauth2(grant_id = field)]`; it also needs a single-column primary key"
)]
pub trait FamilyTokenTable<Conn>: RevocableTokenTable<Conn> {
    /// The model of the grants: `#[oauth2(grant = Grant)]`.
    type Grant: GrantTable<Conn, Id = Self::GrantId, UserId = Self::UserId>;

    /// Marks this row's refresh token rotated, and thereby revoked, at `now` (epoch seconds), unless it is revoked
    /// already. Tells whether it did: of several at once, one does.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn mark_rotated(&self, conn: &mut Conn, now: i64) -> Result<bool, Error>;

    /// [`GrantTable::touch`], [`mark_rotated`](Self::mark_rotated) and [`insert`](crate::table::TokenTable::insert) of
    /// `row` as one statement, where the database has one for it. Tells whether all three were done; else none was.
    /// `None` where there is no such statement.
    ///
    /// # Errors
    /// As those of the three.
    fn rotate(
        &self,
        conn: &mut Conn,
        row: &NewToken<'_, Self>,
        now: i64,
    ) -> Result<Option<bool>, Error> {
        let _ = (conn, row, now);
        Ok(None)
    }

    /// Makes this row one of the grant's, unless it is of one already or its refresh token is revoked. Tells whether it
    /// did.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn join_grant(&self, conn: &mut Conn, grant_id: &Self::GrantId) -> Result<bool, Error>;

    /// Gives `each` those of the grants that still have a token, once or more often.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn load_grants_in_use(
        conn: &mut Conn,
        grant_ids: &[Self::GrantId],
        each: impl FnMut(Self::GrantId),
    ) -> Result<(), Error>;

    /// Marks every token of the grant revoked at `now` (epoch seconds), each unless it is already. Tells how many rows.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn revoke_by_grant(conn: &mut Conn, grant_id: &Self::GrantId, now: i64)
    -> Result<usize, Error>;

    /// Marks every token of the user revoked at `now` (epoch seconds), each unless it is already. Tells how many rows.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn revoke_by_user(conn: &mut Conn, user_id: &Self::UserId, now: i64) -> Result<usize, Error>;

    /// Marks every token of the client revoked at `now` (epoch seconds), each unless it is already. Tells how many rows.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn revoke_by_client(conn: &mut Conn, client_id: &str, now: i64) -> Result<usize, Error>;
}

/// The statement that spends an authorization code, for tables with a column for it.
#[diagnostic::on_unimplemented(
    message = "codes of `{Self}` cannot be redeemed on `{Conn}`",
    label = "not a `RedeemableCodeTable<{Conn}>`",
    note = "give the model the fields `grant_id` and `redeemed_at`, or name them: `#[oauth2(redeemed_at = field)]`; it also needs a single-column primary key"
)]
pub trait RedeemableCodeTable<Conn>: CodeTable<Conn> {
    /// Marks this code redeemed at `now` (epoch seconds), unless it is already. Tells whether it did: of several at
    /// once, one does.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn mark_redeemed(&self, conn: &mut Conn, now: i64) -> Result<bool, Error>;

    /// [`mark_redeemed`](Self::mark_redeemed) and [`GrantTable::insert`] of `grant` as one statement, where the database has
    /// one for it. Tells whether both were done; else neither was, because the code was redeemed before. `None` where there
    /// is no such statement.
    ///
    /// # Errors
    /// As those of the two.
    fn redeem<G: GrantTable<Conn>>(
        &self,
        conn: &mut Conn,
        grant: &NewGrant<'_, G>,
        now: i64,
    ) -> Result<Option<bool>, Error> {
        let _ = (conn, grant, now);
        Ok(None)
    }
}
