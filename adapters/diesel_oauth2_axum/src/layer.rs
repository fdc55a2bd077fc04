use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use diesel_oauth2::bearer::{BearerError, BearerTokenValidator};
use diesel_oauth2::pool::ConnectionPool;
use diesel_oauth2::table::TokenTable;
use diesel_oauth2::{BearerChallenge, Failure};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use tower::{Layer, Service};

use crate::current_token::Anonymous;
use crate::{CurrentToken, Refused, run_blocking};

/// Creates the layer that guards routes: only a request with a valid token gets through, and its handler finds the token
/// with [`CurrentToken`]. Mirrors authlib's `ResourceProtector` as a decorator, `@require_oauth("profile")`.
///
/// Use it with `route_layer`, so that an unknown path is still 404.
///
/// ```
/// use axum::{Router, routing::get};
/// use diesel_oauth2::{bearer::BearerTokenValidator, models::Token, pool::ConnectionPool, table::TokenTable};
/// use diesel_oauth2_axum::{CurrentToken, require_oauth};
///
/// fn api<P>(validator: BearerTokenValidator<Token, P>) -> Router
/// where
///     P: ConnectionPool,
///     Token: TokenTable<P::Connection>,
/// {
///     Router::new()
///         .route("/me", get(async |token: CurrentToken<Token>| format!("{:?}", token.user_id)))
///         .route_layer(require_oauth(validator).scopes(["profile email", "admin"]))
/// }
/// ```
pub fn require_oauth<M, P>(validator: BearerTokenValidator<M, P>) -> RequireOAuth<M, P>
where
    P: ConnectionPool,
    M: TokenTable<P::Connection> + Sync,
{
    RequireOAuth {
        validator,
        scopes: Arc::new([]),
        is_optional: false,
    }
}

/// A layer that lets only requests with a valid bearer token through: made by [`require_oauth`].
#[must_use]
pub struct RequireOAuth<M, P> {
    validator: BearerTokenValidator<M, P>,
    scopes: Arc<[Box<str>]>,
    is_optional: bool,
}

impl<M, P> RequireOAuth<M, P> {
    /// The scopes required: alternatives, each a set separated by spaces, which the token must have wholly. Without any,
    /// a valid token will do.
    pub fn scopes<S: Into<Box<str>>>(mut self, alternatives: impl IntoIterator<Item = S>) -> Self {
        self.scopes = alternatives.into_iter().map(Into::into).collect();
        self
    }

    /// Lets a request without an `Authorization` header through, too: authlib's `optional=True`. A token that is not
    /// valid is still refused.
    pub fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }
}

impl<M, P> RequireOAuth<M, P>
where
    P: ConnectionPool,
    M: TokenTable<P::Connection> + Sync,
{
    /// Puts the token into the request's extensions, or says why it is refused.
    async fn admit(self, request: &mut Request) -> Result<(), Refused> {
        let scopes: Vec<&str> = self.scopes.iter().map(|it| &**it).collect();
        let acquired = acquire_token(&self.validator, request.headers(), &scopes).await;
        match acquired {
            Ok(token) => {
                request.extensions_mut().insert(token);
            }
            Err(Refused(Failure::Refused(challenge)))
                if self.is_optional && challenge.error() == BearerError::MissingAuthorization =>
            {
                request.extensions_mut().insert(Anonymous(challenge));
            }
            Err(refused) => return Err(refused),
        }
        Ok(())
    }
}

/// The valid token of a request, inside a handler: authlib's `require_oauth.acquire`. For where the scopes depend on the
/// request.
///
/// ```
/// use axum::{extract::{Path, State}, http::HeaderMap};
/// use diesel_oauth2::{bearer::BearerTokenValidator, models::Token, pool::ConnectionPool, table::TokenTable};
/// use diesel_oauth2_axum::{Refused, acquire_token};
///
/// async fn folder<P>(
///     State(validator): State<BearerTokenValidator<Token, P>>,
///     Path(name): Path<String>,
///     headers: HeaderMap,
/// ) -> Result<String, Refused>
/// where
///     P: ConnectionPool,
///     Token: TokenTable<P::Connection>,
/// {
///     let token = acquire_token(&validator, &headers, &[&format!("folder:{name}"), "admin"]).await?;
///     Ok(format!("of user {:?}", token.user_id))
/// }
/// ```
///
/// # Errors
/// As [`BearerTokenValidator::acquire_token_from_headers`], as an answer.
pub async fn acquire_token<M, P>(
    validator: &BearerTokenValidator<M, P>,
    headers: &HeaderMap,
    scopes: &[&str],
) -> Result<CurrentToken<M>, Refused<BearerChallenge>>
where
    P: ConnectionPool,
    M: TokenTable<P::Connection> + Sync,
{
    let mut credentials = HeaderMap::new();
    for value in headers.get_all(AUTHORIZATION) {
        credentials.append(AUTHORIZATION, value.clone());
    }
    let acquired = if credentials.is_empty() {
        // Refused without asking the database.
        validator.acquire_token(None, scopes)
    } else {
        let validator = validator.clone();
        let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
        run_blocking(move || {
            let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
            validator.acquire_token_from_headers(&credentials, &scopes)
        })
        .await
    };
    Ok(CurrentToken(Arc::new(acquired?)))
}

impl<M, P, S> Layer<S> for RequireOAuth<M, P>
where
    P: Clone,
{
    type Service = RequireOAuthService<M, P, S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireOAuthService {
            guard: self.clone(),
            inner,
        }
    }
}

/// A service behind a [`RequireOAuth`] layer.
pub struct RequireOAuthService<M, P, S> {
    guard: RequireOAuth<M, P>,
    inner: S,
}

impl<M, P, S> Service<Request> for RequireOAuthService<M, P, S>
where
    P: ConnectionPool,
    M: TokenTable<P::Connection> + Sync,
    S: Service<Request, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let guard = self.guard.clone();
        // The one that is ready goes along; the clone stays.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            if let Err(refused) = guard.admit(&mut request).await {
                return Ok(refused.into_response());
            }
            Ok(inner.call(request).await.into_response())
        })
    }
}

impl<M, P: Clone> Clone for RequireOAuth<M, P> {
    fn clone(&self) -> Self {
        Self {
            validator: self.validator.clone(),
            scopes: Arc::clone(&self.scopes),
            is_optional: self.is_optional,
        }
    }
}

impl<M, P: Clone, S: Clone> Clone for RequireOAuthService<M, P, S> {
    fn clone(&self) -> Self {
        Self {
            guard: self.guard.clone(),
            inner: self.inner.clone(),
        }
    }
}

impl<M, P> fmt::Debug for RequireOAuth<M, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireOAuth")
            .field("scopes", &self.scopes)
            .field("is_optional", &self.is_optional)
            .finish_non_exhaustive()
    }
}

impl<M, P, S> fmt::Debug for RequireOAuthService<M, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireOAuthService")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}
