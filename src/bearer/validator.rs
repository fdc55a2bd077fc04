use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::Error;
use crate::bearer::{BearerChallenge, BearerError};
#[cfg(feature = "cache")]
use crate::cache::{Epoch, Remember};
use crate::clock::{Clock, SystemClock};
use crate::endpoint::{Failure, Realm};
use crate::header::split_credentials;
use crate::lookup::find_access_token;
use crate::model::OAuth2Token;
use crate::observer::Observer;
use crate::pool::ConnectionPool;
use crate::scope;
#[cfg(feature = "cache")]
use crate::secret::SecretStorage;
use crate::table::TokenTable;

/// Creates the guard of protected resources (RFC 6750).
///
/// Mirrors authlib's `create_bearer_token_validator`, together with the `ResourceProtector` around it.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// # use diesel::prelude::*;
/// use diesel_oauth2::{bearer::create_bearer_token_validator, endpoint::Failure, models::Token};
///
/// # let mut connection = SqliteConnection::establish(":memory:").unwrap();
/// # diesel_oauth2::migrations::run(&mut connection).unwrap();
/// # let pool = diesel_oauth2::pool::SharedConnection::new(connection);
/// let validator = create_bearer_token_validator::<Token, _>(pool).realm("api");
/// let refused = validator.acquire_token(Some("Bearer mF_9.B5f-4.1JqM"), &["profile"]);
/// let Err(Failure::Refused(challenge)) = refused else { panic!() };
/// assert_eq!(challenge.status(), 401);
/// assert!(challenge.www_authenticate().starts_with(r#"Bearer realm="api", error="invalid_token""#));
/// # }
/// ```
pub fn create_bearer_token_validator<M, P>(pool: P) -> BearerTokenValidator<M, P>
where
    P: ConnectionPool,
    M: TokenTable<P::Connection>,
{
    BearerTokenValidator::on(pool)
}

/// The guard of protected resources: made by [`create_bearer_token_validator`].
#[must_use]
pub struct BearerTokenValidator<M, P> {
    pub(crate) pool: P,
    realm: Realm,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer<M>>>,
    #[cfg(feature = "cache")]
    cache: Option<Arc<dyn Remember<M>>>,
    model: PhantomData<fn() -> M>,
}

impl<M: OAuth2Token, P> BearerTokenValidator<M, P> {
    pub(crate) fn on(pool: P) -> Self {
        Self {
            pool,
            realm: Realm::default(),
            clock: Arc::new(SystemClock),
            observer: None,
            #[cfg(feature = "cache")]
            cache: None,
            model: PhantomData,
        }
    }

    /// The realm told in `WWW-Authenticate`.
    pub fn realm(mut self, realm: impl Into<Realm>) -> Self {
        self.realm = realm.into();
        self
    }

    /// The clock that tokens expire by.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Who is told of [`token_authenticated`](Observer::token_authenticated).
    pub fn observer(mut self, observer: impl Observer<M>) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Where rows are remembered that were looked up. Read what [`TokenCache`](crate::cache::TokenCache) costs.
    #[cfg(feature = "cache")]
    pub fn cache(mut self, cache: crate::cache::TokenCache<M>) -> Self
    where
        M: Clone + Sync,
    {
        self.cache = Some(Arc::new(cache));
        self
    }

    /// Whether the token may be used now, for what requires one of these sets of scopes. Nothing is sent.
    ///
    /// Each of `scopes` is an alternative: a set of scopes separated by spaces, which the token must have wholly. No
    /// alternatives: no scope is required.
    ///
    /// # Errors
    /// [`BearerError::InvalidToken`] for `None` and for a token that is expired or revoked;
    /// [`BearerError::InsufficientScope`].
    pub fn validate_token(
        &self,
        token: Option<&M>,
        scopes: &[&str],
    ) -> Result<(), BearerChallenge> {
        let usable =
            token.filter(|token| !token.is_expired(self.clock.now()) && !token.is_revoked());
        match usable {
            None => Err(self.challenge(BearerError::InvalidToken)),
            Some(token) if !scope::is_sufficient(&token.scope(), scopes) => Err(
                BearerChallenge::insufficient_scope(self.realm.clone(), scopes),
            ),
            Some(_) => Ok(()),
        }
    }

    /// Tells the observer of a token that may be used for what requires one of these sets of scopes, or refuses it.
    pub(crate) fn accept(
        &self,
        found: Option<M>,
        scopes: &[&str],
    ) -> Result<M, Failure<BearerChallenge>> {
        let Some(token) = found else {
            return Err(self.challenge(BearerError::InvalidToken).into());
        };
        self.validate_token(Some(&token), scopes)?;
        if let Some(observer) = &self.observer {
            observer.token_authenticated(&token);
        }
        Ok(token)
    }

