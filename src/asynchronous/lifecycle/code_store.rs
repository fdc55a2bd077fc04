use diesel_async::AsyncConnection;

use super::family::revoke_family;
use crate::Error;
use crate::asynchronous::Async;
use crate::asynchronous::lookup::load_code;
use crate::asynchronous::pool::{AsyncConnectionPool, on_connection};
use crate::asynchronous::transaction::Tries;
use crate::endpoint::Failure;
use crate::lifecycle::{CodeRefusal, CodeRequest, CodeStore, Redeeming, Redemption};
use crate::model::OAuth2Grant;
use crate::pool::Intent;
use crate::table::asynchronous::{
    AsyncFamilyTokenTable, AsyncGrantTable, AsyncRedeemableCodeTable,
};

/// [`create_authorization_code_store`](crate::lifecycle::create_authorization_code_store), awaited.
pub fn create_authorization_code_store<C, T, P>(pool: P) -> CodeStore<C, T, Async<P>>
where
    P: AsyncConnectionPool,
    C: AsyncRedeemableCodeTable<P::Connection>,
    T: AsyncFamilyTokenTable<P::Connection, GrantId = C::GrantId, UserId = C::UserId>,
{
    CodeStore::on(Async(pool))
}

/// On an asynchronous pool.
impl<C, T, P> CodeStore<C, T, Async<P>>
where
    P: AsyncConnectionPool,
    C: AsyncRedeemableCodeTable<P::Connection>,
    T: AsyncFamilyTokenTable<P::Connection, GrantId = C::GrantId, UserId = C::UserId>,
{
    /// Saves a code.
    ///
    /// # Errors
    /// [`Error::Duplicate`] (generate another code), [`Error::ValueTooLong`], [`Error::InvalidValue`],
    /// [`Error::UnknownReference`], [`Error::MissingUser`]; nothing is stored then.
    pub async fn save(
        &self,
        code: &str,
        request: &CodeRequest<'_, C::UserId, C::Extra>,
    ) -> Result<(), Error> {
        on_connection!(&self.pool.0, Intent::Write, |conn| self
            .save_on(conn, code, request))
    }

    /// The same on the caller's connection.
    ///
    /// # Errors
    /// As `save`.
    pub async fn save_on(
        &self,
        conn: &mut P::Connection,
        code: &str,
        request: &CodeRequest<'_, C::UserId, C::Extra>,
    ) -> Result<(), Error> {
        let stored = self.stored(code, T::Grant::generate_id()?)?;
        C::insert(conn, &stored.row(request)).await
    }

    /// Redeems a code, once: of several requests at the same time one gets it. The client, the redirect URI and the
    /// verifier are checked before it is spent.
    ///
    /// # Errors
    /// [`CodeRefusal`] in [`Failure::Refused`]; the database's in [`Failure::Storage`]. After
    /// [`Error::ConnectionLost`], and where the future is dropped halfway, the code may be spent: the client has to ask the
    /// user again.
    pub async fn redeem(&self, redemption: &Redemption<'_>) -> Result<C, Failure<CodeRefusal>> {
        let redeemed = on_connection!(&self.pool.0, Intent::Write, |conn| self
            .redeem_on(conn, redemption));
        self.told(redeemed)
    }

    /// The same on the caller's connection: with `issue_on` of a [`RefreshStore`](crate::lifecycle::RefreshStore) in one
    /// transaction, a code is not spent unless its tokens are stored.
    ///
    /// Commit also after [`CodeRefusal::Replayed`]: the revocation is part of the transaction.
    ///
    /// # Errors
    /// As `redeem`.
    pub async fn redeem_on(
        &self,
        conn: &mut P::Connection,
        redemption: &Redemption<'_>,
    ) -> Result<C, Failure<CodeRefusal>> {
        let now = self.clock.now();
        let found = load_code::<C, _>(conn, redemption.code).await?;
        let (code, redeeming) = self
            .decide(redemption, found, now)
            .map_err(Failure::Refused)?;
        if matches!(redeeming, Redeeming::Spend) && self.spend(conn, &code, now).await? {
            return Ok(code);
        }
        if let Some(id) = code.grant_id() {
            revoke_family::<T, _>(conn, id, now).await?;
        }
        Err(Failure::Refused(CodeRefusal::Replayed))
    }

    /// Marks the code redeemed and makes its grant, or neither.
    async fn spend(&self, conn: &mut P::Connection, code: &C, now: i64) -> Result<bool, Error> {
        let client_id = code.client_id();
        let grant = self.grant_of::<T::Grant>(code, &client_id, now);
        let grant = grant.as_ref();
        if let Some(grant) = grant {
            let mut tries = Tries::on(conn);
            loop {
                let outcome = code.redeem(conn, grant, now).await;
                if !tries.again(&outcome).await {
                    match outcome? {
                        Some(spent) => return Ok(spent),
                        None => break,
                    }
                }
            }
        }
        let mut tries = Tries::on(conn);
        loop {
            let outcome = conn
                .transaction(async |conn| {
                    if !code.mark_redeemed(conn, now).await? {
                        return Ok(false);
                    }
                    if let Some(grant) = grant {
                        T::Grant::insert(conn, grant).await?;
                    }
                    Ok(true)
                })
                .await;
            if !tries.again(&outcome).await {
                return outcome;
            }
        }
    }
}
