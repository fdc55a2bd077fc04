use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::family::{new_grant, revoke_family};
use super::refreshing::Examined;
use super::{RefreshRefusal, Refreshing, run};
use crate::clock::{Clock, SystemClock};
use crate::endpoint::{Failure, load_joined};
use crate::factory::{insert_token, with_new_token};
use crate::lookup::{Found, load_token};
use crate::model::{OAuth2Client, OAuth2Grant, OAuth2Token};
use crate::observer::{Observer, RevocationCause};
use crate::pool::{ConnectionPool, Intent};
use crate::scope;
use crate::table::{FamilyTokenTable, GrantTable, NewGrant};
use crate::transaction::{retry, transaction};
use crate::types::TokenTypeHint;
use crate::{Error, TokenRequest, TokenResponse};

/// Creates the store of refresh tokens: issues tokens from grants, authenticates refresh tokens and rotates them.
///
/// `T` is the model of tokens, which names that of the grants. Unless told otherwise each refresh token is good for one use, a
/// second use revokes the whole family, and a family lives until it is revoked.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::lifecycle::create_refresh_token_store;
/// use diesel_oauth2::models::{Client, Token};
/// use diesel_oauth2::{TokenRequest, TokenResponse};
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # use diesel_oauth2::schema::oauth2_client::dsl::*;
/// # diesel::insert_into(oauth2_client).values(client_id.eq("app")).execute(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// # let client = diesel_oauth2::create_query_client_func::<Client, _>(pool.clone())("app").unwrap().unwrap();
/// # let tokens = |name: &str| TokenResponse {
/// #     refresh_token: Some(format!("refresh-{name}")), ..TokenResponse::bearer(format!("access-{name}"))
/// # };
/// let store = create_refresh_token_store::<Token, _>(pool).grace(10);
/// let request = TokenRequest::new(&client).user(7);
/// let grant = store.start(&client, Some(&7)).unwrap();
/// store.issue(&tokens("1"), &request, &grant).unwrap();
///
/// let refreshing = store.authenticate("refresh-1", &client).unwrap();
/// store.rotate(&refreshing, &tokens("2"), &request).unwrap();
/// # }
/// ```
pub fn create_refresh_token_store<T, P>(pool: P) -> RefreshStore<T, P>
where
    P: ConnectionPool,
    T: FamilyTokenTable<P::Connection>,
{
    RefreshStore::on(pool)
}

/// The store of refresh tokens: made by [`create_refresh_token_store`].
#[must_use]
pub struct RefreshStore<T, P> {
    pub(crate) pool: P,
    pub(crate) clock: Arc<dyn Clock>,
    grace: i64,
    pub(crate) rotates: bool,
    idle_lifetime: Option<i64>,
    grant_lifetime: Option<i64>,
    observer: Option<Arc<dyn Observer<T>>>,
    model: PhantomData<fn() -> T>,
}

/// The last second at which a refresh token that may lie unused for `idle_lifetime` seconds is good. `None`: it sets no end.
pub(crate) fn idle_until(token: &impl OAuth2Token, idle_lifetime: Option<i64>) -> Option<i64> {
    Some(token.issued_at()?.saturating_add(idle_lifetime?))
}

impl<T: OAuth2Token, P> RefreshStore<T, P> {
    pub(crate) fn on(pool: P) -> Self {
        Self {
            pool,
            clock: Arc::new(SystemClock),
            grace: 0,
            rotates: true,
            idle_lifetime: None,
            grant_lifetime: None,
            observer: None,
            model: PhantomData,
        }
    }

    /// The clock that decides what has expired.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// For how many seconds a rotated refresh token may be used again, so that a client whose answer was lost is not
    /// taken for a thief. 0 unless set: then a lost answer costs the client its family. 10 to 60 suits most.
    pub fn grace(mut self, seconds: i64) -> Self {
        self.grace = seconds;
        self
    }

    /// For how many seconds a refresh token may lie unused. Unlimited unless set.
    pub fn idle_lifetime(mut self, seconds: i64) -> Self {
        self.idle_lifetime = Some(seconds);
        self
    }

    /// For how many seconds tokens may be issued from a grant made by [`start`](Self::start) or at the first rotation of
    /// a token without one: the absolute lifetime of the family. Unlimited unless set.
    pub fn grant_lifetime(mut self, seconds: i64) -> Self {
        self.grant_lifetime = Some(seconds);
        self
    }

