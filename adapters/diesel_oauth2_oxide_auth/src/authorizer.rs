use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use diesel_oauth2::OAuth2Token;
use diesel_oauth2::bearer::generate_token;
use diesel_oauth2::clock::Clock;
use diesel_oauth2::column::Identifier as _;
use diesel_oauth2::lifecycle::{
    CodeRequest, CodeStore, Redemption, create_authorization_code_store,
};
use diesel_oauth2::observer::Observer;
use diesel_oauth2::pool::ConnectionPool;
use diesel_oauth2::table::{FamilyTokenTable, RedeemableCodeTable};
use oxide_auth::primitives::authorizer::Authorizer;
use oxide_auth::primitives::grant::Grant;

use crate::error::OnFailure;
use crate::extensions::{put_challenge, take_challenge};
use crate::grant::{GrantClient, Terms, scope_text, time};
use crate::handover::{Handover, Origin};
use crate::owner::{self, OwnerId};
use crate::{Columns, Error, NO_REDIRECT_URI, NoColumns, TokenIssuer};

/// As long as authlib's.
const CODE_LENGTH: usize = 48;
/// `diesel_oauth2`'s, and authlib's.
const DEFAULT_LIFETIME: i64 = 300;

/// Creates oxide-auth's `Authorizer` over a table of authorization codes, whose tokens this issuer issues.
///
/// `C` is the model of codes. The authorizer takes the pool of the issuer, and the two belong together: when a code
/// comes a second time, what the issuer issued for it is revoked (RFC 6749 section 4.1.2). Another issuer's tokens are
/// not.
///
/// # When a code is spent
/// oxide-auth asks for the code's grant *before* it compares the client and the redirect URI and lets its addons check
/// PKCE. So [`extract`](Authorizer::extract) spends the code, in the database and once however many ask at the same
/// time, and a request that is refused afterwards has spent it too: nothing is issued, and the client asks its user
/// again. That is safe, because it is not to be had without the code. (`diesel_oauth2`'s own store checks first.)
///
/// # PKCE
/// The challenge that oxide-auth's `Pkce` leaves in the grant's extensions is kept in `code_challenge` and
/// `code_challenge_method`, as RFC 7636 names it, so that another server on the same table can verify it too. Push
/// `Pkce` for the whole code grant (`AddonList::push_code`): the addon is what verifies. Other extensions need
/// [`columns`](CodeAuthorizer::columns).
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::models::{AuthorizationCode, Token};
/// use diesel_oauth2_oxide_auth::{create_authorizer, create_issuer};
/// use oxide_auth::primitives::authorizer::Authorizer;
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
/// let issuer = create_issuer::<Token, _>(pool);
/// let mut authorizer = create_authorizer::<AuthorizationCode, _, _, _>(&issuer);
/// let code = authorizer.authorize(grant)?;
/// assert_eq!(authorizer.extract(&code)?.map(|grant| grant.owner_id).as_deref(), Some("7"));
/// assert!(authorizer.extract(&code)?.is_none());
/// # }
/// # Ok::<(), ()>(())
/// ```
pub fn create_authorizer<C, T, P, K>(issuer: &TokenIssuer<T, P, K>) -> CodeAuthorizer<C, T, P>
where
    P: ConnectionPool,
    C: RedeemableCodeTable<P::Connection>,
    T: FamilyTokenTable<P::Connection, GrantId = C::GrantId, UserId = C::UserId>,
{
    CodeAuthorizer {
        store: create_authorization_code_store(issuer.pool.clone()).lifetime(DEFAULT_LIFETIME),
        lifetime: DEFAULT_LIFETIME,
        columns: Arc::new(NoColumns),
        handover: issuer.handover.clone(),
        on_failure: OnFailure::default(),
        model: PhantomData,
    }
}

/// oxide-auth's `Authorizer` over a table of authorization codes: made by [`create_authorizer`].
#[must_use]
pub struct CodeAuthorizer<C, T: OAuth2Token, P, K = NoColumns> {
    store: CodeStore<C, T, P>,
    lifetime: i64,
    columns: Arc<K>,
    handover: Handover<T::GrantId, T::UserId>,
    on_failure: OnFailure,
    model: PhantomData<fn() -> C>,
}

