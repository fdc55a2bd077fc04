use diesel_async::AsyncConnection;

use super::family::revoke_family;
use crate::asynchronous::Async;
use crate::asynchronous::endpoint::load_joined;
use crate::asynchronous::factory::insert_token;
use crate::asynchronous::lookup::load_token;
use crate::asynchronous::pool::{AsyncConnectionPool, on_connection};
use crate::asynchronous::transaction::Tries;
use crate::endpoint::Failure;
use crate::factory::StoredResponse;
use crate::lifecycle::{Examined, RefreshRefusal, RefreshStore, Refreshing};
use crate::model::{OAuth2Client, OAuth2Grant};
use crate::pool::Intent;
use crate::table::asynchronous::{AsyncFamilyTokenTable, AsyncGrantTable};
use crate::types::TokenTypeHint;
use crate::{Error, TokenRequest, TokenResponse};

/// [`create_refresh_token_store`](crate::lifecycle::create_refresh_token_store), awaited.
pub fn create_refresh_token_store<T, P>(pool: P) -> RefreshStore<T, Async<P>>
where
    P: AsyncConnectionPool,
    T: AsyncFamilyTokenTable<P::Connection>,
{
    RefreshStore::on(Async(pool))
}

/// On an asynchronous pool.
impl<T, P> RefreshStore<T, Async<P>>
where
    P: AsyncConnectionPool,
    T: AsyncFamilyTokenTable<P::Connection>,
{
    /// Makes a grant, for flows without an authorization code.
    ///
    /// # Errors
    /// The database's, as [`Error`]; [`Error::RandomSource`].
    pub async fn start(
        &self,
        client: &dyn OAuth2Client,
        user_id: Option<&T::UserId>,
    ) -> Result<T::GrantId, Error> {
        on_connection!(&self.pool.0, Intent::Write, |conn| self
            .start_on(conn, client, user_id))
    }

    /// The same on the caller's connection.
    ///
    /// # Errors
    /// As `start`.
    pub async fn start_on(
        &self,
        conn: &mut P::Connection,
        client: &dyn OAuth2Client,
        user_id: Option<&T::UserId>,
    ) -> Result<T::GrantId, Error> {
        let (id, now) = (T::Grant::generate_id()?, self.clock.now());
        let client_id = client.client_id();
        let grant = self.new_grant::<T::Grant>(&id, &client_id, user_id, now);
        T::Grant::insert(conn, &grant).await?;
        Ok(id)
    }

    /// Stores the first tokens of a grant, unless it was revoked or has expired.
    ///
    /// # Errors
    /// [`RefreshRefusal::Revoked`] in [`Failure::Refused`]; those of
    /// [`create_save_token_func`](crate::create_save_token_func) in [`Failure::Storage`]. Nothing is stored then.
    pub async fn issue(
        &self,
        response: &TokenResponse,
        request: &TokenRequest<'_, T::UserId, T::Extra>,
        grant_id: &T::GrantId,
    ) -> Result<(), Failure<RefreshRefusal>> {
        on_connection!(&self.pool.0, Intent::Write, |conn| self
            .issue_on(conn, response, request, grant_id))
    }

    /// The same on the caller's connection.
    ///
    /// # Errors
    /// As `issue`.
    pub async fn issue_on(
        &self,
        conn: &mut P::Connection,
        response: &TokenResponse,
        request: &TokenRequest<'_, T::UserId, T::Extra>,
        grant_id: &T::GrantId,
    ) -> Result<(), Failure<RefreshRefusal>> {
        let now = self.clock.now();
        let mut tries = Tries::on(conn);
        let issued = loop {
            let outcome = conn
                .transaction(async |conn| {
                    if !T::Grant::touch(conn, grant_id, now).await? {
                        return Ok(false);
                    }
                    insert_token::<T, _>(conn, response, request, Some(grant_id), now).await?;
                    Ok(true)
                })
                .await;
            if !tries.again(&outcome).await {
                break outcome?;
            }
        };
        match issued {
            true => Ok(()),
            false => Err(Failure::Refused(RefreshRefusal::Revoked)),
        }
    }

    /// The row of a refresh token that this client may exchange.
    ///
    /// # Errors
    /// [`RefreshRefusal`] in [`Failure::Refused`]; the database's in [`Failure::Storage`]. After
    /// [`RefreshRefusal::Reused`] the whole family is revoked.
    pub async fn authenticate(
        &self,
        refresh_token: &str,
        client: &dyn OAuth2Client,
    ) -> Result<Refreshing<T>, Failure<RefreshRefusal>> {
        let examined = on_connection!(&self.pool.0, Intent::IdempotentWrite, |conn| self.examine(
            conn,
            refresh_token,
            client
        ))?;
        self.tell_of_reuse(&examined);
        examined.into_refreshing()
    }

    /// The same on the caller's connection.
    ///
    /// Commit also after [`RefreshRefusal::Reused`]: the revocation is part of the transaction.
    ///
    /// # Errors
    /// As `authenticate`.
    pub async fn authenticate_on(
        &self,
        conn: &mut P::Connection,
        refresh_token: &str,
        client: &dyn OAuth2Client,
    ) -> Result<Refreshing<T>, Failure<RefreshRefusal>> {
        self.examine(conn, refresh_token, client)
            .await?
            .into_refreshing()
    }

    /// Finds the token, and revokes its family where it was used before.
    async fn examine(
        &self,
        conn: &mut P::Connection,
        refresh_token: &str,
        client: &dyn OAuth2Client,
    ) -> Result<Examined<T>, Failure<RefreshRefusal>> {
        let now = self.clock.now();
        let hint = Some(TokenTypeHint::RefreshToken);
        let found = load_token::<T, _>(conn, refresh_token, hint).await?;
        let examined = self.judge(found, client, now)?;
        if let Some(id) = examined.reused_family() {
            revoke_family::<T, _>(conn, id, now).await?;
        }
        Ok(examined)
    }

    /// Exchanges the refresh token for new tokens, in one atomic step: of several requests at the same time one wins, and
    /// a crash leaves either the old or the new token valid. So does a future that is dropped halfway.
    ///
    /// # Errors
    /// [`RefreshRefusal::LostRace`], [`RefreshRefusal::Revoked`] or [`RefreshRefusal::ScopeExceeded`] in
    /// [`Failure::Refused`]; those of [`create_save_token_func`](crate::create_save_token_func) in
    /// [`Failure::Storage`]. Nothing is stored then; but after [`Error::ConnectionLost`] it may be, and the client's next
    /// try works within the grace period.
    pub async fn rotate(
        &self,
        refreshing: &Refreshing<T>,
        response: &TokenResponse,
        request: &TokenRequest<'_, T::UserId, T::Extra>,
    ) -> Result<(), Failure<RefreshRefusal>> {
        on_connection!(&self.pool.0, Intent::Write, |conn| self
            .rotate_on(conn, refreshing, response, request))?;
        self.tell_of_rotation(refreshing);
        Ok(())
    }

    /// The same on the caller's connection.
    ///
    /// # Errors
    /// As `rotate`.
    pub async fn rotate_on(
        &self,
        conn: &mut P::Connection,
        refreshing: &Refreshing<T>,
        response: &TokenResponse,
        request: &TokenRequest<'_, T::UserId, T::Extra>,
    ) -> Result<(), Failure<RefreshRefusal>> {
        let now = self.clock.now();
        self.check_next(refreshing, response)?;
        if let Some(grant_id) = self.rotates_at_once(refreshing) {
            let stored = StoredResponse::new::<T>(response)?;
            let row = stored.row(request, Some(grant_id), now);
            let mut tries = Tries::on(conn);
            let rotated = loop {
                let outcome = refreshing.token.rotate(conn, &row, now).await;
                if !tries.again(&outcome).await {
                    break outcome?;
                }
            };
            if rotated == Some(true) {
                return Ok(());
            }
        }
        let mut tries = Tries::on(conn);
        loop {
            let outcome = conn
                .transaction(async |conn| {
                    self.rotate_step_by_step(conn, refreshing, response, request, now)
                        .await
                })
                .await;
            if !tries.again(&outcome).await {
                return outcome?.map_err(Failure::Refused);
            }
        }
    }

    /// The statements of a rotation one by one, inside a transaction.
    async fn rotate_step_by_step(
        &self,
        conn: &mut P::Connection,
        refreshing: &Refreshing<T>,
        response: &TokenResponse,
        request: &TokenRequest<'_, T::UserId, T::Extra>,
        now: i64,
    ) -> Result<Result<(), RefreshRefusal>, Error> {
        let token = &refreshing.token;
        let grant_id = match token.grant_id() {
            Some(grant_id) => {
                if !T::Grant::touch(conn, grant_id, now).await? {
                    return Ok(Err(RefreshRefusal::Revoked));
                }
                grant_id.clone()
            }
            None => {
                // A token that authlib wrote has no grant yet.
                let grant_id = T::Grant::generate_id()?;
                if token.join_grant(conn, &grant_id).await? {
                    let client_id = token.client_id();
                    let user_id = token.user_id();
                    let grant = self.new_grant::<T::Grant>(&grant_id, &client_id, user_id, now);
                    T::Grant::insert(conn, &grant).await?;
                    grant_id
                } else {
                    // Another request gave it one in the meantime, which is as good where the token stays.
                    let joined = load_joined(conn, token).await?;
                    match joined.filter(|_| !self.rotates) {
                        Some(joined) => match joined.grant_id() {
                            Some(id) if T::Grant::touch(conn, id, now).await? => id.clone(),
                            _ => return Ok(Err(RefreshRefusal::Revoked)),
                        },
                        None => return Ok(Err(RefreshRefusal::LostRace)),
                    }
                }
            }
        };
        if self.rotates && !token.mark_rotated(conn, now).await? && !refreshing.is_retry {
            return Ok(Err(RefreshRefusal::LostRace));
        }
        insert_token::<T, _>(conn, response, request, Some(&grant_id), now).await?;
        Ok(Ok(()))
    }
}
