//! oxide-auth's grants and what this crate makes of them.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use diesel_oauth2::{ClientMetadata, OAuth2Client};
use oxide_auth::primitives::grant::{Extensions, Grant};
use oxide_auth::primitives::scope::Scope;
use url::Url;

use crate::Error;

/// The redirect URI of a grant without one: of a token's, because tables of tokens do not keep it, and of a client's
/// own. Nothing is ever sent there, and no code is issued for it.
pub const NO_REDIRECT_URI: &str = "about:invalid";

/// The last second of the year 9999, for what never expires: oxide-auth has no other word for it.
const NEVER: i64 = 253_402_300_799;

/// A grant's client, as far as the grant knows it.
pub(crate) struct GrantClient {
    client_id: String,
    metadata: ClientMetadata,
}

impl GrantClient {
    /// A client that may have exactly the scopes of the grant: the registrar has cut them down before.
    pub(crate) fn of(grant: &Grant) -> Self {
        Self {
            client_id: grant.client_id.clone(),
            metadata: ClientMetadata {
                scope: Some(scope_text(&grant.scope)),
                ..Default::default()
            },
        }
    }

    /// A client of whom only the id matters.
    pub(crate) fn named(client_id: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            metadata: ClientMetadata::default(),
        }
    }

    /// The scopes of the grant.
    pub(crate) fn scope(&self) -> &str {
        self.metadata.scope.as_deref().unwrap_or_default()
    }
}

impl OAuth2Client for GrantClient {
    fn client_id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.client_id)
    }

    fn client_secret(&self) -> Option<&str> {
        None
    }

    fn client_metadata(&self) -> Cow<'_, ClientMetadata> {
        Cow::Borrowed(&self.metadata)
    }
}

/// The scopes in alphabetical order: oxide-auth keeps them in none.
pub(crate) fn scope_text(scope: &Scope) -> String {
    let mut scopes: Vec<&str> = scope.iter().collect();
    scopes.sort_unstable();
    scopes.join(" ")
}

/// The parts of a row that a grant is made of.
pub(crate) struct Terms<'a> {
    pub(crate) owner_id: Cow<'a, str>,
    pub(crate) client_id: Cow<'a, str>,
    pub(crate) scope: Cow<'a, str>,
    pub(crate) redirect_uri: Cow<'a, str>,
    pub(crate) until: DateTime<Utc>,
}

impl Terms<'_> {
    /// The grant, without extensions.
    pub(crate) fn into_grant(self) -> Result<Grant, Error> {
        let unreadable = |what| Error::Unreadable { what };
        Ok(Grant {
            owner_id: self.owner_id.into_owned(),
            scope: self.scope.parse().map_err(|_| unreadable("scope"))?,
            redirect_uri: Url::parse(&self.redirect_uri).map_err(|_| unreadable("redirect URI"))?,
            client_id: self.client_id.into_owned(),
            until: self.until,
            extensions: Extensions::new(),
        })
    }
}

/// A time in epoch seconds. `None`: never.
pub(crate) fn time(seconds: Option<i64>) -> DateTime<Utc> {
    let seconds = seconds.map_or(NEVER, |seconds| seconds.min(NEVER));
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_beyond_any_calendar_are_the_nearest_there_are() {
        assert_eq!(time(None).to_rfc3339(), "9999-12-31T23:59:59+00:00");
        assert_eq!(time(Some(i64::MAX)), time(None));
        assert_eq!(time(Some(i64::MIN)).timestamp(), 0);
        assert_eq!(time(Some(1_790_000_000)).timestamp(), 1_790_000_000);
    }

    #[test]
    fn scopes_have_one_text() {
        let scope: Scope = "c  a b a".parse().expect("is a scope");
        assert_eq!(scope_text(&scope), "a b c");
        assert_eq!(scope_text(&"".parse().expect("is a scope")), "");
    }
}
