use std::ops::ControlFlow;

#[cfg(feature = "postgres")]
use diesel::pg::Pg;
#[cfg(feature = "postgres")]
use diesel::query_builder::{QueryFragment, QueryId};

use crate::Error;
use crate::model::OAuth2Grant;

/// The statements on a table of grants.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no table of grants on `{Conn}`",
    label = "not a `GrantTable<{Conn}>`",
    note = "put `#[derive(OAuth2Grant)]` on the model, and enable the feature of its database (`sqlite`, `postgres`, `mysql`) or name the connection with `#[oauth2(connection = ...)]`"
)]
pub trait GrantTable<Conn>: OAuth2Grant {
    /// Stores one row.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn insert(conn: &mut Conn, row: &NewGrant<'_, Self>) -> Result<(), Error>;

    /// The statement `spend` and [`insert`](Self::insert) as one, which inserts nothing where `spend` finds no row. Tells
    /// whether it did. `None` where no such statement is known.
    ///
    /// # Errors
    /// The database's, as [`Error`]. Nothing is written then.
    #[cfg(feature = "postgres")]
    fn insert_after<S>(
        conn: &mut Conn,
        spend: S,
        row: &NewGrant<'_, Self>,
    ) -> Result<Option<bool>, Error>
    where
        S: QueryFragment<Pg> + QueryId,
    {
        let _ = (conn, spend, row);
        Ok(None)
    }

    /// Gives `each` the grant with this id, if there is one.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn load(
        conn: &mut Conn,
        id: &Self::Id,
        each: impl FnMut(Self) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// Notes that the grant is used at `now` (epoch seconds), where it is neither revoked nor expired, and tells whether
    /// it is so. Inside a transaction this holds the row until the end, so that no revocation comes in between.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn touch(conn: &mut Conn, id: &Self::Id, now: i64) -> Result<bool, Error>;

    /// Marks the grant revoked at `now` (epoch seconds), unless it is already. Tells whether it did.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn revoke(conn: &mut Conn, id: &Self::Id, now: i64) -> Result<bool, Error>;

    /// Marks every grant of the user revoked at `now` (epoch seconds), unless it is already. Tells how many.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn revoke_by_user(conn: &mut Conn, user_id: &Self::UserId, now: i64) -> Result<usize, Error>;

    /// Marks every grant to the client revoked at `now` (epoch seconds), unless it is already. Tells how many.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn revoke_by_client(conn: &mut Conn, client_id: &str, now: i64) -> Result<usize, Error>;
}

/// A grant as it is to be stored.
#[derive(Debug)]
#[non_exhaustive]
pub struct NewGrant<'a, M: OAuth2Grant> {
    /// The grant's id.
    pub id: &'a M::Id,
    /// `client_id` of the client that it is given to.
    pub client_id: &'a str,
    /// The user who gives it.
    pub user_id: Option<&'a M::UserId>,
    /// When it is given, in epoch seconds.
    pub created_at: i64,
    /// The last second at which tokens may be issued from it. `None`: it never expires.
    pub expires_at: Option<i64>,
}
