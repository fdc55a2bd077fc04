use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::code_request::StoredCode;
use super::family::{begin_family, new_grant, revoke_family};
use super::{CodeRefusal, CodeRequest, Redemption, run};
use crate::Error;
use crate::clock::{Clock, SystemClock};
use crate::endpoint::Failure;
use crate::lookup::load_code;
use crate::model::{DEFAULT_CODE_LIFETIME, OAuth2AuthorizationCode, OAuth2Grant};
use crate::observer::{Observer, RevocationCause};
use crate::pool::{ConnectionPool, Intent};
use crate::secret::SecretStorage;
use crate::table::{FamilyTokenTable, NewGrant, RedeemableCodeTable};
use crate::transaction::retry;
use crate::types::is_vschar;

/// Creates the store of authorization codes (RFC 6749 section 4.1): saves them, and redeems each once.
///
/// `C` and `T` are the models of codes and tokens; the tokens' names that of the grants.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::lifecycle::{CodeRequest, Redemption, create_authorization_code_store};
/// use diesel_oauth2::models::{AuthorizationCode, Client, Token};
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # use diesel_oauth2::schema::oauth2_client::dsl::*;
/// # diesel::insert_into(oauth2_client).values(client_id.eq("app")).execute(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// # let client = diesel_oauth2::create_query_client_func::<Client, _>(pool.clone())("app").unwrap().unwrap();
/// let codes = create_authorization_code_store::<AuthorizationCode, Token, _>(pool);
/// let request = CodeRequest::new(&client).user(7).redirect_uri("https://app.example/cb").scope("profile");
/// codes.save("SplxlOBeZQQYbYS6WxSbIA", &request).unwrap();
///
/// let redemption = Redemption::new("SplxlOBeZQQYbYS6WxSbIA", &client).redirect_uri("https://app.example/cb");
/// let code = codes.redeem(&redemption).unwrap();
/// assert_eq!(code.user_id, Some(7));
/// assert!(codes.redeem(&redemption).is_err());
/// # }
/// ```
pub fn create_authorization_code_store<C, T, P>(pool: P) -> CodeStore<C, T, P>
where
    P: ConnectionPool,
    C: RedeemableCodeTable<P::Connection>,
    T: FamilyTokenTable<P::Connection, GrantId = C::GrantId, UserId = C::UserId>,
{
    CodeStore::on(pool)
}

/// The store of authorization codes: made by [`create_authorization_code_store`].
#[must_use]
pub struct CodeStore<C, T, P> {
    pub(crate) pool: P,
    pub(crate) clock: Arc<dyn Clock>,
    lifetime: i64,
    grant_lifetime: Option<i64>,
    observer: Option<Arc<dyn Observer<T>>>,
    // The store holds no models, so it may cross threads whatever they are.
    models: PhantomData<fn() -> (C, T)>,
}

/// What a code that was found, and that the request fits, is to have done with it.
pub(crate) enum Redeeming {
    /// It is to be spent. Where another request is quicker, this is the second use.
    Spend,
    /// It was spent before: what came of it is to be revoked.
    RevokeFamily,
}

impl<C: OAuth2AuthorizationCode, T: 'static, P> CodeStore<C, T, P> {
    pub(crate) fn on(pool: P) -> Self {
        Self {
            pool,
            clock: Arc::new(SystemClock),
            lifetime: DEFAULT_CODE_LIFETIME,
            grant_lifetime: None,
            observer: None,
            models: PhantomData,
        }
    }

    /// The clock that decides what has expired.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How long a code is valid, in seconds. 300 unless set; RFC 6749 section 4.1.2 recommends 600 at most.
    pub fn lifetime(mut self, seconds: i64) -> Self {
        self.lifetime = seconds;
        self
    }

    /// How long tokens may be issued from the grant that a code becomes, in seconds: the absolute lifetime of the family.
    /// Unlimited unless set.
    pub fn grant_lifetime(mut self, seconds: i64) -> Self {
        self.grant_lifetime = Some(seconds);
        self
    }

    /// Who is told of [`tokens_revoked`](Observer::tokens_revoked) when a code is replayed.
    pub fn observer(mut self, observer: impl Observer<T>) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// The code as it is to be stored.
    pub(crate) fn stored<'r>(
        &self,
        code: &'r str,
        // Settled now, so that whoever replays the code finds the family without its row.
        grant_id: C::GrantId,
    ) -> Result<StoredCode<'r, C::GrantId>, Error> {
        if !is_vschar(code) {
            return Err(Error::InvalidValue {
                column: "code",
                reason: "a code is one or more printable ASCII characters (RFC 6749 appendix A)",
            });
        }
        Ok(StoredCode {
            code: C::Storage::stored(code),
            grant_id,
            auth_time: self.clock.now(),
        })
    }

    /// What the request is to do with the code that was found for it.
    pub(crate) fn decide(
        &self,
        redemption: &Redemption<'_>,
        found: Option<C>,
        now: i64,
    ) -> Result<(C, Redeeming), CodeRefusal> {
        let code = found.ok_or(CodeRefusal::Unknown)?;
        redemption.check(&code)?;
        if code.redeemed_at().is_some() {
            return Ok((code, Redeeming::RevokeFamily));
        }
        if code.auth_time().saturating_add(self.lifetime) < now {
            return Err(CodeRefusal::Expired);
        }
        Ok((code, Redeeming::Spend))
    }

    /// The grant that a code becomes. `client_id` is the code's.
    pub(crate) fn grant_of<'c, G>(
        &self,
        code: &'c C,
        client_id: &'c str,
        now: i64,
    ) -> Option<NewGrant<'c, G>>
    where
        G: OAuth2Grant<Id = C::GrantId, UserId = C::UserId>,
    {
        let (id, lifetime) = (code.grant_id()?, self.grant_lifetime);
        Some(new_grant(id, client_id, code.user_id(), now, lifetime))
    }

    /// Tells the observer where a code was replayed.
    pub(crate) fn told(
        &self,
        redeemed: Result<C, Failure<CodeRefusal>>,
    ) -> Result<C, Failure<CodeRefusal>> {
        if let (Err(Failure::Refused(CodeRefusal::Replayed)), Some(observer)) =
            (&redeemed, &self.observer)
        {
            observer.tokens_revoked(RevocationCause::CodeReplayed);
        }
        redeemed
    }
}