    /// The token in an `Authorization` value.
    pub(crate) fn bearer_token<'h>(
        &self,
        authorization: Option<&'h str>,
    ) -> Result<&'h str, Failure<BearerChallenge>> {
        bearer_token(authorization).map_err(|error| self.challenge(error).into())
    }

    /// What the cache has of the token, or what it is to be told of the row that is looked up.
    #[cfg(feature = "cache")]
    pub(crate) fn recall(&self, token: &str) -> Recalled<'_, M> {
        let Some(cache) = &self.cache else {
            return Recalled::Unknown(None);
        };
        let now = self.clock.now();
        match cache.recall(&M::Storage::candidates(token), now) {
            Some(remembered) => Recalled::Known(remembered),
            None => Recalled::Unknown(Some(Learning {
                cache: &**cache,
                now,
                begun: cache.epoch(),
            })),
        }
    }

    pub(crate) fn challenge(&self, error: BearerError) -> BearerChallenge {
        BearerChallenge::new(error, self.realm.clone())
    }
}

/// What a cache knows of a token.
#[cfg(feature = "cache")]
pub(crate) enum Recalled<'c, M> {
    /// Its row.
    Known(M),
    /// Nothing; with a cache, it is to learn what is looked up.
    Unknown(Option<Learning<'c, M>>),
}

/// A cache that is to be told what a look-up finds.
#[cfg(feature = "cache")]
pub(crate) struct Learning<'c, M> {
    cache: &'c dyn Remember<M>,
    now: i64,
    begun: Epoch,
}

#[cfg(feature = "cache")]
impl<M> Learning<'_, M> {
    pub(crate) fn learn(&self, found: Option<&M>) {
        if let Some(row) = found {
            self.cache.remember(row, self.now, self.begun);
        }
    }
}

impl<M, P> BearerTokenValidator<M, P>
where
    P: ConnectionPool,
    M: TokenTable<P::Connection>,
{
    /// The row with exactly this access token, whatever its state. A refresh token is not found.
    ///
    /// # Errors
    /// The database's, as [`Error`]. An unknown token is no error.
    pub fn authenticate_token(&self, token: &str) -> Result<Option<M>, Error> {
        #[cfg(feature = "cache")]
        let learning = match self.recall(token) {
            Recalled::Known(row) => return Ok(Some(row)),
            Recalled::Unknown(learning) => learning,
        };
        let found = find_access_token(&self.pool, token)?;
        #[cfg(feature = "cache")]
        if let Some(learning) = learning {
            learning.learn(found.as_ref());
        }
        Ok(found)
    }

    /// The valid token in the value of a request's `Authorization` header: [`authenticate_token`] and
    /// [`validate_token`] at once.
    ///
    /// The scheme's case does not matter, nor how many spaces follow it.
    ///
    /// [`authenticate_token`]: Self::authenticate_token
    /// [`validate_token`]: Self::validate_token
    ///
    /// # Errors
    /// [`Failure::Refused`] with the challenge for the client; [`Failure::Storage`] with the database's error, which
    /// says nothing about the token.
    pub fn acquire_token(
        &self,
        authorization: Option<&str>,
        scopes: &[&str],
    ) -> Result<M, Failure<BearerChallenge>> {
        let found = self.authenticate_token(self.bearer_token(authorization)?)?;
        self.accept(found, scopes)
    }
}

/// The token in an `Authorization` value.
fn bearer_token(authorization: Option<&str>) -> Result<&str, BearerError> {
    let authorization = authorization.unwrap_or_default();
    match split_credentials(authorization) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token),
        None if authorization.trim_ascii().is_empty() => Err(BearerError::MissingAuthorization),
        _ => Err(BearerError::UnsupportedTokenType),
    }
}

impl<M, P: Clone> Clone for BearerTokenValidator<M, P> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            realm: self.realm.clone(),
            clock: Arc::clone(&self.clock),
            observer: self.observer.clone(),
            #[cfg(feature = "cache")]
            cache: self.cache.clone(),
            model: PhantomData,
        }
    }
}

