use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use diesel::connection::Connection;

use super::retry::transaction;
use crate::Error;
use crate::clock::{Clock, SystemClock};
use crate::model::{OAuth2Client, OAuth2Grant, OAuth2Token};
use crate::pool::{ConnectionPool, Intent};
use crate::table::{FamilyTokenTable, GrantTable};

/// Revokes a family on the caller's connection: the grant first, then its tokens.
pub(super) fn revoke_family<T, G, Conn>(
    conn: &mut Conn,
    grant_id: &G::Id,
    now: i64,
) -> Result<usize, Error>
where
    Conn: Connection,
    G: GrantTable<Conn>,
    T: FamilyTokenTable<Conn, GrantId = G::Id>,
{
    transaction(conn, |conn| {
        G::revoke(conn, grant_id, now)?;
        T::revoke_by_grant(conn, grant_id, now)
    })
}

/// Creates what revokes grants with all their tokens: by grant, by user ('log out everywhere') or by client.
///
/// No token that is issued at the same time survives, whichever came first.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::lifecycle::create_grant_revocation;
/// use diesel_oauth2::models::{Grant, Token};
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// let revocation = create_grant_revocation::<Token, Grant, _>(pool);
/// assert_eq!(revocation.revoke_by_user(&7)?, 0);
/// # }
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
pub fn create_grant_revocation<T, G, P>(pool: P) -> GrantRevocation<T, G, P>
where
    P: ConnectionPool,
    G: GrantTable<P::Connection>,
    T: FamilyTokenTable<P::Connection, GrantId = G::Id, UserId = G::UserId>,
{
    GrantRevocation {
        pool,
        clock: Arc::new(SystemClock),
        models: PhantomData,
    }
}

/// Revokes grants with all their tokens: made by [`create_grant_revocation`].
#[must_use]
pub struct GrantRevocation<T, G, P> {
    pool: P,
    clock: Arc<dyn Clock>,
    models: PhantomData<fn() -> (T, G)>,
}

impl<T, G, P> GrantRevocation<T, G, P>
where
    P: ConnectionPool,
    G: GrantTable<P::Connection>,
    T: FamilyTokenTable<
            P::Connection,
            GrantId = <G as OAuth2Grant>::Id,
            UserId = <G as OAuth2Grant>::UserId,
        >,
{
    /// The clock that says when it was revoked.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Revokes the grant and its tokens. Tells how many rows of tokens.
    ///
    /// # Errors
    /// The database's, as [`Error`]. Nothing is revoked then.
    pub fn revoke_by_grant(&self, grant_id: &<G as OAuth2Grant>::Id) -> Result<usize, Error> {
        let now = self.clock.now();
        self.pool.run(Intent::IdempotentWrite, |conn| {
            revoke_family::<T, G, _>(conn, grant_id, now)
        })
    }

    /// Revokes every grant and token of the user. Tells how many rows of tokens.
    ///
    /// # Errors
    /// The database's, as [`Error`]. Nothing is revoked then.
    pub fn revoke_by_user(&self, user_id: &<T as OAuth2Token>::UserId) -> Result<usize, Error> {
        let now = self.clock.now();
        self.pool.run(Intent::IdempotentWrite, |conn| {
            transaction(conn, |conn| {
                G::revoke_by_user(conn, user_id, now)?;
                T::revoke_by_user(conn, user_id, now)
            })
        })
    }

    /// Revokes every grant and token of the client. Tells how many rows of tokens.
    ///
    /// # Errors
    /// The database's, as [`Error`]. Nothing is revoked then.
    pub fn revoke_by_client(&self, client: &dyn OAuth2Client) -> Result<usize, Error> {
        let now = self.clock.now();
        let client_id = client.client_id();
        self.pool.run(Intent::IdempotentWrite, |conn| {
            transaction(conn, |conn| {
                G::revoke_by_client(conn, &client_id, now)?;
                T::revoke_by_client(conn, &client_id, now)
            })
        })
    }
}

impl<T, G, P: Clone> Clone for GrantRevocation<T, G, P> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            clock: Arc::clone(&self.clock),
            models: PhantomData,
        }
    }
}

impl<T, G, P> fmt::Debug for GrantRevocation<T, G, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantRevocation").finish_non_exhaustive()
    }
}
