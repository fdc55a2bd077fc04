use std::fmt;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use diesel_oauth2::OAuth2Error;
use diesel_oauth2::endpoint::{EndpointRequest, EndpointResponse};
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::into_response;

/// The headers and the form of a request to an OAuth 2.0 endpoint, owned, so that they can go to a blocking thread.
///
/// A body of another type than `application/x-www-form-urlencoded` is refused with 400 `invalid_request`, one above
/// axum's `DefaultBodyLimit` with 413. It shows no values in `Debug`.
///
/// ```
/// use axum::response::Response;
/// use diesel_oauth2::{ClientAuthenticator, OAuth2Client, OAuth2Error, types::Endpoint};
/// use diesel_oauth2::{models::Client, pool::ConnectionPool, table::ClientTable};
/// use diesel_oauth2_axum::{EndpointForm, Refused, run_blocking};
///
/// async fn whoami<P>(
///     authenticator: ClientAuthenticator<Client, P>,
///     form: EndpointForm,
/// ) -> Result<String, Refused<OAuth2Error>>
/// where
///     P: ConnectionPool,
///     Client: ClientTable<P::Connection>,
/// {
///     run_blocking(move || {
///         let authenticated = authenticator.authenticate(&form.request()?, Endpoint::Token)?;
///         Ok(authenticated.client.client_id().into_owned())
///     })
///     .await
/// }
/// ```
#[derive(Clone)]
pub struct EndpointForm {
    headers: HeaderMap,
    body: Bytes,
}

impl EndpointForm {
    /// The request as the endpoints of `diesel_oauth2` take it.
    ///
    /// # Errors
    /// [`OAuth2Error::InvalidRequest`] for more than one `Authorization` header.
    pub fn request(&self) -> Result<EndpointRequest<'_>, OAuth2Error> {
        EndpointRequest::from_http(&self.headers, &self.body)
    }

    /// The request's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

impl<S: Send + Sync> FromRequest<S> for EndpointForm {
    type Rejection = Response;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Response> {
        if !is_form(request.headers()) {
            return Err(into_response(OAuth2Error::InvalidRequest {
                description: "The body's type is not 'application/x-www-form-urlencoded'.",
            }));
        }
        let headers = std::mem::take(request.headers_mut());
        let body = Bytes::from_request(request, state)
            .await
            .map_err(unreadable)?;
        Ok(Self { headers, body })
    }
}

/// Whether the body is a form, or says nothing about itself.
fn is_form(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_none_or(|value| {
        let media_type = value.to_str().unwrap_or_default().split(';').next();
        media_type.is_some_and(|it| {
            it.trim()
                .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        })
    })
}

fn unreadable(rejection: BytesRejection) -> Response {
    let error = OAuth2Error::InvalidRequest {
        description: "The body is too large or cannot be read.",
    };
    let mut answer = EndpointResponse::from(error);
    answer.status = rejection.into_response().status().as_u16();
    into_response(answer)
}

impl fmt::Debug for EndpointForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointForm").finish_non_exhaustive()
    }
}