    /// Whether each exchange replaces the refresh token. Unless set it does, as RFC 9700 section 2.2.2 requires for public
    /// clients.
    ///
    /// Without it the refresh token stays as it is until it is revoked: [`rotate`](Self::rotate) stores a new access token
    /// beside it, and takes a response without a refresh token only. Its idle lifetime counts from its issue then.
    pub fn rotation(mut self, rotates: bool) -> Self {
        self.rotates = rotates;
        self
    }

    /// Who is told of [`token_rotated`](Observer::token_rotated), [`refresh_token_reused`](Observer::refresh_token_reused)
    /// and [`tokens_revoked`](Observer::tokens_revoked).
    pub fn observer(mut self, observer: impl Observer<T>) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// The scope of the next token: what was granted, or the part of it that is asked for. It never grows (RFC 6749
    /// section 6).
    ///
    /// # Errors
    /// [`RefreshRefusal::ScopeExceeded`].
    pub fn narrow_scope(
        &self,
        refreshing: &Refreshing<T>,
        requested: Option<&str>,
    ) -> Result<String, RefreshRefusal> {
        let granted = refreshing.token.scope();
        match requested.filter(|scope| !scope.trim().is_empty()) {
            None => Ok(granted.into_owned()),
            Some(requested) if scope::is_subset(requested, &granted) => Ok(requested.to_owned()),
            Some(_) => Err(RefreshRefusal::ScopeExceeded),
        }
    }

    /// What is to become of the refresh token that was found, and presented by this client.
    pub(crate) fn judge(
        &self,
        found: Option<Found<T>>,
        client: &dyn OAuth2Client,
        now: i64,
    ) -> Result<Examined<T>, Failure<RefreshRefusal>> {
        let token = found
            .filter(|found| found.kind == TokenTypeHint::RefreshToken)
            .ok_or(Failure::Refused(RefreshRefusal::Unknown))?
            .token;
        let state = self.state(&token, client, now);
        Ok(Examined { token, state })
    }

    /// Whether the token may be exchanged, as far as its own row tells, and whether that is a retry.
    fn state(
        &self,
        token: &T,
        client: &dyn OAuth2Client,
        now: i64,
    ) -> Result<bool, RefreshRefusal> {
        if !token.check_client(client) {
            return Err(RefreshRefusal::WrongClient);
        }
        if let Some(rotated_at) = token.refresh_token_rotated_at() {
            // Revoking marks the rows that are not marked yet, so of this one only the grant knows.
            return if self.grace > 0 && now <= rotated_at.saturating_add(self.grace) {
                Ok(true)
            } else {
                Err(RefreshRefusal::Reused)
            };
        }
        if token.refresh_token_revoked_at().is_some() {
            return Err(RefreshRefusal::Revoked);
        }
        if idle_until(token, self.idle_lifetime).is_some_and(|last| last < now) {
            return Err(RefreshRefusal::Idle);
        }
        Ok(false)
    }

    /// Whether these may be the next tokens.
    pub(crate) fn check_next(
        &self,
        refreshing: &Refreshing<T>,
        response: &TokenResponse,
    ) -> Result<(), Failure<RefreshRefusal>> {
        let next_scope = response.scope.as_deref().unwrap_or_default();
        if !scope::is_subset(next_scope, &refreshing.token.scope()) {
            return Err(Failure::Refused(RefreshRefusal::ScopeExceeded));
        }
        if !self.rotates && response.refresh_token.is_some() {
            return Err(Failure::Storage(Error::InvalidValue {
                column: "refresh_token",
                reason: "the old refresh token stays, so there is no new one",
            }));
        }
        Ok(())
    }

    /// The grant, in the usual case, which is one statement where the database has one for it. Where that finds a row missing,
    /// the three statements one by one tell which.
    pub(crate) fn rotates_at_once<'r>(
        &self,
        refreshing: &'r Refreshing<T>,
    ) -> Option<&'r T::GrantId> {
        let is_usual = self.rotates && !refreshing.is_retry;
        refreshing.token.grant_id().filter(|_| is_usual)
    }

    pub(crate) fn new_grant<'g, G>(
        &self,
        id: &'g G::Id,
        client_id: &'g str,
        user_id: Option<&'g G::UserId>,
        now: i64,
    ) -> NewGrant<'g, G>
    where
        G: OAuth2Grant,
    {
        new_grant(id, client_id, user_id, now, self.grant_lifetime)
    }

    pub(crate) fn tell_of_reuse(&self, examined: &Examined<T>) {
        if let (Err(RefreshRefusal::Reused), Some(observer)) = (examined.state, &self.observer) {
            observer.refresh_token_reused(&examined.token);
            observer.tokens_revoked(RevocationCause::RefreshTokenReused);
        }
    }

    pub(crate) fn tell_of_rotation(&self, refreshing: &Refreshing<T>) {
        if let (true, Some(observer)) = (self.rotates, &self.observer) {
            observer.token_rotated(&refreshing.token);
        }
    }
}

