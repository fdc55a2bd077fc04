use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::device_request::StoredDeviceCode;
use super::family::{begin_family, new_grant};
use super::user_code::{generate_user_code, normalize_user_code};
use super::{DeviceAuthorization, DeviceRefusal, DeviceRequest, run};
use crate::bearer::generate_token;
use crate::clock::{Clock, SystemClock};
use crate::endpoint::Failure;
use crate::lookup::{load_device_code, load_user_code};
use crate::model::{DeviceCodeState, OAuth2Client, OAuth2DeviceCode, OAuth2Grant};
use crate::pool::{ConnectionPool, Intent};
use crate::secret::SecretStorage;
use crate::table::{DeviceCodeTable, FamilyTokenTable, NewGrant};
use crate::{Error, scope};

/// As long as authlib's.
const DEVICE_CODE_LENGTH: usize = 42;
const DEFAULT_LIFETIME: i64 = 1_800;
/// RFC 8628 section 3.2.
const DEFAULT_INTERVAL: i64 = 5;
/// By which `slow_down` lengthens the interval (RFC 8628 section 3.5).
const SLOWER_BY: i64 = 5;
/// How many user codes are tried: with ten million live ones, each is taken with a chance of one in 2,500.
pub(crate) const TRIES: usize = 5;

/// Creates the store of device codes (RFC 8628): issues them with their user codes, notes what the user decides, and
/// redeems each once.
///
/// Mirrors what authlib's `DeviceAuthorizationEndpoint` and `DeviceCodeGrant` ask a server to write. `D` and `T` are the
/// models of device codes and tokens; the tokens' names that of the grants.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::Failure;
/// use diesel_oauth2::lifecycle::{DeviceRefusal, DeviceRequest, create_device_code_store};
/// use diesel_oauth2::models::{Client, DeviceCode, Token};
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # use diesel_oauth2::schema::oauth2_client::dsl::*;
/// # diesel::insert_into(oauth2_client).values(client_id.eq("tv")).execute(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// # let client = diesel_oauth2::create_query_client_func::<Client, _>(pool.clone())("tv").unwrap().unwrap();
/// let store = create_device_code_store::<DeviceCode, Token, _>(pool);
/// let request = DeviceRequest::new(&client).scope("profile");
/// let answer = store.start(&request, "https://example.com/device")?; // the device authorization endpoint's
///
/// let pending = store.redeem(&answer.device_code, &client); // the device polls the token endpoint
/// assert_eq!(pending.err(), Some(Failure::Refused(DeviceRefusal::Pending)));
///
/// store.approve(&answer.user_code.to_lowercase(), &7).unwrap(); // user 7 types the code in and agrees
/// let code = store.redeem(&answer.device_code, &client).unwrap();
/// assert_eq!(code.user_id, Some(7)); // issue the tokens from `code.grant_id`
/// # }
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
pub fn create_device_code_store<D, T, P>(pool: P) -> DeviceStore<D, T, P>
where
    P: ConnectionPool,
    D: DeviceCodeTable<P::Connection>,
    T: FamilyTokenTable<P::Connection, GrantId = D::GrantId, UserId = D::UserId>,
{
    DeviceStore::on(pool)
}

/// The store of device codes: made by [`create_device_code_store`].
#[must_use]
pub struct DeviceStore<D, T, P> {
    pub(crate) pool: P,
    pub(crate) clock: Arc<dyn Clock>,
    lifetime: i64,
    interval: i64,
    grant_lifetime: Option<i64>,
    // The store holds no models, so it may cross threads whatever they are.
    models: PhantomData<fn() -> (D, T)>,
}

/// What a device's request is to do with the code that was found for it.
pub(crate) enum DeviceRedeeming {
    /// The user has approved: it is to be spent. Where another request is quicker, it was redeemed before.
    Spend,
    /// The user has not decided: it is to be noted that the device asked, and from when on it may again.
    NotePoll {
        interval: i64,
        refusal: DeviceRefusal,
    },
}