impl<C, T, P, K> CodeAuthorizer<C, T, P, K>
where
    P: ConnectionPool,
    C: RedeemableCodeTable<P::Connection>,
    T: FamilyTokenTable<P::Connection, GrantId = C::GrantId, UserId = C::UserId>,
{
    /// The clock that decides what has expired.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.store = self.store.clock(clock);
        self
    }

    /// How long a code is valid, in seconds. 300 unless set, whatever the grant says: oxide-auth gives each ten
    /// minutes.
    pub fn lifetime(mut self, seconds: i64) -> Self {
        self.store = self.store.lifetime(seconds);
        self.lifetime = seconds;
        self
    }

    /// How long tokens may be issued from the grant that a code becomes, in seconds: the absolute lifetime of the
    /// family. Unlimited unless set.
    pub fn grant_lifetime(mut self, seconds: i64) -> Self {
        self.store = self.store.grant_lifetime(seconds);
        self
    }

    /// Who is told of [`tokens_revoked`](Observer::tokens_revoked) when a code is replayed.
    pub fn observer(mut self, observer: impl Observer<T>) -> Self {
        self.store = self.store.observer(observer);
        self
    }

    /// What is told of each [`Error`], and of why a code was refused.
    pub fn on_failure(mut self, tell: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.on_failure = OnFailure::new(tell);
        self
    }

    /// What the model's own columns are filled from, and which extensions they keep.
    pub fn columns<L>(self, columns: L) -> CodeAuthorizer<C, T, P, L>
    where
        L: Columns<C, Extra = C::Extra>,
    {
        CodeAuthorizer {
            store: self.store,
            lifetime: self.lifetime,
            columns: Arc::new(columns),
            handover: self.handover,
            on_failure: self.on_failure,
            model: PhantomData,
        }
    }
}

impl<C, T, P, K> CodeAuthorizer<C, T, P, K>
where
    P: ConnectionPool,
    C: RedeemableCodeTable<P::Connection>,
    C::UserId: OwnerId,
    T: FamilyTokenTable<P::Connection, GrantId = C::GrantId, UserId = C::UserId>,
    K: Columns<C, Extra = C::Extra>,
{
    fn save(&self, mut grant: Grant) -> Result<String, Error> {
        if grant.redirect_uri.as_str() == NO_REDIRECT_URI {
            return Err(Error::NoRedirectUri);
        }
        let challenge = take_challenge(&mut grant.extensions);
        let client = GrantClient::named(&grant.client_id);
        let scope = scope_text(&grant.scope);
        let mut request = CodeRequest::new(&client)
            .user(owner::parse(&grant.owner_id)?)
            .redirect_uri(grant.redirect_uri.as_str())
            .response_type("code")
            .scope(&scope);
        if let Some(challenge) = &challenge {
            request = request.code_challenge(&challenge.code_challenge, challenge.method);
        }
        let code = generate_token(CODE_LENGTH)?;
        let request = request.extra(self.columns.fill(&grant)?);
        self.store.save(&code, &request)?;
        Ok(code)
    }

    fn redeem(&self, code: &str) -> Result<Grant, Error> {
        let code = self.store.redeem(&Redemption::unchecked(code))?;
        let redirect_uri = code.redirect_uri().filter(|uri| !uri.is_empty());
        let client_id = code.client_id();
        let mut grant = Terms {
            owner_id: match code.user_id() {
                Some(user_id) => user_id.to_text(),
                None => owner::of_client::<C::UserId>(&client_id).to_owned().into(),
            },
            client_id,
            scope: code.scope(),
            redirect_uri: redirect_uri.ok_or(Error::NoRedirectUri)?,
            until: time(Some(code.auth_time().saturating_add(self.lifetime))),
        }
        .into_grant()?;
        self.columns.complete(&code, &mut grant)?;
        put_challenge(&mut grant.extensions, &code)?;
        let origin = Origin {
            grant_id: code.grant_id().cloned(),
            user_id: code.user_id().cloned(),
        };
        self.handover.leave(&mut grant, origin);
        Ok(grant)
    }
}

impl<C, T, P, K> Authorizer for CodeAuthorizer<C, T, P, K>
where
    P: ConnectionPool,
    C: RedeemableCodeTable<P::Connection>,
    C::UserId: OwnerId,
    T: FamilyTokenTable<P::Connection, GrantId = C::GrantId, UserId = C::UserId>,
    K: Columns<C, Extra = C::Extra>,
{
    fn authorize(&mut self, grant: Grant) -> Result<String, ()> {
        self.on_failure.told(self.save(grant))
    }

    fn extract(&mut self, code: &str) -> Result<Option<Grant>, ()> {
        match self.redeem(code) {
            Ok(grant) => Ok(Some(grant)),
            Err(error @ Error::CodeRefused(_)) => {
                self.on_failure.tell(&error);
                Ok(None)
            }
            Err(error) => self.on_failure.told(Err(error)),
        }
    }
}

impl<C, T: OAuth2Token, P: Clone, K> Clone for CodeAuthorizer<C, T, P, K> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            lifetime: self.lifetime,
            columns: Arc::clone(&self.columns),
            handover: self.handover.clone(),
            on_failure: self.on_failure.clone(),
            model: PhantomData,
        }
    }
}

impl<C, T: OAuth2Token, P, K> fmt::Debug for CodeAuthorizer<C, T, P, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeAuthorizer")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
