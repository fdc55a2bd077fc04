//! How a request authenticates its client, before anything is looked up.

use std::borrow::Cow;

use crate::endpoint::basic::Basic;
use crate::endpoint::{EndpointRequest, OAuth2Error};
use crate::header::split_credentials;
use crate::types::AuthMethod;

/// The one way in which a request authenticates its client (RFC 6749 section 2.3).
pub(crate) enum Credentials<'r> {
    /// `client_secret_basic`
    Basic {
        basic: Basic,
        /// `client_id` of the form, which must not contradict the header.
        client_id: Option<&'r str>,
    },
    /// `client_secret_post`
    Post {
        client_id: &'r str,
        client_secret: &'r str,
    },
    /// `none`
    Public { client_id: &'r str },
}

impl<'r> Credentials<'r> {
    /// The request's credentials. `None` where there are none, or none that could be anybody's.
    ///
    /// # Errors
    /// [`OAuth2Error::InvalidRequest`] for more than one way at once, and for a repeated parameter.
    pub(crate) fn read(request: &'r EndpointRequest<'_>) -> Result<Option<Self>, OAuth2Error> {
        let client_id = request.parameter("client_id")?;
        let client_secret = request.parameter("client_secret")?;
        let assertion = request.parameter("client_assertion")?;
        let authorization = request.authorization();
        let ways = [authorization, client_secret, assertion];
        if ways.iter().flatten().count() > 1 {
            return Err(OAuth2Error::InvalidRequest {
                description: "The client authenticates in more than one way.",
            });
        }
        Ok(match (authorization, client_id, client_secret, assertion) {
            (Some(authorization), ..) => {
                basic(authorization).map(|basic| Self::Basic { basic, client_id })
            }
            (_, Some(client_id), Some(client_secret), _) => Some(Self::Post {
                client_id,
                client_secret,
            }),
            (_, Some(client_id), None, None) => Some(Self::Public { client_id }),
            _ => None,
        })
    }

    pub(crate) fn method(&self) -> AuthMethod {
        match self {
            Self::Basic { .. } => AuthMethod::ClientSecretBasic,
            Self::Post { .. } => AuthMethod::ClientSecretPost,
            Self::Public { .. } => AuthMethod::None,
        }
    }

    /// The client's id and secret; more than one pair where a header can be read in more than one way.
    pub(crate) fn readings(&self) -> Vec<(Cow<'_, str>, Option<Cow<'_, str>>)> {
        match self {
            Self::Basic { basic, client_id } => basic
                .readings()
                .filter(|(id, _)| client_id.is_none_or(|client_id| client_id == id))
                .map(|(id, secret)| (id, Some(secret)))
                .collect(),
            Self::Post {
                client_id,
                client_secret,
            } => vec![((*client_id).into(), Some((*client_secret).into()))],
            Self::Public { client_id } => vec![((*client_id).into(), None)],
        }
    }
}

/// The credentials of an `Authorization` value whose scheme is Basic.
fn basic(authorization: &str) -> Option<Basic> {
    let (scheme, credentials) = split_credentials(authorization)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    Basic::parse(credentials)
}
