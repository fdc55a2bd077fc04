use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use diesel::connection::Connection;

use crate::Error;
use crate::clock::{Clock, SystemClock};
use crate::model::{OAuth2Client, OAuth2Grant};
use crate::observer::{Observer, RevocationCause};
use crate::pool::{ConnectionPool, Intent};
use crate::table::{FamilyTokenTable, GrantTable, NewGrant};
use crate::transaction::transaction;

/// Revokes a family on the caller's connection: the grant first, then its tokens.
pub(super) fn revoke_family<T, Conn>(
    conn: &mut Conn,
    grant_id: &T::GrantId,
    now: i64,
) -> Result<usize, Error>
where
    Conn: Connection,
    T: FamilyTokenTable<Conn>,
{
    transaction(conn, |conn| {
        T::Grant::revoke(conn, grant_id, now)?;
        T::revoke_by_grant(conn, grant_id, now)
    })
}

/// Revokes grants by one statement and then their tokens by another. Tells how many rows of tokens.
fn revoke_all<Conn: Connection>(
    conn: &mut Conn,
    mut grants: impl FnMut(&mut Conn) -> Result<usize, Error>,
    mut tokens: impl FnMut(&mut Conn) -> Result<usize, Error>,
) -> Result<usize, Error> {
    transaction(conn, |conn| {
        grants(conn)?;
        let mut revoked = tokens(conn)?;
        // A token that had no grant may have been given one, and a successor, behind the first statement's back. The
        // second statement waited for that, and no other can begin since.
        if grants(conn)? > 0 {
            revoked += tokens(conn)?;
        }
        Ok(revoked)
    })
}

/// The grant that begins at `now`, and from which tokens may be issued for so many seconds, or for ever.
pub(super) fn new_grant<'g, G: OAuth2Grant>(
    id: &'g G::Id,
    client_id: &'g str,
    user_id: Option<&'g G::UserId>,
    now: i64,
    lifetime: Option<i64>,
) -> NewGrant<'g, G> {
    NewGrant {
        id,
        client_id,
        user_id,
        created_at: now,
        expires_at: lifetime.map(|life| now.saturating_add(life)),
    }
}

