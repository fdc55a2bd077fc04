use std::fmt;
use std::sync::Arc;

use diesel_oauth2::lifecycle::{CodeRefusal, RefreshRefusal};
use diesel_oauth2::{EndpointResponse, Failure, OAuth2Error};

/// Why a call failed: what oxide-auth's own `()` has no room for. It never shows a token, a code or a secret.
///
/// It is told to the function that [`on_failure`](crate::TokenIssuer::on_failure) takes. As a response, a refusal is
/// `invalid_grant` or `invalid_scope` (RFC 6749 section 5.2), and anything else 503 or 500.
///
/// ```
/// use diesel_oauth2::EndpointResponse;
/// use diesel_oauth2::lifecycle::RefreshRefusal;
/// use diesel_oauth2_oxide_auth::Error;
///
/// let response = EndpointResponse::from(&Error::RefreshRefused(RefreshRefusal::LostRace));
/// assert_eq!(response.status, 400);
/// assert!(response.body.contains("invalid_grant"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database's trouble.
    #[error(transparent)]
    Storage(#[from] diesel_oauth2::Error),

    /// The authorization code is not redeemed.
    #[error(transparent)]
    CodeRefused(CodeRefusal),

    /// The refresh token is not exchanged.
    #[error(transparent)]
    RefreshRefused(RefreshRefusal),

    /// The owner id is not the text of an id of the model's type.
    #[error("the owner's id is not of the form of the model's user ids")]
    UnknownOwner,

    /// An addon gave the grant an extension for which the model has no column. Nothing is stored. See
    /// [`Columns`](crate::Columns).
    #[error("the extension {identifier:?} has no column in the model")]
    UnkeptExtension {
        /// The extension's identifier.
        identifier: String,
    },

    /// The grant has no redirect URI that a code could be sent to.
    #[error("the grant has no redirect URI")]
    NoRedirectUri,

    /// A stored value cannot become part of a grant.
    #[error("the stored {what} cannot become part of a grant")]
    Unreadable {
        /// What it is.
        what: &'static str,
    },
}

impl From<Failure<CodeRefusal>> for Error {
    fn from(failure: Failure<CodeRefusal>) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::CodeRefused(refusal),
            Failure::Storage(error) => Self::Storage(error),
        }
    }
}

impl From<Failure<RefreshRefusal>> for Error {
    fn from(failure: Failure<RefreshRefusal>) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::RefreshRefused(refusal),
            Failure::Storage(error) => Self::Storage(error),
        }
    }
}

impl From<&Error> for EndpointResponse {
    fn from(error: &Error) -> Self {
        match error {
            Error::Storage(error) => error.into(),
            Error::CodeRefused(refusal) => OAuth2Error::from(*refusal).into(),
            Error::RefreshRefused(refusal) => OAuth2Error::from(*refusal).into(),
            // Nothing that the client could change: the server's own set-up.
            _ => diesel_oauth2::Error::Database.into(),
        }
    }
}

impl From<Error> for EndpointResponse {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

type Tell = Arc<dyn Fn(&Error) + Send + Sync>;

/// Who is told of failures.
#[derive(Clone, Default)]
pub(crate) struct OnFailure(Option<Tell>);

impl OnFailure {
    pub(crate) fn new(tell: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(crate) fn tell(&self, error: &Error) {
        if let Some(tell) = &self.0 {
            tell(error);
        }
    }

    /// The result as oxide-auth has it, once somebody was told of the error.
    pub(crate) fn told<T>(&self, result: Result<T, Error>) -> Result<T, ()> {
        result.map_err(|error| self.tell(&error))
    }
}

impl fmt::Debug for OnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnFailure(..)")
    }
}
