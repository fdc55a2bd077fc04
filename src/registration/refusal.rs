use crate::endpoint::OAuth2Error;

/// Why a client was not registered, or its secret not replaced (RFC 7591 section 3.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationRefusal {
    /// A redirect URI is missing or cannot be one.
    #[error("a redirect URI is missing or invalid: {reason}")]
    InvalidRedirectUri {
        /// What is wrong.
        reason: &'static str,
    },
    /// Other metadata is invalid, or contradicts itself.
    #[error("the client's metadata is invalid: {reason}")]
    InvalidClientMetadata {
        /// What is wrong.
        reason: &'static str,
    },
    /// The client has no secret that could be replaced.
    #[error("the client has no secret")]
    NoSecret,
    /// The secret was replaced by somebody else in the meantime. Look the client up again.
    #[error("the client's secret has changed in the meantime")]
    SecretChanged,
}

impl From<RegistrationRefusal> for OAuth2Error {
    fn from(refusal: RegistrationRefusal) -> Self {
        match refusal {
            RegistrationRefusal::InvalidRedirectUri { reason } => OAuth2Error::InvalidRedirectUri {
                description: reason,
            },
            RegistrationRefusal::InvalidClientMetadata { reason } => {
                OAuth2Error::InvalidClientMetadata {
                    description: reason,
                }
            }
            RegistrationRefusal::NoSecret => OAuth2Error::InvalidRequest {
                description: "The client has no secret.",
            },
            RegistrationRefusal::SecretChanged => OAuth2Error::InvalidRequest {
                description: "The client's secret has changed in the meantime.",
            },
        }
    }
}
