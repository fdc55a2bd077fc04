use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::family::{begin_family, revoke_family};
use super::pkce::check_verifier;
use super::{CodeRefusal, run};
use crate::Error;
use crate::clock::{Clock, SystemClock};
use crate::endpoint::Failure;
use crate::lookup::load_code;
use crate::model::{DEFAULT_CODE_LIFETIME, OAuth2AuthorizationCode, OAuth2Client, OAuth2Grant};
use crate::observer::{Observer, RevocationCause};
use crate::pool::{ConnectionPool, Intent};
use crate::secret::{SecretStorage, StoredForm};
use crate::table::{FamilyTokenTable, NewCode, NewGrant, RedeemableCodeTable};
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

/// What an authorization code stands for. `U` is the type of the model's user id, `X` that of its extra columns.
#[derive(Clone)]
#[must_use]
pub struct CodeRequest<'a, U, X = ()> {
    client_id: Cow<'a, str>,
    user_id: Option<U>,
    redirect_uri: Option<&'a str>,
    response_type: Option<&'a str>,
    scope: Option<&'a str>,
    nonce: Option<&'a str>,
    acr: Option<&'a str>,
    amr: Option<&'a str>,
    code_challenge: Option<(&'a str, &'a str)>,
    extra: X,
}

impl<'a, U> CodeRequest<'a, U> {
    /// A code for this client.
    pub fn new(client: &'a dyn OAuth2Client) -> Self {
        Self {
            client_id: client.client_id(),
            user_id: None,
            redirect_uri: None,
            response_type: None,
            scope: None,
            nonce: None,
            acr: None,
            amr: None,
            code_challenge: None,
            extra: (),
        }
    }
}

impl<'a, U, X> CodeRequest<'a, U, X> {
    /// The user who authorized the client.
    pub fn user(mut self, user_id: U) -> Self {
        self.user_id = Some(user_id);
        self
    }

    /// `redirect_uri` of the authorization request, which the redemption must repeat.
    pub fn redirect_uri(mut self, redirect_uri: &'a str) -> Self {
        self.redirect_uri = Some(redirect_uri);
        self
    }

    /// `response_type` of the authorization request.
    pub fn response_type(mut self, response_type: &'a str) -> Self {
        self.response_type = Some(response_type);
        self
    }

    /// The granted scopes, separated by spaces.
    pub fn scope(mut self, scope: &'a str) -> Self {
        self.scope = Some(scope);
        self
    }

    /// `nonce` of OpenID Connect.
    pub fn nonce(mut self, nonce: &'a str) -> Self {
        self.nonce = Some(nonce);
        self
    }

    /// `acr` of OpenID Connect.
    pub fn acr(mut self, acr: &'a str) -> Self {
        self.acr = Some(acr);
        self
    }

    /// `amr` of OpenID Connect, separated by spaces.
    pub fn amr(mut self, amr: &'a str) -> Self {
        self.amr = Some(amr);
        self
    }

    /// `code_challenge` and `code_challenge_method` (`S256` or `plain`) of RFC 7636.
    pub fn code_challenge(mut self, challenge: &'a str, method: &'a str) -> Self {
        self.code_challenge = Some((challenge, method));
        self
    }

    /// What fills the model's extra columns.
    pub fn extra<Y>(self, extra: Y) -> CodeRequest<'a, U, Y> {
        CodeRequest {
            client_id: self.client_id,
            user_id: self.user_id,
            redirect_uri: self.redirect_uri,
            response_type: self.response_type,
            scope: self.scope,
            nonce: self.nonce,
            acr: self.acr,
            amr: self.amr,
            code_challenge: self.code_challenge,
            extra,
        }
    }
}

impl<U, X> fmt::Debug for CodeRequest<'_, U, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeRequest")
            .field("client_id", &self.client_id)
            .field("redirect_uri", &self.redirect_uri)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// A token request that redeems a code (RFC 6749 section 4.1.3).
