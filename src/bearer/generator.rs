use std::fmt;
use std::sync::Arc;

use rand::SeedableRng;
use rand::distr::{Alphanumeric, SampleString};
use rand::rngs::{StdRng, SysRng};

use crate::model::OAuth2Client;
use crate::types::GrantType;
use crate::{Error, TokenResponse};

/// The shortest token there is: 22 alphanumeric characters are the fewest that carry 128 random bits, which RFC 6749
/// section 10.10 requires of what must not be guessed.
pub const MIN_TOKEN_LENGTH: usize = 22;
const ACCESS_TOKEN_LENGTH: usize = 42;
const REFRESH_TOKEN_LENGTH: usize = 48;
const DEFAULT_EXPIRES_IN: i64 = 3_600;

/// A random token of alphanumeric characters, from the operating system's random source.
///
/// A `length` below [`MIN_TOKEN_LENGTH`] gives a token of that length instead. Mirrors authlib's `generate_token`.
///
/// ```
/// let token = diesel_oauth2::bearer::generate_token(42)?;
/// assert_eq!(token.len(), 42);
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
///
/// # Errors
/// [`Error::RandomSource`] when the operating system gives no random bytes.
pub fn generate_token(length: usize) -> Result<String, Error> {
    // A generator of its own with a fresh 256-bit seed: the thread's would panic where the system's source fails, and
    // repeat itself after a fork.
    let mut random = StdRng::try_from_rng(&mut SysRng).map_err(|_| Error::RandomSource)?;
    Ok(Alphanumeric.sample_string(&mut random, length.max(MIN_TOKEN_LENGTH)))
}

/// What a token generator is told.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct GenerateContext<'a> {
    /// The client that the token is for.
    pub client: &'a dyn OAuth2Client,
    /// The grant type of the request.
    pub grant_type: &'a GrantType,
    /// The id of the user who granted it.
    pub user: Option<&'a dyn fmt::Display>,
    /// The scopes that are granted, separated by spaces.
    pub scope: &'a str,
}

impl fmt::Debug for GenerateContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenerateContext")
            .field("client_id", &self.client.client_id())
            .field("grant_type", self.grant_type)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// What [`BearerTokenGenerator::generate`] is asked for.
#[derive(Clone)]
#[must_use]
pub struct GenerateRequest<'a> {
    grant_type: GrantType,
    client: &'a dyn OAuth2Client,
    user: Option<&'a dyn fmt::Display>,
    scope: &'a str,
    expires_in: Option<i64>,
    include_refresh_token: bool,
}

impl<'a> GenerateRequest<'a> {
    /// A token for this client by this grant, without a user and without scope.
    pub fn new(grant_type: GrantType, client: &'a dyn OAuth2Client) -> Self {
        Self {
            include_refresh_token: !matches!(
                grant_type,
                GrantType::Implicit | GrantType::ClientCredentials
            ),
            grant_type,
            client,
            user: None,
            scope: "",
            expires_in: None,
        }
    }

    /// The id of the user who grants the token.
    pub fn user(mut self, user: &'a dyn fmt::Display) -> Self {
        self.user = Some(user);
        self
    }

    /// The scopes asked for. What the client may not have is dropped.
    pub fn scope(mut self, scope: &'a str) -> Self {
        self.scope = scope;
        self
    }

    /// The access token's lifetime in seconds, instead of the generator's. 0: it does not expire.
    pub fn expires_in(mut self, seconds: i64) -> Self {
        self.expires_in = Some(seconds);
        self
    }

    /// Whether a refresh token goes with it, where the generator makes any. Unless said, it does for every grant but
    /// `implicit` (RFC 6749 section 4.2.2 forbids it) and `client_credentials` (section 4.4.3).
    pub fn include_refresh_token(mut self, included: bool) -> Self {
        self.include_refresh_token = included;
        self
    }
}

impl fmt::Debug for GenerateRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenerateRequest")
            .field("grant_type", &self.grant_type)
            .field("client_id", &self.client.client_id())
            .field("scope", &self.scope)
            .field("expires_in", &self.expires_in)
            .field("include_refresh_token", &self.include_refresh_token)
            .finish_non_exhaustive()
    }
}