impl<D: OAuth2DeviceCode, T, P> DeviceStore<D, T, P> {
    pub(crate) fn on(pool: P) -> Self {
        Self {
            pool,
            clock: Arc::new(SystemClock),
            lifetime: DEFAULT_LIFETIME,
            interval: DEFAULT_INTERVAL,
            grant_lifetime: None,
            models: PhantomData,
        }
    }

    /// The clock that decides what has expired.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How long the codes are valid, in seconds. 1800 unless set.
    pub fn lifetime(mut self, seconds: i64) -> Self {
        self.lifetime = seconds;
        self
    }

    /// How long a device must wait between two requests, in seconds. 5 unless set. One that does not is told to slow down
    /// and must wait 5 seconds longer from then on.
    pub fn interval(mut self, seconds: i64) -> Self {
        self.interval = seconds.max(0);
        self
    }

    /// How long tokens may be issued from the grant that a device code becomes, in seconds: the absolute lifetime of the
    /// family. Unlimited unless set.
    pub fn grant_lifetime(mut self, seconds: i64) -> Self {
        self.grant_lifetime = Some(seconds);
        self
    }

    /// A device code and a user code, at random.
    pub(crate) fn generate() -> Result<(String, String), Error> {
        Ok((generate_token(DEVICE_CODE_LENGTH)?, generate_user_code()?))
    }

    /// The answer to the device.
    pub(crate) fn answer(
        &self,
        device_code: String,
        user_code: String,
        uri: &str,
    ) -> DeviceAuthorization {
        let separator = if uri.contains('?') { '&' } else { '?' };
        DeviceAuthorization {
            verification_uri: uri.to_owned(),
            verification_uri_complete: format!("{uri}{separator}user_code={user_code}"),
            device_code,
            user_code,
            expires_in: self.lifetime,
            interval: self.interval,
        }
    }

    /// Device and user code as they are to be stored.
    pub(crate) fn stored<'r>(
        &self,
        device_code: &'r str,
        user_code: &str,
        request: &DeviceRequest<'_, D::Extra>,
        grant_id: D::GrantId,
    ) -> Result<StoredDeviceCode<'r, D::Storage, D::GrantId>, Error> {
        let invalid = |column, reason| Error::InvalidValue { column, reason };
        if !crate::types::is_vschar(device_code) {
            return Err(invalid(
                "device_code",
                "a code is one or more printable ASCII characters",
            ));
        }
        let user_code = normalize_user_code(user_code).ok_or(invalid(
            "user_code",
            "a user code has letters or digits, and nothing beyond ASCII",
        ))?;
        if !scope::is_printable(request.scope.unwrap_or_default()) {
            return Err(invalid("scope", scope::NOT_PRINTABLE));
        }
        let now = self.clock.now();
        Ok(StoredDeviceCode {
            device_code: D::Storage::stored(device_code),
            user_code,
            issued_at: now,
            expires_at: now.saturating_add(self.lifetime),
            interval: self.interval,
            grant_id,
            storage: PhantomData,
        })
    }

    /// The code that was found, where the user may still decide.
    pub(crate) fn pending(&self, found: Option<D>) -> Result<D, Failure<DeviceRefusal>> {
        let code = found.ok_or(Failure::Refused(DeviceRefusal::Unknown))?;
        match code.state(self.clock.now()) {
            DeviceCodeState::Pending => Ok(code),
            DeviceCodeState::Expired => Err(Failure::Refused(DeviceRefusal::Expired)),
            _ => Err(Failure::Refused(DeviceRefusal::Decided)),
        }
    }

    /// What the device's request is to do with the code that was found for it.
    pub(crate) fn decide(
        &self,
        found: Option<D>,
        client: &dyn OAuth2Client,
        now: i64,
    ) -> Result<(D, DeviceRedeeming), DeviceRefusal> {
        let code = found.ok_or(DeviceRefusal::Unknown)?;
        if code.client_id() != client.client_id() {
            return Err(DeviceRefusal::WrongClient);
        }
        let redeeming = match code.state(now) {
            DeviceCodeState::Approved => DeviceRedeeming::Spend,
            DeviceCodeState::Redeemed => return Err(DeviceRefusal::Redeemed),
            DeviceCodeState::Denied => return Err(DeviceRefusal::Denied),
            DeviceCodeState::Expired => return Err(DeviceRefusal::Expired),
            DeviceCodeState::Pending if code.polls_too_soon(now) => DeviceRedeeming::NotePoll {
                interval: code.interval().saturating_add(SLOWER_BY),
                refusal: DeviceRefusal::SlowDown,
            },
            DeviceCodeState::Pending => DeviceRedeeming::NotePoll {
                interval: code.interval(),
                refusal: DeviceRefusal::Pending,
            },
        };
        Ok((code, redeeming))
    }

    /// The grant that a device code becomes. `client_id` is the code's.
    pub(crate) fn grant_of<'c, G>(
        &self,
        code: &'c D,
        client_id: &'c str,
        now: i64,
    ) -> Option<NewGrant<'c, G>>
    where
        G: OAuth2Grant<Id = D::GrantId, UserId = D::UserId>,
    {
        let (id, lifetime) = (code.grant_id()?, self.grant_lifetime);
        Some(new_grant(id, client_id, code.user_id(), now, lifetime))
    }
}

