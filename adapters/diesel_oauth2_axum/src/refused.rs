use axum::response::{IntoResponse, Response};
use diesel_oauth2::endpoint::EndpointResponse;
use diesel_oauth2::{BearerChallenge, Failure};
use http::Response as HttpResponse;

/// An endpoint's answer as axum's.
///
/// ```
/// let response = diesel_oauth2_axum::into_response(diesel_oauth2::Error::PoolExhausted);
/// assert_eq!(response.status(), 503);
/// ```
pub fn into_response(answer: impl Into<EndpointResponse>) -> Response {
    HttpResponse::<String>::from(answer.into()).into_response()
}

/// A [`Failure`] that a handler may return: the refusal's own answer, or 503 with `Retry-After` or 500 where storage
/// failed. `?` makes it of a `Failure`, of what is in it, and of an [`Error`](diesel_oauth2::Error).
///
/// ```
/// use diesel_oauth2::{Error, OAuth2Error};
/// use diesel_oauth2_axum::Refused;
///
/// async fn token() -> Result<String, Refused<OAuth2Error>> {
///     let stored: Result<(), Error> = Err(Error::LockTimeout);
///     stored?; // 503 and `{"error":"temporarily_unavailable"}`
///     Err(OAuth2Error::UnsupportedGrantType)? // 400 and `{"error":"unsupported_grant_type", ...}`
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct Refused<R: std::error::Error + 'static = BearerChallenge>(pub Failure<R>);

impl<R: std::error::Error + 'static, E> From<E> for Refused<R>
where
    Failure<R>: From<E>,
{
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl<R: std::error::Error + 'static> IntoResponse for Refused<R>
where
    EndpointResponse: for<'r> From<&'r R>,
{
    fn into_response(self) -> Response {
        into_response(self.0)
    }
}
