use std::fmt;
use std::sync::Arc;

use diesel_oauth2::bearer::{BearerTokenGenerator, GenerateRequest};
use diesel_oauth2::clock::{Clock, SystemClock};
use diesel_oauth2::column::Identifier as _;
use diesel_oauth2::factory::save_token;
use diesel_oauth2::lifecycle::{RefreshRefusal, RefreshStore, create_refresh_token_store};
use diesel_oauth2::lookup::{find_access_token, find_current_token};
use diesel_oauth2::observer::Observer;
use diesel_oauth2::pool::{ConnectionPool, Intent};
use diesel_oauth2::table::FamilyTokenTable;
use diesel_oauth2::types::{GrantType, TokenTypeHint};
use diesel_oauth2::{OAuth2Token, TokenRequest, TokenResponse};
use oxide_auth::primitives::grant::Grant;
use oxide_auth::primitives::issuer::{IssuedToken, Issuer, RefreshedToken, TokenType};

use crate::error::OnFailure;
use crate::grant::{GrantClient, Terms, time};
use crate::handover::{Handover, Origin};
use crate::owner::{self, OwnerId};
use crate::{Columns, Error, NO_REDIRECT_URI, NoColumns};

/// An hour, as with oxide-auth's own issuers.
const DEFAULT_EXPIRES_IN: i64 = 3_600;

/// Creates oxide-auth's `Issuer` over a table of tokens.
///
/// * The tokens of a code are of the family that the code began (see [`create_authorizer`](crate::create_authorizer));
///   any other user's tokens begin a family of their own.
/// * A client's own tokens, by the client credentials grant, are those whose owner id is the client's id or empty. They
///   are of no family and get no refresh token (RFC 6749 section 4.4.3).
/// * A refresh token rotates, in one atomic step: of several requests at the same time one wins. When it comes again
///   after that, its whole family is revoked (RFC 9700 section 4.14.2), unless within the
///   [`grace`](TokenIssuer::grace).
/// * [`recover_token`](Issuer::recover_token) knows no revoked token, and gives an expired one with an `until` that is
///   past, as oxide-auth expects.
///
/// A grant that is read back has the redirect URI [`NO_REDIRECT_URI`], because tables of tokens keep none. Where the
/// token is the client's own, its owner is the client's id; or empty where a user may have that id, so that no client
/// is taken for a user.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::models::Token;
/// use diesel_oauth2_oxide_auth::create_issuer;
/// use oxide_auth::primitives::issuer::Issuer;
/// # use oxide_auth::primitives::grant::{Extensions, Grant};
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # use diesel_oauth2::schema::oauth2_client::dsl::*;
/// # diesel::insert_into(oauth2_client).values(client_id.eq("app")).execute(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// # let grant = Grant {
/// #     owner_id: "7".into(), client_id: "app".into(), scope: "profile".parse().unwrap(),
/// #     redirect_uri: "https://app.example/cb".parse().unwrap(),
/// #     until: chrono::Utc::now(), extensions: Extensions::new(),
/// # };
/// let mut issuer = create_issuer::<Token, _>(pool).grace(10);
/// let issued = issuer.issue(grant)?;
/// let first = issued.refresh.ok_or(())?;
///
/// let grant = issuer.recover_refresh(&first)?.ok_or(())?;
/// let refreshed = issuer.refresh(&first, grant)?;
/// assert!(issuer.recover_token(&refreshed.token)?.is_some());
/// assert!(issuer.recover_token(&issued.token)?.is_none());
/// # }
/// # Ok::<(), ()>(())
/// ```
pub fn create_issuer<T, P>(pool: P) -> TokenIssuer<T, P>
where
    P: ConnectionPool,
    T: FamilyTokenTable<P::Connection>,
{
    TokenIssuer {
        store: create_refresh_token_store(pool.clone()),
        pool,
        clock: Arc::new(SystemClock),
        generator: BearerTokenGenerator::new()
            .with_refresh_tokens()
            .expires_in(DEFAULT_EXPIRES_IN),
        rotates: true,
        lies_idle: true,
        columns: Arc::new(NoColumns),
        handover: Handover::new(),
        on_failure: OnFailure::default(),
    }
}

/// oxide-auth's `Issuer` over a table of tokens: made by [`create_issuer`].
///
/// Clones belong together: a code that [`create_authorizer`](crate::create_authorizer)'s authorizer redeems finds its
/// family in each.
#[must_use]
pub struct TokenIssuer<T: OAuth2Token, P, K = NoColumns> {
    pub(crate) pool: P,
    store: RefreshStore<T, P>,
    clock: Arc<dyn Clock>,
    generator: BearerTokenGenerator,
    rotates: bool,
    /// Whether a refresh token may lie unused for as long as it likes.
    lies_idle: bool,
    columns: Arc<K>,
    pub(crate) handover: Handover<T::GrantId, T::UserId>,
    on_failure: OnFailure,
}