type TokenFn = Arc<dyn Fn(&GenerateContext<'_>) -> Result<String, Error> + Send + Sync>;
type LifetimeFn = Arc<dyn Fn(&dyn OAuth2Client, &GrantType) -> i64 + Send + Sync>;

/// Makes the token endpoint's answers: authlib's `BearerTokenGenerator`, with the defaults of its
/// `create_bearer_token_generator`.
///
/// Access tokens are 42 random alphanumeric characters. Refresh tokens are made once asked for. Lifetimes are
/// authlib's: ten days for `authorization_code`, `password` and `client_credentials`, an hour for anything else.
///
/// ```
/// use diesel_oauth2::bearer::{BearerTokenGenerator, GenerateRequest};
/// use diesel_oauth2::types::GrantType;
/// # use diesel_oauth2::{ClientMetadata, OAuth2Client};
/// # use std::borrow::Cow;
/// # struct App;
/// # impl OAuth2Client for App {
/// #     fn client_id(&self) -> Cow<'_, str> { "app".into() }
/// #     fn client_secret(&self) -> Option<&str> { None }
/// #     fn client_metadata(&self) -> Cow<'_, ClientMetadata> {
/// #         Cow::Owned(ClientMetadata { scope: Some("profile email".into()), ..Default::default() })
/// #     }
/// # }
/// # let client = App;
///
/// let generator = BearerTokenGenerator::new()
///     .with_refresh_tokens()
///     .expires_in_for(GrantType::AuthorizationCode, 1_800);
/// let request = GenerateRequest::new(GrantType::AuthorizationCode, &client)
///     .user(&7)
///     .scope("profile admin");
/// let response = generator.generate(&request)?;
/// assert_eq!(response.expires_in, Some(1_800));
/// assert_eq!(response.scope.as_deref(), Some("profile")); // the client may not have `admin`
/// assert!(response.refresh_token.is_some());
/// # Ok::<(), diesel_oauth2::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct BearerTokenGenerator {
    access_token: TokenFn,
    refresh_token: Option<TokenFn>,
    lifetimes: Vec<(GrantType, i64)>,
    otherwise: Lifetime,
}

/// The lifetime of a grant type without one of its own.
#[derive(Clone)]
enum Lifetime {
    Default,
    Fixed(i64),
    Function(LifetimeFn),
}

impl BearerTokenGenerator {
    /// The generator with authlib's defaults.
    pub fn new() -> Self {
        Self {
            access_token: Arc::new(|_| generate_token(ACCESS_TOKEN_LENGTH)),
            refresh_token: None,
            lifetimes: Vec::new(),
            otherwise: Lifetime::Default,
        }
    }

    /// Makes refresh tokens too: 48 random alphanumeric characters.
    pub fn with_refresh_tokens(self) -> Self {
        self.refresh_token_generator(|_| generate_token(REFRESH_TOKEN_LENGTH))
    }