/// Spends what a grant begins with, a code or a device code, and makes the grant, or neither. `mark` tells whether it was
/// there to be spent.
pub(super) fn begin_family<T, Conn>(
    conn: &mut Conn,
    grant: Option<&NewGrant<'_, T::Grant>>,
    mut mark: impl FnMut(&mut Conn) -> Result<bool, Error>,
) -> Result<bool, Error>
where
    Conn: Connection,
    T: FamilyTokenTable<Conn>,
{
    transaction(conn, |conn| {
        if !mark(conn)? {
            return Ok(false);
        }
        if let Some(grant) = grant {
            T::Grant::insert(conn, grant)?;
        }
        Ok(true)
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
/// use diesel_oauth2::models::Token;
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// let revocation = create_grant_revocation::<Token, _>(pool);
/// assert_eq!(revocation.revoke_by_user(&7)?, 0);
/// # }
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
pub fn create_grant_revocation<T, P>(pool: P) -> GrantRevocation<T, P>
where
    P: ConnectionPool,
    T: FamilyTokenTable<P::Connection>,
{
    GrantRevocation::on(pool)
}

/// Revokes grants with all their tokens: made by [`create_grant_revocation`].
#[must_use]
pub struct GrantRevocation<T, P> {
    pub(crate) pool: P,
    pub(crate) clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer<T>>>,
    model: PhantomData<fn() -> T>,
}

impl<T: 'static, P> GrantRevocation<T, P> {
    pub(crate) fn on(pool: P) -> Self {
        Self {
            pool,
            clock: Arc::new(SystemClock),
            observer: None,
            model: PhantomData,
        }
    }

    /// The clock that says when it was revoked.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Who is told of [`tokens_revoked`](Observer::tokens_revoked).
    pub fn observer(mut self, observer: impl Observer<T>) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    pub(crate) fn told(
        &self,
        revoked: Result<usize, Error>,
        cause: RevocationCause,
    ) -> Result<usize, Error> {
        if let (Ok(_), Some(observer)) = (&revoked, &self.observer) {
            observer.tokens_revoked(cause);
        }
        revoked
    }
}

impl<T, P> GrantRevocation<T, P>
where
    P: ConnectionPool,
    T: FamilyTokenTable<P::Connection>,
{
    /// Revokes the grant and its tokens. Tells how many rows of tokens.
    ///
    /// # Errors
    /// The database's, as [`Error`]. Nothing is revoked then.
    pub fn revoke_by_grant(&self, grant_id: &T::GrantId) -> Result<usize, Error> {
        let revoked = self.pool.run(Intent::IdempotentWrite, |conn| {
            self.revoke_by_grant_on(conn, grant_id)
        });
        self.told(revoked, RevocationCause::Grant)
    }

    /// [`revoke_by_grant`](Self::revoke_by_grant) on the caller's connection.
    ///
    /// # Errors
    /// As [`revoke_by_grant`](Self::revoke_by_grant).
    pub fn revoke_by_grant_on(
        &self,
        conn: &mut P::Connection,
        grant_id: &T::GrantId,
    ) -> Result<usize, Error> {
        revoke_family::<T, _>(conn, grant_id, self.clock.now())
    }

    /// Revokes every grant and token of the user. Tells how many rows of tokens.
    ///
    /// # Errors
    /// The database's, as [`Error`]. Nothing is revoked then.
    pub fn revoke_by_user(&self, user_id: &T::UserId) -> Result<usize, Error> {
        let revoked = self.pool.run(Intent::IdempotentWrite, |conn| {
            self.revoke_by_user_on(conn, user_id)
        });
        self.told(revoked, RevocationCause::User)
    }

    /// [`revoke_by_user`](Self::revoke_by_user) on the caller's connection.
    ///
    /// # Errors
    /// As [`revoke_by_user`](Self::revoke_by_user).
    pub fn revoke_by_user_on(
        &self,
        conn: &mut P::Connection,
        user_id: &T::UserId,
    ) -> Result<usize, Error> {
        let now = self.clock.now();
        revoke_all(
            conn,
            |conn| T::Grant::revoke_by_user(conn, user_id, now),
            |conn| T::revoke_by_user(conn, user_id, now),
        )
    }

    /// Revokes every grant and token of the client. Tells how many rows of tokens.
    ///
    /// # Errors
    /// The database's, as [`Error`]. Nothing is revoked then.
    pub fn revoke_by_client(&self, client: &dyn OAuth2Client) -> Result<usize, Error> {
        let revoked = self.pool.run(Intent::IdempotentWrite, |conn| {
            self.revoke_by_client_on(conn, client)
        });
        self.told(revoked, RevocationCause::Client)
    }

    /// [`revoke_by_client`](Self::revoke_by_client) on the caller's connection.
    ///
    /// # Errors
    /// As [`revoke_by_client`](Self::revoke_by_client).
    pub fn revoke_by_client_on(
        &self,
        conn: &mut P::Connection,
        client: &dyn OAuth2Client,
    ) -> Result<usize, Error> {
        let now = self.clock.now();
        let client_id = client.client_id();
        revoke_all(
            conn,
            |conn| T::Grant::revoke_by_client(conn, &client_id, now),
            |conn| T::revoke_by_client(conn, &client_id, now),
        )
    }
}

impl<T, P: Clone> Clone for GrantRevocation<T, P> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            clock: Arc::clone(&self.clock),
            observer: self.observer.clone(),
            model: PhantomData,
        }
    }
}

impl<T, P> fmt::Debug for GrantRevocation<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantRevocation").finish_non_exhaustive()
    }
}
