use super::RefreshRefusal;
use crate::endpoint::Failure;
use crate::model::OAuth2Token;

/// A refresh token that may be exchanged: given by [`RefreshStore::authenticate`](super::RefreshStore::authenticate).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Refreshing<T> {
    /// The row that holds it.
    pub token: T,
    /// Whether it was exchanged before, within the grace period: the answer to that request was probably lost.
    pub is_retry: bool,
}

/// A refresh token that was found, and whether it may be exchanged (and that is a retry) or why not.
pub(crate) struct Examined<T> {
    pub(crate) token: T,
    pub(crate) state: Result<bool, RefreshRefusal>,
}

impl<T: OAuth2Token> Examined<T> {
    /// The family that is to be revoked, where the token was used before.
    pub(crate) fn reused_family(&self) -> Option<&T::GrantId> {
        match self.state {
            Err(RefreshRefusal::Reused) => self.token.grant_id(),
            _ => None,
        }
    }

    pub(crate) fn into_refreshing(self) -> Result<Refreshing<T>, Failure<RefreshRefusal>> {
        let is_retry = self.state.map_err(Failure::Refused)?;
        Ok(Refreshing {
            token: self.token,
            is_retry,
        })
    }
}
