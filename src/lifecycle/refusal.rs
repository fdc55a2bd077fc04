use crate::endpoint::OAuth2Error;

/// Why an authorization code was not redeemed. To the client each is `invalid_grant` (RFC 6749 section 5.2); the kind is
/// for the server's own eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CodeRefusal {
    /// There is no such code.
    #[error("the authorization code is unknown")]
    Unknown,
    /// The code was issued to another client. It is not spent.
    #[error("the authorization code was issued to another client")]
    WrongClient,
    /// The redirect URI is not that of the authorization request. The code is not spent.
    #[error("the redirect URI is not that of the authorization request")]
    WrongRedirectUri,
    /// The code has a challenge, and the request has no verifier. The code is not spent.
    #[error("the code verifier is missing")]
    MissingVerifier,
    /// The verifier does not fit the challenge, or there is none to fit. The code is not spent.
    #[error("the code verifier does not fit the challenge")]
    WrongVerifier,
    /// The code is too old.
    #[error("the authorization code has expired")]
    Expired,
    /// The code was redeemed before. Every token that came of it is now revoked (RFC 6749 section 4.1.2).
    #[error("the authorization code was redeemed before; its tokens are revoked")]
    Replayed,
}

impl From<CodeRefusal> for OAuth2Error {
    fn from(refusal: CodeRefusal) -> Self {
        OAuth2Error::InvalidGrant {
            description: match refusal {
                CodeRefusal::WrongRedirectUri => "Invalid 'redirect_uri' in request.",
                CodeRefusal::MissingVerifier => "Missing 'code_verifier'.",
                CodeRefusal::WrongVerifier => "Code challenge failed.",
                _ => "Invalid 'code' in request.",
            },
        }
    }
}

/// Why a device code or a user code was refused (RFC 8628 section 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceRefusal {
    /// There is no such device code or user code.
    #[error("the device code or user code is unknown")]
    Unknown,
    /// The device code was issued to another client. It is not spent.
    #[error("the device code was issued to another client")]
    WrongClient,
    /// The user has not decided yet. The device asks again after the interval.
    #[error("the user has not decided yet")]
    Pending,
    /// The user has not decided yet, and the device asked too soon. Its interval is 5 seconds longer from now on.
    #[error("the device polls too often")]
    SlowDown,
    /// The user has said no.
    #[error("the user has denied the request")]
    Denied,
    /// The code is too old.
    #[error("the device code has expired")]
    Expired,
    /// The user has decided before.
    #[error("the user has decided before")]
    Decided,
    /// The device code was redeemed before.
    #[error("the device code was redeemed before")]
    Redeemed,
}

impl From<DeviceRefusal> for OAuth2Error {
    fn from(refusal: DeviceRefusal) -> Self {
        match refusal {
            DeviceRefusal::Pending => OAuth2Error::AuthorizationPending,
            DeviceRefusal::SlowDown => OAuth2Error::SlowDown,
            DeviceRefusal::Denied => OAuth2Error::AccessDenied,
            DeviceRefusal::Expired => OAuth2Error::ExpiredToken,
            _ => OAuth2Error::InvalidGrant {
                description: "Invalid 'device_code' in request.",
            },
        }
    }
}

/// Why a refresh token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshRefusal {
    /// There is no such refresh token.
    #[error("the refresh token is unknown")]
    Unknown,
    /// The refresh token was issued to another client.
    #[error("the refresh token was issued to another client")]
    WrongClient,
    /// The refresh token or its grant was revoked, or the grant has expired.
    #[error("the refresh token is no longer valid")]
    Revoked,
    /// The refresh token was not used for longer than the family's idle lifetime.
    #[error("the refresh token was not used for too long")]
    Idle,
    /// The refresh token was rotated before, longer ago than the grace period. Its whole family is now revoked (RFC 9700
    /// section 4.14.2).
    #[error("the refresh token was used before; its family is revoked")]
    Reused,
    /// Another request with the same refresh token came first. Nothing was issued.
    #[error("another request with the same refresh token came first")]
    LostRace,
    /// The requested scope has what the token has not.
    #[error("the requested scope exceeds what was granted")]
    ScopeExceeded,
}

impl From<RefreshRefusal> for OAuth2Error {
    fn from(refusal: RefreshRefusal) -> Self {
        match refusal {
            RefreshRefusal::ScopeExceeded => OAuth2Error::InvalidScope,
            _ => OAuth2Error::InvalidGrant {
                description: "Invalid 'refresh_token' in request.",
            },
        }
    }
}