impl<T, P, K> TokenIssuer<T, P, K>
where
    P: ConnectionPool,
    T: FamilyTokenTable<P::Connection>,
{
    /// The clock that decides what has expired.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        self.store = self.store.clock(Arc::clone(&clock));
        self.clock = clock;
        self
    }

    /// What makes the tokens, and says how long the access tokens live. Unless set, both tokens are made, and access
    /// tokens live for an hour.
    ///
    /// Its functions see the grant's client by id and scope only; the grant type is `authorization_code`,
    /// `client_credentials` or `refresh_token`.
    pub fn generator(mut self, generator: BearerTokenGenerator) -> Self {
        self.generator = generator;
        self
    }

    /// For how many seconds a rotated refresh token may be used again: see [`RefreshStore::grace`].
    pub fn grace(mut self, seconds: i64) -> Self {
        self.store = self.store.grace(seconds);
        self
    }

    /// For how many seconds a refresh token may lie unused: see [`RefreshStore::idle_lifetime`].
    pub fn idle_lifetime(mut self, seconds: i64) -> Self {
        self.store = self.store.idle_lifetime(seconds);
        self.lies_idle = false;
        self
    }

    /// For how many seconds tokens may be issued from a grant that is not a code's: see
    /// [`RefreshStore::grant_lifetime`]. A code's is set with
    /// [`CodeAuthorizer::grant_lifetime`](crate::CodeAuthorizer::grant_lifetime).
    pub fn grant_lifetime(mut self, seconds: i64) -> Self {
        self.store = self.store.grant_lifetime(seconds);
        self
    }

    /// Whether each exchange replaces the refresh token: see [`RefreshStore::rotation`]. It does unless set.
    pub fn rotation(mut self, rotates: bool) -> Self {
        self.store = self.store.rotation(rotates);
        self.rotates = rotates;
        self
    }

    /// Who is told of [`token_rotated`](Observer::token_rotated),
    /// [`refresh_token_reused`](Observer::refresh_token_reused) and [`tokens_revoked`](Observer::tokens_revoked).
    pub fn observer(mut self, observer: impl Observer<T>) -> Self {
        self.store = self.store.observer(observer);
        self
    }

    /// What is told of each [`Error`], and of why a refresh token was refused.
    pub fn on_failure(mut self, tell: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.on_failure = OnFailure::new(tell);
        self
    }

    /// What the model's own columns are filled from, and which extensions they keep.
    pub fn columns<L>(self, columns: L) -> TokenIssuer<T, P, L>
    where
        L: Columns<T, Extra = T::Extra>,
    {
        TokenIssuer {
            pool: self.pool,
            store: self.store,
            clock: self.clock,
            generator: self.generator,
            rotates: self.rotates,
            lies_idle: self.lies_idle,
            columns: Arc::new(columns),
            handover: self.handover,
            on_failure: self.on_failure,
        }
    }
}

type Origins<T> = Origin<<T as OAuth2Token>::GrantId, <T as OAuth2Token>::UserId>;

