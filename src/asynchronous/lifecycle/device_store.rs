use diesel_async::AsyncConnection;

use crate::Error;
use crate::asynchronous::Async;
use crate::asynchronous::lookup::{load_device_code, load_user_code};
use crate::asynchronous::pool::{AsyncConnectionPool, on_connection};
use crate::asynchronous::transaction::Tries;
use crate::endpoint::Failure;
use crate::lifecycle::{
    DeviceAuthorization, DeviceRedeeming, DeviceRefusal, DeviceRequest, DeviceStore, TRIES,
    normalize_user_code,
};
use crate::model::{OAuth2Client, OAuth2Grant};
use crate::pool::Intent;
use crate::table::asynchronous::{AsyncDeviceCodeTable, AsyncFamilyTokenTable, AsyncGrantTable};

/// [`create_device_code_store`](crate::lifecycle::create_device_code_store), awaited.
pub fn create_device_code_store<D, T, P>(pool: P) -> DeviceStore<D, T, Async<P>>
where
    P: AsyncConnectionPool,
    D: AsyncDeviceCodeTable<P::Connection>,
    T: AsyncFamilyTokenTable<P::Connection, GrantId = D::GrantId, UserId = D::UserId>,
{
    DeviceStore::on(Async(pool))
}

/// On an asynchronous pool.
impl<D, T, P> DeviceStore<D, T, Async<P>>
where
    P: AsyncConnectionPool,
    D: AsyncDeviceCodeTable<P::Connection>,
    T: AsyncFamilyTokenTable<P::Connection, GrantId = D::GrantId, UserId = D::UserId>,
{
    /// Makes and saves a device code and a user code, and gives the answer to the device. `verification_uri` is where the
    /// user types the user code in.
    ///
    /// # Errors
    /// [`Error::UnknownReference`], [`Error::InvalidValue`], [`Error::ValueTooLong`], [`Error::RandomSource`];
    /// [`Error::Duplicate`] where five user codes at random were all taken. Nothing is stored then.
    pub async fn start(
        &self,
        request: &DeviceRequest<'_, D::Extra>,
        verification_uri: &str,
    ) -> Result<DeviceAuthorization, Error> {
        let mut tries = 1..TRIES;
        loop {
            let (device_code, user_code) = Self::generate()?;
            match self.save(&device_code, &user_code, request).await {
                Err(Error::Duplicate { .. }) if tries.next().is_some() => {}
                saved => {
                    saved?;
                    return Ok(self.answer(device_code, user_code, verification_uri));
                }
            }
        }
    }

    /// Saves a device code and a user code of the caller's own making. Neither must be guessable in its lifetime.
    ///
    /// # Errors
    /// [`Error::Duplicate`] (generate other codes), [`Error::InvalidValue`], [`Error::ValueTooLong`],
    /// [`Error::UnknownReference`]; nothing is stored then.
    pub async fn save(
        &self,
        device_code: &str,
        user_code: &str,
        request: &DeviceRequest<'_, D::Extra>,
    ) -> Result<(), Error> {
        on_connection!(&self.pool.0, Intent::Write, |conn| self.save_on(
            conn,
            device_code,
            user_code,
            request
        ))
    }

    /// The same on the caller's connection.
    ///
    /// # Errors
    /// As `save`.
    pub async fn save_on(
        &self,
        conn: &mut P::Connection,
        device_code: &str,
        user_code: &str,
        request: &DeviceRequest<'_, D::Extra>,
    ) -> Result<(), Error> {
        let stored = self.stored(device_code, user_code, request, T::Grant::generate_id()?)?;
        let user_code = stored.user_code();
        D::insert(conn, &stored.row(&user_code, request)).await
    }

    /// The request behind a user code, for the page on which the user decides. Letters' case and separators do not count.
    ///
    /// User codes are short: limit how often one may be tried (RFC 8628 section 5.1).
    ///
    /// # Errors
    /// [`DeviceRefusal::Unknown`], [`DeviceRefusal::Expired`] or [`DeviceRefusal::Decided`] in [`Failure::Refused`]; the
    /// database's in [`Failure::Storage`].
    pub async fn find_pending(&self, user_code: &str) -> Result<D, Failure<DeviceRefusal>> {
        on_connection!(&self.pool.0, Intent::IdempotentWrite, |conn| self
            .find_pending_on(conn, user_code))
    }

    /// The same on the caller's connection.
    ///
    /// # Errors
    /// As `find_pending`.
    pub async fn find_pending_on(
        &self,
        conn: &mut P::Connection,
        user_code: &str,
    ) -> Result<D, Failure<DeviceRefusal>> {
        let found = match normalize_user_code(user_code) {
            Some(user_code) => load_user_code::<D, _>(conn, &user_code).await?,
            None => None,
        };
        self.pending(found)
    }

    /// Notes that this user agreed. Of several decisions at the same time one counts.
    ///
    /// # Errors
    /// As `find_pending`.
    pub async fn approve(
        &self,
        user_code: &str,
        user_id: &D::UserId,
    ) -> Result<D, Failure<DeviceRefusal>> {
        on_connection!(&self.pool.0, Intent::Write, |conn| self
            .approve_on(conn, user_code, user_id))
    }

    /// The same on the caller's connection.
    ///
    /// # Errors
    /// As `approve`.
    pub async fn approve_on(
        &self,
        conn: &mut P::Connection,
        user_code: &str,
        user_id: &D::UserId,
    ) -> Result<D, Failure<DeviceRefusal>> {
        let code = self.find_pending_on(conn, user_code).await?;
        match code.approve(conn, user_id, self.clock.now()).await? {
            true => Ok(code),
            false => Err(Failure::Refused(DeviceRefusal::Decided)),
        }
    }

    /// Notes that the user said no. Of several decisions at the same time one counts.
    ///
    /// # Errors
    /// As `find_pending`.
    pub async fn deny(&self, user_code: &str) -> Result<D, Failure<DeviceRefusal>> {
        on_connection!(&self.pool.0, Intent::Write, |conn| self
            .deny_on(conn, user_code))
    }

    /// The same on the caller's connection.
    ///
    /// # Errors
    /// As `deny`.
    pub async fn deny_on(
        &self,
        conn: &mut P::Connection,
        user_code: &str,
    ) -> Result<D, Failure<DeviceRefusal>> {
        let code = self.find_pending_on(conn, user_code).await?;
        match code.deny(conn, self.clock.now()).await? {
            true => Ok(code),
            false => Err(Failure::Refused(DeviceRefusal::Decided)),
        }
    }

    /// Redeems a device code once the user has approved: of several requests at the same time one gets it. Until then it
    /// notes that the device asked.
    ///
    /// # Errors
    /// [`DeviceRefusal`] in [`Failure::Refused`]; the database's in [`Failure::Storage`]. After
    /// [`Error::ConnectionLost`], and where the future is dropped halfway, the code may be spent: the device has to start
    /// again.
    pub async fn redeem(
        &self,
        device_code: &str,
        client: &dyn OAuth2Client,
    ) -> Result<D, Failure<DeviceRefusal>> {
        on_connection!(&self.pool.0, Intent::Write, |conn| self.redeem_on(
            conn,
            device_code,
            client
        ))
    }

    /// The same on the caller's connection.
    ///
    /// # Errors
    /// As `redeem`.
    pub async fn redeem_on(
        &self,
        conn: &mut P::Connection,
        device_code: &str,
        client: &dyn OAuth2Client,
    ) -> Result<D, Failure<DeviceRefusal>> {
        let now = self.clock.now();
        let found = load_device_code::<D, _>(conn, device_code).await?;
        let (code, redeeming) = self.decide(found, client, now).map_err(Failure::Refused)?;
        let refusal = match redeeming {
            DeviceRedeeming::Spend => {
                if self.spend(conn, &code, now).await? {
                    return Ok(code);
                }
                DeviceRefusal::Redeemed
            }
            DeviceRedeeming::NotePoll { interval, refusal } => {
                code.note_poll(conn, now, interval).await?;
                refusal
            }
        };
        Err(Failure::Refused(refusal))
    }

    /// Marks the device code redeemed and makes its grant, or neither.
    async fn spend(&self, conn: &mut P::Connection, code: &D, now: i64) -> Result<bool, Error> {
        let client_id = code.client_id();
        let grant = self.grant_of::<T::Grant>(code, &client_id, now);
        let grant = grant.as_ref();
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