impl<M, P> fmt::Debug for BearerTokenValidator<M, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerTokenValidator")
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::observer::on_token_authenticated;
    use crate::test_support::{
        self, Statement, TestToken, assert_shareable, fail_with, statements,
    };
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const NOW: i64 = 1_000;

    type Pool = crate::pool::SharedConnection<diesel::SqliteConnection>;

    fn validator() -> BearerTokenValidator<TestToken, Pool> {
        create_bearer_token_validator(test_support::pool())
            .clock(|| NOW)
            .realm("api")
    }

    fn refusal(authorization: Option<&str>, scopes: &[&str]) -> Option<BearerError> {
        match validator().acquire_token(authorization, scopes) {
            Ok(_) => None,
            Err(Failure::Refused(challenge)) => Some(challenge.error()),
            Err(Failure::Storage(error)) => panic!("{error}"),
        }
    }

    #[test]
    fn it_can_be_shared() {
        assert_shareable(&validator());
    }

    #[test]
    fn the_header_decides_before_anything_is_looked_up() {
        for missing in [None, Some(""), Some("  ")] {
            assert_eq!(
                refusal(missing, &[]),
                Some(BearerError::MissingAuthorization)
            );
        }
        for other in [
            "Basic YTpi",
            "Bearer",
            "Bearer  ",
            "mF_9",
            "Bearerx mF_9",
            "\u{e9} mF_9",
        ] {
            assert_eq!(
                refusal(Some(other), &[]),
                Some(BearerError::UnsupportedTokenType),
                "{other:?}"
            );
        }
        let long = "a".repeat(100);
        for impossible in ["\0", "mF\u{e9}", "mF\u{1}", &format!("{long}\u{1f980}")] {
            let header = format!("Bearer {impossible}");
            assert_eq!(
                refusal(Some(&header), &[]),
                Some(BearerError::InvalidToken),
                "{impossible:?}"
            );
        }
        assert_eq!(statements(), []);
    }

    #[test]
    fn a_valid_token_is_found_by_one_statement_whatever_the_scheme_s_case() {
        TestToken::new("app", "acc").insert();
        for header in ["Bearer acc", "bearer acc", "BEARER   acc", " Bearer\tacc "] {
            assert_eq!(refusal(Some(header), &[]), None, "{header:?}");
            assert_eq!(statements(), [Statement::LoadByAccessToken]);
        }
    }

    #[test]
    fn what_only_the_collation_takes_for_equal_is_unknown() {
        TestToken::new("app", "acc5").refresh("ref5").insert();
        for header in ["Bearer ACC5", "Bearer acc", "Bearer ref5"] {
            assert_eq!(
                refusal(Some(header), &[]),
                Some(BearerError::InvalidToken),
                "{header:?}"
            );
        }
        assert!(
            validator()
                .authenticate_token("acc5  ")
                .expect("works")
                .is_none()
        );
    }

    #[test]
    fn expiry_is_to_the_second() {
        for (name, expires_at, refused) in [
            ("never", None, false),
            ("later", Some(NOW + 1), false),
            ("last", Some(NOW), false),
            ("gone", Some(NOW - 1), true),
            ("far", Some(i64::MAX), false),
            ("long_ago", Some(i64::MIN), true),
        ] {
            TestToken {
                expires_at,
                ..TestToken::new("app", name)
            }
            .insert();
            let header = format!("Bearer {name}");
            assert_eq!(refusal(Some(&header), &[]).is_some(), refused, "{name}");
        }
    }

    #[test]
    fn a_revoked_token_is_invalid_also_where_another_row_is_not_revoked() {
        let token = || TestToken::new("app", "acc");
        TestToken {
            refresh_token_revoked_at: Some(1),
            ..token()
        }
        .insert();
        token().insert();
        assert_eq!(
            refusal(Some("Bearer acc"), &[]),
            Some(BearerError::InvalidToken)
        );
        let revoked = TestToken {
            access_token_revoked_at: Some(1),
            ..token()
        };
        assert!(validator().validate_token(Some(&revoked), &[]).is_err());
        assert!(validator().validate_token(None, &[]).is_err());
    }

    #[test]
    fn too_little_scope_is_told_after_everything_else() {
        TestToken {
            scope: "a b".into(),
            ..TestToken::new("app", "acc")
        }
        .insert();
        TestToken {
            expires_at: Some(0),
            ..TestToken::new("app", "old")
        }
        .insert();
        assert_eq!(refusal(Some("Bearer acc"), &["x", "b a"]), None);
        assert_eq!(
            refusal(Some("Bearer acc"), &["a c"]),
            Some(BearerError::InsufficientScope)
        );
        assert_eq!(
            refusal(Some("Bearer old"), &["a c"]),
            Some(BearerError::InvalidToken)
        );
    }

    #[test]
    fn a_storage_failure_is_no_refusal() {
        fail_with(Error::PoolExhausted);
        let failure = validator()
            .acquire_token(Some("Bearer acc"), &[])
            .expect_err("fails");
        assert_eq!(failure, Failure::Storage(Error::PoolExhausted));
        assert_eq!(failure.to_response().status, 503);
    }

    #[test]
    fn the_observer_is_told_of_accepted_tokens_only() {
        TestToken::new("app", "acc").insert();
        let told = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&told);
        let validator = validator().observer(on_token_authenticated(move |token: &TestToken| {
            assert_eq!(token.access_token, "acc");
            count.fetch_add(1, Ordering::Relaxed);
        }));
        assert!(validator.acquire_token(Some("Bearer acc"), &["a"]).is_err());
        assert!(validator.acquire_token(Some("Bearer other"), &[]).is_err());
        assert_eq!(told.load(Ordering::Relaxed), 0);
        assert!(validator.acquire_token(Some("Bearer acc"), &[]).is_ok());
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }

    proptest! {
        #[test]
        fn any_header_is_answered(value in any::<String>()) {
            let _ = bearer_token(Some(&value));
        }

        #[test]
        fn no_refusal_shows_the_token(token in "[a-z]{24}") {
            let header = format!("Bearer {token}");
            let failure = validator().acquire_token(Some(&header), &[]).expect_err("is unknown");
            let shown = format!("{failure:?}{failure}");
            prop_assert!(!shown.contains(&token));
        }
    }
}
