use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use diesel_oauth2::BearerChallenge;
use diesel_oauth2::endpoint::EndpointResponse;
use http::request::Parts;

use crate::into_response;

/// The token that [`require_oauth`](crate::require_oauth) has let through: authlib's `current_token`.
///
/// `Option<CurrentToken<M>>` is `None` where the layer is [optional](crate::RequireOAuth::optional) and the request had
/// no `Authorization`; without the `Option` such a request is refused with 401.
///
/// ```
/// use diesel_oauth2::{OAuth2Token, models::Token};
/// use diesel_oauth2_axum::CurrentToken;
///
/// async fn me(CurrentToken(token): CurrentToken<Token>) -> String {
///     token.scope().into_owned()
/// }
///
/// async fn front_page(token: Option<CurrentToken<Token>>) -> &'static str {
///     if token.is_some() { "Welcome back" } else { "Welcome" }
/// }
/// ```
pub struct CurrentToken<M>(pub Arc<M>);

/// The layer has let a request without a token through; this is what refuses it after all.
#[derive(Clone)]
pub(crate) struct Anonymous(pub(crate) BearerChallenge);

/// Why [`CurrentToken`] is not to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CurrentTokenRejection {
    /// The layer is optional, and the request has no token.
    #[error(transparent)]
    Refused(BearerChallenge),
    /// The route has no [`require_oauth`](crate::require_oauth) layer, or one of another model: a mistake in the
    /// program, answered with 500.
    #[error("the route has no require_oauth layer of this token model")]
    MissingLayer,
}

impl IntoResponse for CurrentTokenRejection {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(challenge) => into_response(challenge),
            Self::MissingLayer => into_response(EndpointResponse::empty(500)),
        }
    }
}

impl<M: Send + Sync + 'static> CurrentToken<M> {
    fn of(parts: &Parts) -> Result<Self, CurrentTokenRejection> {
        if let Some(token) = parts.extensions.get::<Self>() {
            return Ok(token.clone());
        }
        Err(match parts.extensions.get::<Anonymous>() {
            Some(Anonymous(challenge)) => CurrentTokenRejection::Refused(challenge.clone()),
            None => CurrentTokenRejection::MissingLayer,
        })
    }
}

impl<M: Send + Sync + 'static, S: Sync> FromRequestParts<S> for CurrentToken<M> {
    type Rejection = CurrentTokenRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Self::of(parts)
    }
}

impl<M: Send + Sync + 'static, S: Sync> OptionalFromRequestParts<S> for CurrentToken<M> {
    type Rejection = CurrentTokenRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        match Self::of(parts) {
            Ok(token) => Ok(Some(token)),
            Err(CurrentTokenRejection::Refused(_)) => Ok(None),
            Err(rejection) => Err(rejection),
        }
    }
}

impl<M> Clone for CurrentToken<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M> Deref for CurrentToken<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.0
    }
}

impl<M> fmt::Debug for CurrentToken<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentToken").finish_non_exhaustive()
    }
}