impl<C, T, P> CodeStore<C, T, P>
where
    P: ConnectionPool,
    C: RedeemableCodeTable<P::Connection>,
    T: FamilyTokenTable<P::Connection, GrantId = C::GrantId, UserId = C::UserId>,
{
    /// Saves a code.
    ///
    /// # Errors
    /// [`Error::Duplicate`] (generate another code), [`Error::ValueTooLong`], [`Error::InvalidValue`],
    /// [`Error::UnknownReference`], [`Error::MissingUser`]; nothing is stored then.
    pub fn save(
        &self,
        code: &str,
        request: &CodeRequest<'_, C::UserId, C::Extra>,
    ) -> Result<(), Error> {
        self.pool
            .run(Intent::Write, |conn| self.save_on(conn, code, request))
    }

    /// [`save`](Self::save) on the caller's connection.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_on(
        &self,
        conn: &mut P::Connection,
        code: &str,
        request: &CodeRequest<'_, C::UserId, C::Extra>,
    ) -> Result<(), Error> {
        let stored = self.stored(code, T::Grant::generate_id()?)?;
        C::insert(conn, &stored.row(request))
    }

    /// Redeems a code, once: of several requests at the same time one gets it. The client, the redirect URI and the
    /// verifier are checked before it is spent.
    ///
    /// What comes back carries the [`grant_id`](OAuth2AuthorizationCode::grant_id) to issue the tokens from.
    ///
    /// # Errors
    /// [`CodeRefusal`] in [`Failure::Refused`]; the database's in [`Failure::Storage`]. After
    /// [`Error::ConnectionLost`] the code may be spent: the client has to ask the user again.
    pub fn redeem(&self, redemption: &Redemption<'_>) -> Result<C, Failure<CodeRefusal>> {
        self.told(run(&self.pool, Intent::Write, |conn| {
            self.redeem_on(conn, redemption)
        }))
    }

    /// [`redeem`](Self::redeem) on the caller's connection: with
    /// [`RefreshStore::issue_on`](super::RefreshStore::issue_on) in one transaction, a code is not spent unless its tokens
    /// are stored.
    ///
    /// Commit also after [`CodeRefusal::Replayed`]: the revocation is part of the transaction.
    ///
    /// # Errors
    /// As [`redeem`](Self::redeem).
    pub fn redeem_on(
        &self,
        conn: &mut P::Connection,
        redemption: &Redemption<'_>,
    ) -> Result<C, Failure<CodeRefusal>> {
        let now = self.clock.now();
        let found = load_code::<C, _>(conn, redemption.code)?;
        let (code, redeeming) = self
            .decide(redemption, found, now)
            .map_err(Failure::Refused)?;
        if matches!(redeeming, Redeeming::Spend) && self.spend(conn, &code, now)? {
            return Ok(code);
        }
        if let Some(id) = code.grant_id() {
            revoke_family::<T, _>(conn, id, now)?;
        }
        Err(Failure::Refused(CodeRefusal::Replayed))
    }

    /// Marks the code redeemed and makes its grant, or neither.
    fn spend(&self, conn: &mut P::Connection, code: &C, now: i64) -> Result<bool, Error> {
        let client_id = code.client_id();
        let grant = self.grant_of(code, &client_id, now);
        if let Some(grant) = &grant {
            if let Some(spent) = retry(conn, |conn| code.redeem(conn, grant, now))? {
                return Ok(spent);
            }
        }
        begin_family::<T, _>(conn, grant.as_ref(), |conn| code.mark_redeemed(conn, now))
    }
}

impl<C, T, P: Clone> Clone for CodeStore<C, T, P> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            clock: Arc::clone(&self.clock),
            lifetime: self.lifetime,
            grant_lifetime: self.grant_lifetime,
            observer: self.observer.clone(),
            models: PhantomData,
        }
    }
}

impl<C, T, P> fmt::Debug for CodeStore<C, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeStore")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
