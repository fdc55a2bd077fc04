//! What is measured.

use diesel_oauth2::types::TokenTypeHint;
use serde::{Deserialize, Serialize};

/// One thing that an authorization server asks of its storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// The client with an id.
    QueryClient,
    /// A token issued to a user is stored.
    SaveToken,
    /// A token without a hint; every other one is a refresh token.
    QueryTokenUnhinted,
    /// An access token that is said to be one.
    QueryTokenAccess,
    /// A refresh token that is said to be one.
    QueryTokenRefresh,
    /// An `Authorization` header and a scope to the valid token.
    Validate,
    /// The access token of a row that was found before is revoked.
    Revoke,
    /// A code is looked up, checked and spent, and its grant stored.
    Redeem,
    /// A refresh token that was found before is exchanged for new tokens.
    Rotate,
    /// A form to the JSON of RFC 7662.
    Introspect,
    /// 500 dead tokens are removed.
    Prune,
}

/// How many rows a call of [`Operation::Prune`] removes.
pub const PRUNED: usize = 500;

impl Operation {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::QueryClient,
        Self::SaveToken,
        Self::QueryTokenUnhinted,
        Self::QueryTokenAccess,
        Self::QueryTokenRefresh,
        Self::Validate,
        Self::Revoke,
        Self::Redeem,
        Self::Rotate,
        Self::Introspect,
        Self::Prune,
    ];

    /// As the report has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::QueryClient => "query_client",
            Self::SaveToken => "save_token",
            Self::QueryTokenUnhinted => "query_token, no hint",
            Self::QueryTokenAccess => "query_token, access",
            Self::QueryTokenRefresh => "query_token, refresh",
            Self::Validate => "validate",
            Self::Revoke => "revoke",
            Self::Redeem => "redeem",
            Self::Rotate => "rotate",
            Self::Introspect => "introspect",
            Self::Prune => "prune 500",
        }
    }

    /// The hint of those that give one.
    pub fn hint(self) -> Option<TokenTypeHint> {
        match self {
            Self::QueryTokenAccess => Some(TokenTypeHint::AccessToken),
            Self::QueryTokenRefresh => Some(TokenTypeHint::RefreshToken),
            _ => None,
        }
    }

    /// Whether it leaves rows behind.
    pub fn inserts(self) -> bool {
        matches!(self, Self::SaveToken | Self::Redeem | Self::Rotate)
    }

    /// Whether it takes many times longer than the others.
    pub fn is_long(self) -> bool {
        self == Self::Prune
    }
}
