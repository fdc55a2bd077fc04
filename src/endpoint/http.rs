//! To and from the types of the `http` crate, which hyper, tower and axum share.

use std::borrow::Cow;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::bearer::{BearerChallenge, BearerError, BearerTokenValidator};
use crate::endpoint::{EndpointRequest, EndpointResponse, Failure, OAuth2Error};
use crate::model::OAuth2Token;
use crate::pool::ConnectionPool;
use crate::table::TokenTable;

/// A request has more than one `Authorization` header.
struct Repeated;

/// The one `Authorization` value. What is not UTF-8 in it is replaced, so that it matches nobody's credentials.
fn authorization(headers: &HeaderMap) -> Result<Option<Cow<'_, str>>, Repeated> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(Repeated);
    }
    Ok(value.map(|value| String::from_utf8_lossy(value.as_bytes())))
}

impl<'a> EndpointRequest<'a> {
    /// From a request's headers and its body of type `application/x-www-form-urlencoded`.
    ///
    /// ```
    /// use diesel_oauth2::endpoint::EndpointRequest;
    /// use http::{Request, header::AUTHORIZATION};
    ///
    /// let (parts, body) = Request::post("/revoke")
    ///     .header(AUTHORIZATION, "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW")
    ///     .body("token=45ghiukldjahdnhzdauz")?
    ///     .into_parts();
    /// let request = EndpointRequest::from_http(&parts.headers, body.as_bytes());
    /// assert!(request.is_ok());
    /// # Ok::<(), http::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OAuth2Error::InvalidRequest`] for more than one `Authorization` header.
    pub fn from_http(headers: &'a HeaderMap, body: &'a [u8]) -> Result<Self, OAuth2Error> {
        let authorization =
            authorization(headers).map_err(|Repeated| OAuth2Error::InvalidRequest {
                description: "The request has more than one 'Authorization' header.",
            })?;
        Ok(Self::from_parts(
            authorization,
            form_urlencoded::parse(body),
        ))
    }
}

impl<M: OAuth2Token, P> BearerTokenValidator<M, P> {
    /// The `Authorization` value of a request to a protected resource.
    pub(crate) fn authorization<'h>(
        &self,
        headers: &'h HeaderMap,
    ) -> Result<Option<Cow<'h, str>>, BearerChallenge> {
        authorization(headers).map_err(|Repeated| self.challenge(BearerError::InvalidRequest))
    }
}

impl<M, P> BearerTokenValidator<M, P>
where
    P: ConnectionPool,
    M: TokenTable<P::Connection>,
{
    /// [`acquire_token`](Self::acquire_token) from a request's headers.
    ///
    /// # Errors
    /// As [`acquire_token`](Self::acquire_token); more than one `Authorization` header is
    /// [`BearerError::InvalidRequest`].
    pub fn acquire_token_from_headers(
        &self,
        headers: &HeaderMap,
        scopes: &[&str],
    ) -> Result<M, Failure<BearerChallenge>> {
        let authorization = self.authorization(headers)?;
        self.acquire_token(authorization.as_deref(), scopes)
    }
}

/// A status or header that was changed into something invalid becomes 500, or is left out.
impl From<EndpointResponse> for Response<String> {
    fn from(response: EndpointResponse) -> Self {
        let mut converted = Response::new(response.body);
        *converted.status_mut() =
            StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in response.headers {
            if let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::try_from(value),
            ) {
                converted.headers_mut().append(name, value);
            }
        }
        converted
    }
}

impl From<BearerChallenge> for Response<String> {
    fn from(challenge: BearerChallenge) -> Self {
        challenge.to_response().into()
    }
}

impl From<OAuth2Error> for Response<String> {
    fn from(error: OAuth2Error) -> Self {
        error.to_response().into()
    }
}

impl<R> From<Failure<R>> for Response<String>
where
    EndpointResponse: for<'r> From<&'r R>,
{
    fn from(failure: Failure<R>) -> Self {
        failure.to_response().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::WWW_AUTHENTICATE;

    fn headers(values: &[&'static [u8]]) -> HeaderMap {
        let values = values.iter().map(|value| {
            (
                AUTHORIZATION,
                HeaderValue::from_bytes(value).expect("is a value"),
            )
        });
        values.collect()
    }

    #[test]
    fn two_authorization_headers_are_refused() {
        let twice = headers(&[b"Basic YTpi", b"Basic YTpi"]);
        let request = EndpointRequest::from_http(&twice, b"");
        assert!(matches!(request, Err(OAuth2Error::InvalidRequest { .. })));
    }

    #[test]
    fn any_header_value_can_be_read() {
        let odd = headers(&[b"Basic \xff\xfe"]);
        let request = EndpointRequest::from_http(&odd, b"token=a").expect("is read");
        assert_eq!(request.authorization(), Some("Basic \u{fffd}\u{fffd}"));
        let none = HeaderMap::new();
        let request = EndpointRequest::from_http(&none, b"token=a").expect("is read");
        assert_eq!(request.authorization(), None);
        assert_eq!(request.parameter("token"), Ok(Some("a")));
    }

    #[test]
    fn a_response_is_converted_whole() {
        let challenge = BearerChallenge::new(BearerError::InvalidToken, "\u{e9}\n\"".into());
        let response = Response::from(challenge.clone());
        assert_eq!(response.status(), 401);
        assert_eq!(
            response.headers()[WWW_AUTHENTICATE],
            challenge.www_authenticate()
        );
        assert_eq!(response.headers()["Cache-Control"], "no-store");
        assert_eq!(*response.body(), challenge.to_response().body);
    }

    #[test]
    fn what_is_invalid_does_not_panic() {
        let mut response = EndpointResponse::empty(200);
        response.status = 7;
        response.headers.push(("bad name", "x".into()));
        response.headers.push(("X-Value", "\n".into()));
        let response = Response::from(response);
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers().len(), 2);
    }
}
