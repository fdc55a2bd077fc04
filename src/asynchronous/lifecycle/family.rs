use diesel_async::AsyncConnection;

use crate::Error;
use crate::asynchronous::Async;
use crate::asynchronous::pool::{AsyncConnectionPool, on_connection};
use crate::asynchronous::transaction::Tries;
use crate::lifecycle::GrantRevocation;
use crate::model::OAuth2Client;
use crate::observer::RevocationCause;
use crate::pool::Intent;
use crate::table::asynchronous::{AsyncFamilyTokenTable, AsyncGrantTable};

/// Revokes a family on the caller's connection: the grant first, then its tokens.
pub(super) async fn revoke_family<T, Conn>(
    conn: &mut Conn,
    grant_id: &T::GrantId,
    now: i64,
) -> Result<usize, Error>
where
    Conn: AsyncConnection,
    T: AsyncFamilyTokenTable<Conn>,
{
    let mut tries = Tries::on(conn);
    loop {
        let outcome = conn
            .transaction(async |conn| {
                T::Grant::revoke(conn, grant_id, now).await?;
                T::revoke_by_grant(conn, grant_id, now).await
            })
            .await;
        if !tries.again(&outcome).await {
            return outcome;
        }
    }
}

/// [`create_grant_revocation`](crate::lifecycle::create_grant_revocation), awaited.
pub fn create_grant_revocation<T, P>(pool: P) -> GrantRevocation<T, Async<P>>
where
    P: AsyncConnectionPool,
    T: AsyncFamilyTokenTable<P::Connection>,
{
    GrantRevocation::on(Async(pool))
}

/// On an asynchronous pool.
impl<T, P> GrantRevocation<T, Async<P>>
where
    P: AsyncConnectionPool,
    T: AsyncFamilyTokenTable<P::Connection>,
{
    /// Revokes the grant and its tokens. Tells how many rows of tokens.
    ///
    /// # Errors
    /// The database's, as [`Error`]. Nothing is revoked then.
    pub async fn revoke_by_grant(&self, grant_id: &T::GrantId) -> Result<usize, Error> {
        let revoked = on_connection!(&self.pool.0, Intent::IdempotentWrite, |conn| self
            .revoke_by_grant_on(conn, grant_id));
        self.told(revoked, RevocationCause::Grant)
    }

    /// The same on the caller's connection.
    ///
    /// # Errors
    /// As `revoke_by_grant`.
    pub async fn revoke_by_grant_on(
        &self,
        conn: &mut P::Connection,
        grant_id: &T::GrantId,
    ) -> Result<usize, Error> {
        revoke_family::<T, _>(conn, grant_id, self.clock.now()).await
    }

    /// Revokes every grant and token of the user. Tells how many rows of tokens.
    ///
    /// # Errors
    /// The database's, as [`Error`]. Nothing is revoked then.
    pub async fn revoke_by_user(&self, user_id: &T::UserId) -> Result<usize, Error> {
        let revoked = on_connection!(&self.pool.0, Intent::IdempotentWrite, |conn| self
            .revoke_by_user_on(conn, user_id));
        self.told(revoked, RevocationCause::User)
    }

    /// The same on the caller's connection.
    ///
    /// # Errors
    /// As `revoke_by_user`.
    pub async fn revoke_by_user_on(
        &self,
        conn: &mut P::Connection,
        user_id: &T::UserId,
    ) -> Result<usize, Error> {
        let now = self.clock.now();
        let mut tries = Tries::on(conn);
        loop {
            let outcome = conn
                .transaction(async |conn| {
                    T::Grant::revoke_by_user(conn, user_id, now).await?;
                    let mut revoked = T::revoke_by_user(conn, user_id, now).await?;
                    // Those that were given a grant meanwhile, as where it blocks.
                    if T::Grant::revoke_by_user(conn, user_id, now).await? > 0 {
                        revoked += T::revoke_by_user(conn, user_id, now).await?;
                    }
                    Ok(revoked)
                })
                .await;
            if !tries.again(&outcome).await {
                return outcome;
            }
        }
    }

    /// Revokes every grant and token of the client. Tells how many rows of tokens.
    ///
    /// # Errors
    /// The database's, as [`Error`]. Nothing is revoked then.
    pub async fn revoke_by_client(&self, client: &dyn OAuth2Client) -> Result<usize, Error> {
        let revoked = on_connection!(&self.pool.0, Intent::IdempotentWrite, |conn| self
            .revoke_by_client_on(conn, client));
        self.told(revoked, RevocationCause::Client)
    }

    /// The same on the caller's connection.
    ///
    /// # Errors
    /// As `revoke_by_client`.
    pub async fn revoke_by_client_on(
        &self,
        conn: &mut P::Connection,
        client: &dyn OAuth2Client,
    ) -> Result<usize, Error> {
        let now = self.clock.now();
        let client_id = &*client.client_id();
        let mut tries = Tries::on(conn);
        loop {
            let outcome = conn
                .transaction(async |conn| {
                    T::Grant::revoke_by_client(conn, client_id, now).await?;
                    let mut revoked = T::revoke_by_client(conn, client_id, now).await?;
                    // Those that were given a grant meanwhile, as where it blocks.
                    if T::Grant::revoke_by_client(conn, client_id, now).await? > 0 {
                        revoked += T::revoke_by_client(conn, client_id, now).await?;
                    }
                    Ok(revoked)
                })
                .await;
            if !tries.again(&outcome).await {
                return outcome;
            }
        }
    }
}