impl<T, P> RefreshStore<T, P>
where
    P: ConnectionPool,
    T: FamilyTokenTable<P::Connection>,
{
    /// Makes a grant, for flows without an authorization code.
    ///
    /// # Errors
    /// The database's, as [`Error`]; [`Error::RandomSource`].
    pub fn start(
        &self,
        client: &dyn OAuth2Client,
        user_id: Option<&T::UserId>,
    ) -> Result<T::GrantId, Error> {
        self.pool
            .run(Intent::Write, |conn| self.start_on(conn, client, user_id))
    }

    /// [`start`](Self::start) on the caller's connection.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_on(
        &self,
        conn: &mut P::Connection,
        client: &dyn OAuth2Client,
        user_id: Option<&T::UserId>,
    ) -> Result<T::GrantId, Error> {
        let id = T::Grant::generate_id()?;
        self.insert_grant(conn, &id, &client.client_id(), user_id, self.clock.now())?;
        Ok(id)
    }

    /// Stores the first tokens of a grant, unless it was revoked or has expired.
    ///
    /// # Errors
    /// [`RefreshRefusal::Revoked`] in [`Failure::Refused`]; those of
    /// [`create_save_token_func`](crate::create_save_token_func) in [`Failure::Storage`]. Nothing is stored then.
    pub fn issue(
        &self,
        response: &TokenResponse,
        request: &TokenRequest<'_, T::UserId, T::Extra>,
        grant_id: &T::GrantId,
    ) -> Result<(), Failure<RefreshRefusal>> {
        run(&self.pool, Intent::Write, |conn| {
            self.issue_on(conn, response, request, grant_id)
        })
    }

    /// [`issue`](Self::issue) on the caller's connection.
    ///
    /// # Errors
    /// As [`issue`](Self::issue).
    pub fn issue_on(
        &self,
        conn: &mut P::Connection,
        response: &TokenResponse,
        request: &TokenRequest<'_, T::UserId, T::Extra>,
        grant_id: &T::GrantId,
    ) -> Result<(), Failure<RefreshRefusal>> {
        let now = self.clock.now();
        let issued = transaction(conn, |conn| {
            if !T::Grant::touch(conn, grant_id, now)? {
                return Ok(false);
            }
            insert_token::<T, _>(conn, response, request, Some(grant_id), now)?;
            Ok(true)
        })?;
        if issued {
            Ok(())
        } else {
            Err(Failure::Refused(RefreshRefusal::Revoked))
        }
    }

    /// The row of a refresh token that this client may exchange.
    ///
    /// # Errors
    /// [`RefreshRefusal`] in [`Failure::Refused`]; the database's in [`Failure::Storage`]. After
    /// [`RefreshRefusal::Reused`] the whole family is revoked.
    pub fn authenticate(
        &self,
        refresh_token: &str,
        client: &dyn OAuth2Client,
    ) -> Result<Refreshing<T>, Failure<RefreshRefusal>> {
        let examined = run(&self.pool, Intent::IdempotentWrite, |conn| {
            self.examine(conn, refresh_token, client)
        })?;
        self.tell_of_reuse(&examined);
        examined.into_refreshing()
    }

    /// [`authenticate`](Self::authenticate) on the caller's connection.
    ///
    /// Commit also after [`RefreshRefusal::Reused`]: the revocation is part of the transaction.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate).
    pub fn authenticate_on(
        &self,
        conn: &mut P::Connection,
        refresh_token: &str,
        client: &dyn OAuth2Client,
    ) -> Result<Refreshing<T>, Failure<RefreshRefusal>> {
        self.examine(conn, refresh_token, client)?.into_refreshing()
    }

    /// Finds the token, and revokes its family where it was used before.
    fn examine(
        &self,
        conn: &mut P::Connection,
        refresh_token: &str,
        client: &dyn OAuth2Client,
    ) -> Result<Examined<T>, Failure<RefreshRefusal>> {
        let now = self.clock.now();
        let found = load_token::<T, _>(conn, refresh_token, Some(TokenTypeHint::RefreshToken))?;
        let examined = self.judge(found, client, now)?;
        if let Some(id) = examined.reused_family() {
            revoke_family::<T, _>(conn, id, now)?;
        }
        Ok(examined)
    }

    /// Exchanges the refresh token for new tokens, in one atomic step: of several requests at the same time one wins,
    /// and a crash leaves either the old or the new token valid.
    ///
    /// # Errors
    /// [`RefreshRefusal::LostRace`], [`RefreshRefusal::Revoked`] or [`RefreshRefusal::ScopeExceeded`] in
    /// [`Failure::Refused`]; those of [`create_save_token_func`](crate::create_save_token_func) in
    /// [`Failure::Storage`]. Nothing is stored then; but after [`Error::ConnectionLost`] it may be, and the client's next
    /// try works within the grace period.
    pub fn rotate(
        &self,
        refreshing: &Refreshing<T>,
        response: &TokenResponse,
        request: &TokenRequest<'_, T::UserId, T::Extra>,
    ) -> Result<(), Failure<RefreshRefusal>> {
        run(&self.pool, Intent::Write, |conn| {
            self.rotate_on(conn, refreshing, response, request)
        })?;
        self.tell_of_rotation(refreshing);
        Ok(())
    }

    /// [`rotate`](Self::rotate) on the caller's connection.
    ///
    /// # Errors
    /// As [`rotate`](Self::rotate).
    pub fn rotate_on(
        &self,
        conn: &mut P::Connection,
        refreshing: &Refreshing<T>,
        response: &TokenResponse,
        request: &TokenRequest<'_, T::UserId, T::Extra>,
    ) -> Result<(), Failure<RefreshRefusal>> {
        let now = self.clock.now();
        let token = &refreshing.token;
        self.check_next(refreshing, response)?;
        if let Some(grant_id) = self.rotates_at_once(refreshing) {
            let rotated = with_new_token::<T, _>(response, request, Some(grant_id), now, |row| {
                retry(conn, |conn| token.rotate(conn, row, now))
            })?;
            if rotated == Some(true) {
                return Ok(());
            }
        }
        let outcome = transaction(conn, |conn| {
            let grant_id = match token.grant_id() {
                Some(grant_id) if !T::Grant::touch(conn, grant_id, now)? => {
                    return Ok(Err(RefreshRefusal::Revoked));
                }
                Some(grant_id) => grant_id.clone(),
                None => {
                    // A token that authlib wrote has no grant yet.
                    let grant_id = T::Grant::generate_id()?;
                    if token.join_grant(conn, &grant_id)? {
                        let client_id = token.client_id();
                        self.insert_grant(conn, &grant_id, &client_id, token.user_id(), now)?;
                        grant_id
                    } else {
                        // Another request gave it one in the meantime, which is as good where the token stays.
                        match load_joined(conn, token)?.filter(|_| !self.rotates) {
                            Some(joined) => match joined.grant_id() {
                                Some(id) if T::Grant::touch(conn, id, now)? => id.clone(),
                                _ => return Ok(Err(RefreshRefusal::Revoked)),
                            },
                            None => return Ok(Err(RefreshRefusal::LostRace)),
                        }
                    }
                }
            };
            if self.rotates && !token.mark_rotated(conn, now)? && !refreshing.is_retry {
                return Ok(Err(RefreshRefusal::LostRace));
            }
            insert_token::<T, _>(conn, response, request, Some(&grant_id), now)?;
            Ok(Ok(()))
        })?;
        outcome.map_err(Failure::Refused)
    }

    fn insert_grant(
        &self,
        conn: &mut P::Connection,
        id: &T::GrantId,
        client_id: &str,
        user_id: Option<&T::UserId>,
        now: i64,
    ) -> Result<(), Error> {
        T::Grant::insert(conn, &self.new_grant(id, client_id, user_id, now))
    }
}

impl<T, P: Clone> Clone for RefreshStore<T, P> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            clock: Arc::clone(&self.clock),
            grace: self.grace,
            rotates: self.rotates,
            idle_lifetime: self.idle_lifetime,
            grant_lifetime: self.grant_lifetime,
            observer: self.observer.clone(),
            model: PhantomData,
        }
    }
}

impl<T, P> fmt::Debug for RefreshStore<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshStore")
            .field("grace", &self.grace)
            .field("rotates", &self.rotates)
            .field("idle_lifetime", &self.idle_lifetime)
            .finish_non_exhaustive()
    }
}
