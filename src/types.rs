//! The closed vocabularies of OAuth 2.0 as types.

use std::borrow::Cow;
use std::fmt;

/// `token_type_hint` of RFC 7009 section 2.1 and RFC 7662 section 2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenTypeHint {
    /// `access_token`
    AccessToken,
    /// `refresh_token`
    RefreshToken,
}

impl TokenTypeHint {
    /// The hint by its RFC name, or `None` for a type of token this crate does not know.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "access_token" => Some(Self::AccessToken),
            "refresh_token" => Some(Self::RefreshToken),
            _ => None,
        }
    }

    /// The RFC name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// `token_endpoint_auth_method` of RFC 7591 section 2: how a client authenticates.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthMethod {
    /// `none`: a public client, which names itself only.
    None,
    /// `client_secret_basic`: HTTP Basic.
    ClientSecretBasic,
    /// `client_secret_post`: in the form.
    ClientSecretPost,
    /// Another registered method, such as `private_key_jwt`.
    Other(String),
}

impl AuthMethod {
    /// The method by its registered name.
    pub fn parse(name: &str) -> Self {
        match name {
            "none" => Self::None,
            "client_secret_basic" => Self::ClientSecretBasic,
            "client_secret_post" => Self::ClientSecretPost,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The registered name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The endpoint at which a client authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// The token endpoint (RFC 6749 section 3.2).
    Token,
    /// The revocation endpoint (RFC 7009).
    Revocation,
    /// The introspection endpoint (RFC 7662).
    Introspection,
    /// The device authorization endpoint (RFC 8628).
    DeviceAuthorization,
}

/// `grant_type` of RFC 6749 and its extensions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GrantType {
    /// `authorization_code`
    AuthorizationCode,
    /// `implicit`
    Implicit,
    /// `password`
    Password,
    /// `client_credentials`
    ClientCredentials,
    /// `refresh_token`
    RefreshToken,
    /// `urn:ietf:params:oauth:grant-type:device_code`
    DeviceCode,
    /// Another grant type by its registered name or URI.
    Other(Cow<'static, str>),
}

impl GrantType {
    /// The grant type by its registered name.
    pub fn parse(name: &str) -> Self {
        match name {
            "authorization_code" => Self::AuthorizationCode,
            "implicit" => Self::Implicit,
            "password" => Self::Password,
            "client_credentials" => Self::ClientCredentials,
            "refresh_token" => Self::RefreshToken,
            "urn:ietf:params:oauth:grant-type:device_code" => Self::DeviceCode,
            other => Self::Other(Cow::Owned(other.to_owned())),
        }
    }

    /// The registered name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::Implicit => "implicit",
            Self::Password => "password",
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for GrantType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether `text` has the form that RFC 6749 appendix A gives client ids, tokens and codes: printable ASCII.
///
/// Anything else cannot be in the database, so it is never sent there (PostgreSQL refuses NUL bytes, and collations
/// differ about the rest).
pub(crate) fn is_vschar(text: &str) -> bool {
    // No way out at the first other byte: so the compiler compares many bytes at once.
    !text.is_empty()
        && text
            .bytes()
            .fold(true, |all, byte| all & (0x20..=0x7e).contains(&byte))
}