    /// Makes access tokens by this function. They must not be guessable.
    pub fn access_token_generator<F>(mut self, generate: F) -> Self
    where
        F: Fn(&GenerateContext<'_>) -> Result<String, Error> + Send + Sync + 'static,
    {
        self.access_token = Arc::new(generate);
        self
    }

    /// Makes refresh tokens, by this function. They must not be guessable.
    pub fn refresh_token_generator<F>(mut self, generate: F) -> Self
    where
        F: Fn(&GenerateContext<'_>) -> Result<String, Error> + Send + Sync + 'static,
    {
        self.refresh_token = Some(Arc::new(generate));
        self
    }

    /// The lifetime in seconds of access tokens of one grant type. 0: they do not expire.
    pub fn expires_in_for(mut self, grant_type: GrantType, seconds: i64) -> Self {
        self.lifetimes.retain(|(known, _)| *known != grant_type);
        self.lifetimes.push((grant_type, seconds));
        self
    }

    /// The lifetime in seconds of access tokens of every grant type without one of its own. 0: they do not expire.
    pub fn expires_in(mut self, seconds: i64) -> Self {
        self.otherwise = Lifetime::Fixed(seconds);
        self
    }

    /// The lifetime in seconds of access tokens, by client and grant type, of every grant type without one of its own.
    pub fn expires_in_with<F>(mut self, lifetime: F) -> Self
    where
        F: Fn(&dyn OAuth2Client, &GrantType) -> i64 + Send + Sync + 'static,
    {
        self.otherwise = Lifetime::Function(Arc::new(lifetime));
        self
    }

    /// Makes the answer to a token request. Nothing is stored.
    ///
    /// A lifetime of 0 and an empty scope leave their member out.
    ///
    /// # Errors
    /// What the token functions return, by default [`Error::RandomSource`]; [`Error::InvalidValue`] for a negative
    /// lifetime.
    pub fn generate(&self, request: &GenerateRequest<'_>) -> Result<TokenResponse, Error> {
        let scope = request.client.get_allowed_scope(request.scope);
        let context = GenerateContext {
            client: request.client,
            grant_type: &request.grant_type,
            user: request.user,
            scope: &scope,
        };
        let seconds = match request.expires_in {
            Some(seconds) => seconds,
            None => self.lifetime(request.client, &request.grant_type),
        };
        if seconds < 0 {
            return Err(Error::InvalidValue {
                column: "expires_in",
                reason: "a lifetime is not negative",
            });
        }
        let mut response = TokenResponse::bearer((self.access_token)(&context)?);
        response.expires_in = (seconds != 0).then_some(seconds);
        if request.include_refresh_token {
            if let Some(generate) = &self.refresh_token {
                response.refresh_token = Some(generate(&context)?);
            }
        }
        response.scope = (!scope.is_empty()).then_some(scope);
        Ok(response)
    }

    fn lifetime(&self, client: &dyn OAuth2Client, grant_type: &GrantType) -> i64 {
        let own = self.lifetimes.iter().find(|(it, _)| it == grant_type);
        match (own, &self.otherwise) {
            (Some((_, seconds)), _) | (None, Lifetime::Fixed(seconds)) => *seconds,
            (None, Lifetime::Function(lifetime)) => lifetime(client, grant_type),
            (None, Lifetime::Default) => default_lifetime(grant_type),
        }
    }
}

/// authlib's `GRANT_TYPES_EXPIRES_IN`.
fn default_lifetime(grant_type: &GrantType) -> i64 {
    match grant_type {
        GrantType::AuthorizationCode | GrantType::Password | GrantType::ClientCredentials => {
            864_000
        }
        _ => DEFAULT_EXPIRES_IN,
    }
}

impl Default for BearerTokenGenerator {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for BearerTokenGenerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerTokenGenerator")
            .field("refresh_tokens", &self.refresh_token.is_some())
            .field("lifetimes", &self.lifetimes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::TestClient;

    fn generate(generator: &BearerTokenGenerator, grant_type: GrantType) -> TokenResponse {
        let client = TestClient::public("app");
        generator
            .generate(&GenerateRequest::new(grant_type, &client))
            .expect("generates")
    }

    #[test]
    fn a_short_token_is_made_longer() {
        for length in [0, 1, 21] {
            assert_eq!(generate_token(length).expect("generates").len(), 22);
        }
        let token = generate_token(48).expect("generates");
        assert_eq!(token.len(), 48);
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(token, generate_token(48).expect("generates"));
    }

    #[test]
    fn lifetimes_are_authlib_s_by_default() {
        let generator = BearerTokenGenerator::new();
        for (grant_type, seconds) in [
            (GrantType::AuthorizationCode, 864_000),
            (GrantType::Implicit, 3_600),
            (GrantType::Password, 864_000),
            (GrantType::ClientCredentials, 864_000),
            (GrantType::RefreshToken, 3_600),
            (GrantType::DeviceCode, 3_600),
            (GrantType::parse("urn:other"), 3_600),
        ] {
            let response = generate(&generator, grant_type);
            assert_eq!(response.expires_in, Some(seconds));
            assert_eq!(response.token_type, "Bearer");
            assert_eq!(response.access_token.len(), 42);
            assert_eq!(response.refresh_token, None);
        }
    }

    #[test]
    fn a_grant_type_s_own_lifetime_comes_before_the_function_and_the_fixed_one() {
        let own = BearerTokenGenerator::new()
            .expires_in_for(GrantType::Password, 1)
            .expires_in_for(GrantType::Password, 60);
        for (generator, other) in [
            (own.clone(), 864_000),
            (own.clone().expires_in(7), 7),
            (
                own.expires_in_with(|client, _| client.client_id().len() as i64),
                3,
            ),
        ] {
            assert_eq!(
                generate(&generator, GrantType::Password).expires_in,
                Some(60)
            );
            let response = generate(&generator, GrantType::ClientCredentials);
            assert_eq!(response.expires_in, Some(other));
        }
    }

    #[test]
    fn zero_leaves_the_lifetime_out_and_a_negative_one_is_refused() {
        let client = TestClient::public("app");
        let request = GenerateRequest::new(GrantType::Password, &client);
        let generator = BearerTokenGenerator::new();
        let response = generator.generate(&request.clone().expires_in(0));
        assert_eq!(response.expect("generates").expires_in, None);
        let response = generator.generate(&request.clone().expires_in(5));
        assert_eq!(response.expect("generates").expires_in, Some(5));
        assert!(matches!(
            generator.generate(&request.expires_in(-1)),
            Err(Error::InvalidValue {
                column: "expires_in",
                ..
            })
        ));
    }

    #[test]
    fn refresh_tokens_go_with_the_grants_that_may_have_one() {
        let generator = BearerTokenGenerator::new().with_refresh_tokens();
        let response = generate(&generator, GrantType::AuthorizationCode);
        assert_eq!(response.refresh_token.map(|token| token.len()), Some(48));
        for grant_type in [GrantType::Implicit, GrantType::ClientCredentials] {
            assert_eq!(generate(&generator, grant_type.clone()).refresh_token, None);
            let client = TestClient::public("app");
            let request = GenerateRequest::new(grant_type, &client).include_refresh_token(true);
            let response = generator.generate(&request).expect("generates");
            assert!(response.refresh_token.is_some());
        }
    }

    #[test]
    fn generators_see_the_scope_that_is_granted_and_the_user() {
        let generator = BearerTokenGenerator::new()
            .access_token_generator(|context| {
                let user = context.user.map(ToString::to_string).unwrap_or_default();
                Ok(format!(
                    "{}/{user}/{}",
                    context.client.client_id(),
                    context.scope
                ))
            })
            .refresh_token_generator(|_| Err(Error::RandomSource));
        let client = TestClient::public("app").scope("a b");
        let request = GenerateRequest::new(GrantType::Password, &client)
            .user(&7)
            .scope("b x a");
        assert_eq!(generator.generate(&request), Err(Error::RandomSource));
        let response = generator
            .generate(&request.include_refresh_token(false))
            .expect("generates");
        assert_eq!(response.access_token, "app/7/b a");
        assert_eq!(response.scope.as_deref(), Some("b a"));
        assert_eq!(
            generate(&BearerTokenGenerator::new(), GrantType::Password).scope,
            None
        );
    }
}
