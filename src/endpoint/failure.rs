use crate::Error;
use crate::bearer::BearerChallenge;
use crate::endpoint::{EndpointResponse, OAuth2Error};

/// Why a call did not give what it was asked for: the client was refused, which is an answer, or storage failed, which
/// is none.
///
/// Both become a response, so that a server may do either of these:
///
/// ```
/// use diesel_oauth2::Error;
/// use diesel_oauth2::endpoint::{EndpointResponse, Failure, OAuth2Error};
///
/// fn answer(failure: Failure<OAuth2Error>) -> Result<EndpointResponse, Error> {
///     match failure {
///         Failure::Refused(error) => Ok(error.into()),
///         Failure::Storage(error) => Err(error), // logged and answered elsewhere
///     }
/// }
///
/// fn answer_either(failure: Failure<OAuth2Error>) -> EndpointResponse {
///     failure.into()
/// }
/// # assert!(answer(Error::Conflict.into()).is_err());
/// # assert_eq!(answer_either(Error::Conflict.into()).status, 503);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure<R> {
    /// The client was refused.
    #[error(transparent)]
    Refused(R),
    /// Storage failed.
    #[error(transparent)]
    Storage(Error),
}

impl<R> From<Error> for Failure<R> {
    fn from(error: Error) -> Self {
        Self::Storage(error)
    }
}

impl From<OAuth2Error> for Failure<OAuth2Error> {
    fn from(error: OAuth2Error) -> Self {
        Self::Refused(error)
    }
}

impl From<BearerChallenge> for Failure<BearerChallenge> {
    fn from(challenge: BearerChallenge) -> Self {
        Self::Refused(challenge)
    }
}

impl<R> Failure<R>
where
    EndpointResponse: for<'r> From<&'r R>,
{
    /// The answer: the refusal's, or 503 or 500 (see [`EndpointResponse`]'s conversion from [`Error`]).
    pub fn to_response(&self) -> EndpointResponse {
        match self {
            Self::Refused(refusal) => refusal.into(),
            Self::Storage(error) => error.into(),
        }
    }
}

impl<R> From<Failure<R>> for EndpointResponse
where
    EndpointResponse: for<'r> From<&'r R>,
{
    fn from(failure: Failure<R>) -> Self {
        failure.to_response()
    }
}