#[derive(Clone)]
#[must_use]
pub struct Redemption<'a> {
    pub(crate) code: &'a str,
    /// Who presents it. `None` where the server checks that, and all the rest, by itself.
    client_id: Option<Cow<'a, str>>,
    redirect_uri: Option<&'a str>,
    code_verifier: Option<&'a str>,
}

impl<'a> Redemption<'a> {
    /// This code, presented by this client, which the server has authenticated.
    pub fn new(code: &'a str, client: &'a dyn OAuth2Client) -> Self {
        Self {
            code,
            client_id: Some(client.client_id()),
            redirect_uri: None,
            code_verifier: None,
        }
    }

    /// This code, whoever presents it and whatever the request says: for a server that gets the code's row first, then
    /// compares the client, the redirect URI and the verifier with it by itself, and issues nothing where they do not fit.
    ///
    /// The code is spent whatever the server finds; and whoever presents it a second time, every token that came of it is
    /// revoked.
    pub fn unchecked(code: &'a str) -> Self {
        Self {
            code,
            client_id: None,
            redirect_uri: None,
            code_verifier: None,
        }
    }

    /// `redirect_uri` of the token request.
    pub fn redirect_uri(mut self, redirect_uri: &'a str) -> Self {
        self.redirect_uri = Some(redirect_uri);
        self
    }

    /// `code_verifier` of RFC 7636.
    pub fn code_verifier(mut self, code_verifier: &'a str) -> Self {
        self.code_verifier = Some(code_verifier);
        self
    }

    /// Whether the request may redeem the code, as far as the code's own row tells.
    fn check<C: OAuth2AuthorizationCode>(&self, code: &C) -> Result<(), CodeRefusal> {
        let Some(client_id) = &self.client_id else {
            return Ok(());
        };
        if code.client_id() != *client_id {
            return Err(CodeRefusal::WrongClient);
        }
        let redirect_uri = code.redirect_uri();
        let registered = redirect_uri.as_deref().unwrap_or_default();
        if registered != self.redirect_uri.unwrap_or_default() {
            return Err(CodeRefusal::WrongRedirectUri);
        }
        check_verifier(
            code.code_challenge().as_deref(),
            code.code_challenge_method().as_deref(),
            self.code_verifier,
        )
    }
}

impl fmt::Debug for Redemption<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redemption")
            .field("client_id", &self.client_id)
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}

/// What a code that was found, and that the request fits, is to have done with it.
pub(crate) enum Redeeming {
    /// It is to be spent. Where another request is quicker, this is the second use.
    Spend,
    /// It was spent before: what came of it is to be revoked.
    RevokeFamily,
}

/// A code with its secret in the form in which it is stored.
pub(crate) struct StoredCode<'r, G> {
    code: StoredForm<'r>,
    grant_id: G,
    auth_time: i64,
}

impl<G> StoredCode<'_, G> {
    /// The row to insert.
    pub(crate) fn row<'a, C: OAuth2AuthorizationCode<GrantId = G>>(
        &'a self,
        request: &'a CodeRequest<'_, C::UserId, C::Extra>,
    ) -> NewCode<'a, C> {
        NewCode {
            code: self.code.as_str(),
            client_id: &request.client_id,
            user_id: request.user_id.as_ref(),
            grant_id: Some(&self.grant_id),
            redirect_uri: request.redirect_uri,
            response_type: request.response_type,
            scope: request.scope,
            nonce: request.nonce,
            auth_time: self.auth_time,
            acr: request.acr,
            amr: request.amr,
            code_challenge: request.code_challenge.map(|(challenge, _)| challenge),
            code_challenge_method: request.code_challenge.map(|(_, method)| method),
            extra: &request.extra,
        }
    }
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
        Some(NewGrant {
            id: code.grant_id()?,
            client_id,
            user_id: code.user_id(),
            created_at: now,
            expires_at: self.grant_lifetime.map(|life| now.saturating_add(life)),
        })
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