impl<T, P, K> TokenIssuer<T, P, K>
where
    P: ConnectionPool,
    T: FamilyTokenTable<P::Connection>,
    T::UserId: OwnerId,
    K: Columns<T, Extra = T::Extra>,
{
    fn issue_tokens(&self, grant: &Grant) -> Result<IssuedToken, Error> {
        let client = GrantClient::of(grant);
        let Origin { grant_id, user_id } = self.origin(grant)?;
        let grant_type = match user_id {
            Some(_) => GrantType::AuthorizationCode,
            None => GrantType::ClientCredentials,
        };
        let response = self.generator.generate(
            &GenerateRequest::new(grant_type, &client)
                .user(&grant.owner_id)
                .scope(client.scope()),
        )?;
        let is_of_no_family = grant_id.is_none() && response.refresh_token.is_none();
        let grant_id = match grant_id {
            None if !is_of_no_family => Some(self.store.start(&client, user_id.as_ref())?),
            grant_id => grant_id,
        };
        let request = self.request(&client, user_id, grant)?;
        match &grant_id {
            Some(grant_id) => self.store.issue(&response, &request, grant_id)?,
            None => self.pool.run(Intent::Write, |conn| {
                save_token::<T, _>(conn, &response, &request, self.clock.now())
            })?,
        }
        Ok(IssuedToken {
            until: self.until(&response),
            token: response.access_token,
            refresh: response.refresh_token,
            token_type: TokenType::Bearer,
        })
    }

    /// Of which family and user the grant is: as the authorizer left it, else as its owner says.
    fn origin(&self, grant: &Grant) -> Result<Origins<T>, Error> {
        if let Some(origin) = self.handover.take(grant) {
            return Ok(origin);
        }
        let user_id = match owner::is_client(&grant.owner_id, &grant.client_id) {
            true => None,
            false => Some(owner::parse(&grant.owner_id)?),
        };
        Ok(Origin {
            grant_id: None,
            user_id,
        })
    }

    fn exchange(&self, refresh_token: &str, grant: &Grant) -> Result<RefreshedToken, Error> {
        let client = GrantClient::of(grant);
        let refreshing = self.store.authenticate(refresh_token, &client)?;
        let response = self.generator.generate(
            &GenerateRequest::new(GrantType::RefreshToken, &client)
                .user(&grant.owner_id)
                .scope(client.scope())
                .include_refresh_token(self.rotates),
        )?;
        let user_id = refreshing.token.user_id().cloned();
        let request = self.request(&client, user_id, grant)?;
        self.store.rotate(&refreshing, &response, &request)?;
        Ok(RefreshedToken {
            until: self.until(&response),
            token: response.access_token,
            refresh: response.refresh_token,
            token_type: TokenType::Bearer,
        })
    }

    fn request<'a>(
        &self,
        client: &'a GrantClient,
        user_id: Option<T::UserId>,
        grant: &Grant,
    ) -> Result<TokenRequest<'a, T::UserId, T::Extra>, Error> {
        let request = TokenRequest::new(client).extra(self.columns.fill(grant)?);
        Ok(match user_id {
            Some(user_id) => request.user(user_id),
            None => request,
        })
    }

    fn until(&self, response: &TokenResponse) -> chrono::DateTime<chrono::Utc> {
        let lifetime = response.expires_in;
        time(lifetime.map(|seconds| self.clock.now().saturating_add(seconds)))
    }

    fn access_grant(&self, token: &str) -> Result<Option<Grant>, Error> {
        let found = find_access_token::<T, _>(&self.pool, token)?;
        let usable = found.filter(|token| !token.is_revoked());
        let grant = usable.map(|token| self.grant(&token, token.expires_at()));
        grant.transpose()
    }

    /// The grant of a refresh token that may be exchanged. One that was exchanged before ends its family.
    fn refresh_grant(&self, refresh_token: &str) -> Result<Grant, Error> {
        let hint = Some(TokenTypeHint::RefreshToken);
        let found = find_current_token::<T, _>(&self.pool, refresh_token, hint)?
            .filter(|found| found.kind == TokenTypeHint::RefreshToken)
            .ok_or(Error::RefreshRefused(RefreshRefusal::Unknown))?;
        let token = found.token;
        let is_marked = token.refresh_token_rotated_at().is_some()
            || token.refresh_token_revoked_at().is_some();
        // oxide-auth compares the client afterwards.
        let client = GrantClient::named(&token.client_id());
        let token = match is_marked || !self.lies_idle {
            true => self.store.authenticate(refresh_token, &client)?.token,
            false => token,
        };
        // The access token beside it may have expired long ago.
        self.grant(&token, None)
    }

    fn grant(&self, token: &T, until: Option<i64>) -> Result<Grant, Error> {
        let client_id = token.client_id();
        let mut grant = Terms {
            owner_id: match token.user_id() {
                Some(user_id) => user_id.to_text(),
                None => owner::of_client::<T::UserId>(&client_id).to_owned().into(),
            },
            client_id,
            scope: token.scope(),
            redirect_uri: NO_REDIRECT_URI.into(),
            until: time(until),
        }
        .into_grant()?;
        self.columns.complete(token, &mut grant)?;
        Ok(grant)
    }
}

impl<T, P, K> Issuer for TokenIssuer<T, P, K>
where
    P: ConnectionPool,
    T: FamilyTokenTable<P::Connection>,
    T::UserId: OwnerId,
    K: Columns<T, Extra = T::Extra>,
{
    fn issue(&mut self, grant: Grant) -> Result<IssuedToken, ()> {
        self.on_failure.told(self.issue_tokens(&grant))
    }

    fn refresh(&mut self, refresh: &str, grant: Grant) -> Result<RefreshedToken, ()> {
        self.on_failure.told(self.exchange(refresh, &grant))
    }

    fn recover_token<'a>(&'a self, token: &'a str) -> Result<Option<Grant>, ()> {
        self.on_failure.told(self.access_grant(token))
    }

    fn recover_refresh<'a>(&'a self, token: &'a str) -> Result<Option<Grant>, ()> {
        match self.refresh_grant(token) {
            Ok(grant) => Ok(Some(grant)),
            Err(error @ Error::RefreshRefused(_)) => {
                self.on_failure.tell(&error);
                Ok(None)
            }
            Err(error) => self.on_failure.told(Err(error)),
        }
    }
}

impl<T: OAuth2Token, P: Clone, K> Clone for TokenIssuer<T, P, K> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            generator: self.generator.clone(),
            rotates: self.rotates,
            lies_idle: self.lies_idle,
            columns: Arc::clone(&self.columns),
            handover: self.handover.clone(),
            on_failure: self.on_failure.clone(),
        }
    }
}

impl<T: OAuth2Token, P, K> fmt::Debug for TokenIssuer<T, P, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer")
            .field("store", &self.store)
            .field("generator", &self.generator)
            .finish_non_exhaustive()
    }
}