impl<D, T, P> DeviceStore<D, T, P>
where
    P: ConnectionPool,
    D: DeviceCodeTable<P::Connection>,
    T: FamilyTokenTable<P::Connection, GrantId = D::GrantId, UserId = D::UserId>,
{
    /// Makes and saves a device code and a user code, and gives the answer to the device. `verification_uri` is where the
    /// user types the user code in.
    ///
    /// # Errors
    /// [`Error::UnknownReference`], [`Error::InvalidValue`], [`Error::ValueTooLong`], [`Error::RandomSource`];
    /// [`Error::Duplicate`] where five user codes at random were all taken. Nothing is stored then.
    pub fn start(
        &self,
        request: &DeviceRequest<'_, D::Extra>,
        verification_uri: &str,
    ) -> Result<DeviceAuthorization, Error> {
        let mut tries = 1..TRIES;
        loop {
            let (device_code, user_code) = Self::generate()?;
            match self.save(&device_code, &user_code, request) {
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
    pub fn save(
        &self,
        device_code: &str,
        user_code: &str,
        request: &DeviceRequest<'_, D::Extra>,
    ) -> Result<(), Error> {
        self.pool.run(Intent::Write, |conn| {
            self.save_on(conn, device_code, user_code, request)
        })
    }

    /// [`save`](Self::save) on the caller's connection.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_on(
        &self,
        conn: &mut P::Connection,
        device_code: &str,
        user_code: &str,
        request: &DeviceRequest<'_, D::Extra>,
    ) -> Result<(), Error> {
        let stored = self.stored(device_code, user_code, request, T::Grant::generate_id()?)?;
        D::insert(conn, &stored.row(&stored.user_code(), request))
    }

    /// The request behind a user code, for the page on which the user decides. Letters' case and separators do not count.
    ///
    /// User codes are short: limit how often one may be tried (RFC 8628 section 5.1).
    ///
    /// # Errors
    /// [`DeviceRefusal::Unknown`], [`DeviceRefusal::Expired`] or [`DeviceRefusal::Decided`] in [`Failure::Refused`]; the
    /// database's in [`Failure::Storage`].
    pub fn find_pending(&self, user_code: &str) -> Result<D, Failure<DeviceRefusal>> {
        run(&self.pool, Intent::IdempotentWrite, |conn| {
            self.find_pending_on(conn, user_code)
        })
    }

    /// [`find_pending`](Self::find_pending) on the caller's connection.
    ///
    /// # Errors
    /// As [`find_pending`](Self::find_pending).
    pub fn find_pending_on(
        &self,
        conn: &mut P::Connection,
        user_code: &str,
    ) -> Result<D, Failure<DeviceRefusal>> {
        let found = match normalize_user_code(user_code) {
            Some(user_code) => load_user_code::<D, _>(conn, &user_code)?,
            None => None,
        };
        self.pending(found)
    }

    /// Notes that this user agreed. Of several decisions at the same time one counts.
    ///
    /// # Errors
    /// As [`find_pending`](Self::find_pending).
    pub fn approve(
        &self,
        user_code: &str,
        user_id: &D::UserId,
    ) -> Result<D, Failure<DeviceRefusal>> {
        run(&self.pool, Intent::Write, |conn| {
            self.approve_on(conn, user_code, user_id)
        })
    }

    /// [`approve`](Self::approve) on the caller's connection.
    ///
    /// # Errors
    /// As [`approve`](Self::approve).
    pub fn approve_on(
        &self,
        conn: &mut P::Connection,
        user_code: &str,
        user_id: &D::UserId,
    ) -> Result<D, Failure<DeviceRefusal>> {
        let code = self.find_pending_on(conn, user_code)?;
        if code.approve(conn, user_id, self.clock.now())? {
            Ok(code)
        } else {
            Err(Failure::Refused(DeviceRefusal::Decided))
        }
    }

    /// Notes that the user said no. Of several decisions at the same time one counts.
    ///
    /// # Errors
    /// As [`find_pending`](Self::find_pending).
    pub fn deny(&self, user_code: &str) -> Result<D, Failure<DeviceRefusal>> {
        run(&self.pool, Intent::Write, |conn| {
            self.deny_on(conn, user_code)
        })
    }

    /// [`deny`](Self::deny) on the caller's connection.
    ///
    /// # Errors
    /// As [`deny`](Self::deny).
    pub fn deny_on(
        &self,
        conn: &mut P::Connection,
        user_code: &str,
    ) -> Result<D, Failure<DeviceRefusal>> {
        let code = self.find_pending_on(conn, user_code)?;
        if code.deny(conn, self.clock.now())? {
            Ok(code)
        } else {
            Err(Failure::Refused(DeviceRefusal::Decided))
        }
    }

    /// Redeems a device code once the user has approved: of several requests at the same time one gets it. Until then it
    /// notes that the device asked.
    ///
    /// What comes back carries the [`grant_id`](crate::OAuth2DeviceCode::grant_id) to issue the tokens from. Unlike an
    /// authorization code, which passes through a browser, a device code that comes back revokes nothing: it is most likely
    /// the same device asking again.
    ///
    /// # Errors
    /// [`DeviceRefusal`] in [`Failure::Refused`]; the database's in [`Failure::Storage`]. After
    /// [`Error::ConnectionLost`] the code may be spent: the device has to start again.
    pub fn redeem(
        &self,
        device_code: &str,
        client: &dyn OAuth2Client,
    ) -> Result<D, Failure<DeviceRefusal>> {
        run(&self.pool, Intent::Write, |conn| {
            self.redeem_on(conn, device_code, client)
        })
    }

    /// [`redeem`](Self::redeem) on the caller's connection.
    ///
    /// # Errors
    /// As [`redeem`](Self::redeem).
    pub fn redeem_on(
        &self,
        conn: &mut P::Connection,
        device_code: &str,
        client: &dyn OAuth2Client,
    ) -> Result<D, Failure<DeviceRefusal>> {
        let now = self.clock.now();
        let found = load_device_code::<D, _>(conn, device_code)?;
        let (code, redeeming) = self.decide(found, client, now).map_err(Failure::Refused)?;
        let refusal = match redeeming {
            DeviceRedeeming::Spend if self.spend(conn, &code, now)? => return Ok(code),
            DeviceRedeeming::Spend => DeviceRefusal::Redeemed,
            DeviceRedeeming::NotePoll { interval, refusal } => {
                code.note_poll(conn, now, interval)?;
                refusal
            }
        };
        Err(Failure::Refused(refusal))
    }

    /// Marks the device code redeemed and makes its grant, or neither.
    fn spend(&self, conn: &mut P::Connection, code: &D, now: i64) -> Result<bool, Error> {
        let client_id = code.client_id();
        let grant = self.grant_of(code, &client_id, now);
        begin_family::<T, _>(conn, grant.as_ref(), |conn| code.mark_redeemed(conn, now))
    }
}

impl<D, T, P: Clone> Clone for DeviceStore<D, T, P> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            clock: Arc::clone(&self.clock),
            models: PhantomData,
            ..*self
        }
    }
}

impl<D, T, P> fmt::Debug for DeviceStore<D, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceStore")
            .field("lifetime", &self.lifetime)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}
