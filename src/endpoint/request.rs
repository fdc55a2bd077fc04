use std::borrow::Cow;
use std::fmt;

use crate::endpoint::OAuth2Error;

/// What an endpoint needs of a request: the value of `Authorization` and the parameters of the form.
///
/// It shows no values in `Debug`.
///
/// ```
/// use diesel_oauth2::endpoint::{EndpointRequest, OAuth2Error};
///
/// let request = EndpointRequest::new(None, b"token=a%2Bb&client_id=app&token_type_hint=");
/// assert_eq!(request.parameter("token")?, Some("a+b"));
/// assert_eq!(request.parameter("token_type_hint")?, None); // empty is as if omitted
///
/// let twice = EndpointRequest::new(None, b"token=a&token=b");
/// assert!(matches!(twice.parameter("token"), Err(OAuth2Error::InvalidRequest { .. })));
/// # Ok::<(), OAuth2Error>(())
/// ```
#[derive(Clone)]
pub struct EndpointRequest<'a> {
    authorization: Option<Cow<'a, str>>,
    form: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> EndpointRequest<'a> {
    /// From the value of `Authorization` and a body of type `application/x-www-form-urlencoded`.
    ///
    /// Any body is read as a form; the caller limits its size.
    pub fn new(authorization: Option<&'a str>, body: &'a [u8]) -> Self {
        Self::from_pairs(authorization, form_urlencoded::parse(body))
    }

    /// From the value of `Authorization` and the form's parameters, decoded already.
    pub fn from_pairs<N, V>(
        authorization: Option<&'a str>,
        form: impl IntoIterator<Item = (N, V)>,
    ) -> Self
    where
        N: Into<Cow<'a, str>>,
        V: Into<Cow<'a, str>>,
    {
        Self::from_parts(authorization.map(Cow::Borrowed), form)
    }

    pub(crate) fn from_parts<N, V>(
        authorization: Option<Cow<'a, str>>,
        form: impl IntoIterator<Item = (N, V)>,
    ) -> Self
    where
        N: Into<Cow<'a, str>>,
        V: Into<Cow<'a, str>>,
    {
        Self {
            authorization,
            form: form
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }

    /// The value of `Authorization`, unless blank.
    pub fn authorization(&self) -> Option<&str> {
        self.authorization
            .as_deref()
            .filter(|value| !value.trim_ascii().is_empty())
    }

    /// The value of a parameter of the form. One without a value is as if it was omitted (RFC 6749 section 3.2).
    ///
    /// # Errors
    /// [`OAuth2Error::InvalidRequest`] where it is repeated.
    pub fn parameter(&self, name: &str) -> Result<Option<&str>, OAuth2Error> {
        let mut values = self
            .form
            .iter()
            .filter(|(it, value)| it == name && !value.is_empty());
        let value = values.next().map(|(_, value)| &**value);
        match values.next() {
            None => Ok(value),
            Some(_) => Err(OAuth2Error::InvalidRequest {
                description: "A parameter is repeated.",
            }),
        }
    }
}

impl fmt::Debug for EndpointRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointRequest")
            .field("has_authorization", &self.authorization.is_some())
            .field("parameters", &self.form.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_parameter_is_as_if_omitted_and_a_repeated_one_is_refused() {
        let request = EndpointRequest::new(Some(" "), b"a=&b=1&b=&c=1&c=1&d");
        assert_eq!(request.authorization(), None);
        assert_eq!(request.parameter("a"), Ok(None));
        assert_eq!(request.parameter("b"), Ok(Some("1")));
        assert!(request.parameter("c").is_err());
        assert_eq!(request.parameter("d"), Ok(None));
        assert_eq!(request.parameter("e"), Ok(None));
    }

    #[test]
    fn parsed_pairs_are_taken_as_they_are() {
        let request = EndpointRequest::from_pairs(None, [("token", "a+b"), ("x", "")]);
        assert_eq!(request.parameter("token"), Ok(Some("a+b")));
        let owned = vec![("token".to_owned(), "a".to_owned())];
        let request = EndpointRequest::from_pairs(None, owned);
        assert_eq!(request.parameter("token"), Ok(Some("a")));
    }

    #[test]
    fn debug_shows_no_secret() {
        let request = EndpointRequest::new(Some("Basic s3cret"), b"token=t0ken");
        let debug = format!("{request:?}");
        assert!(
            !debug.contains("s3cret") && !debug.contains("t0ken"),
            "{debug}"
        );
    }

    proptest! {
        #[test]
        fn any_body_can_be_read(body in any::<Vec<u8>>()) {
            let _ = EndpointRequest::new(None, &body).parameter("token");
        }

        #[test]
        fn any_value_comes_back(value in ".+") {
            let body = form_urlencoded::Serializer::new(String::new())
                .append_pair("token", &value)
                .finish();
            let request = EndpointRequest::new(None, body.as_bytes());
            prop_assert_eq!(request.parameter("token"), Ok(Some(value.as_str())));
        }
    }
}
