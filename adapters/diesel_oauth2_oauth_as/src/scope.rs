//! What is revoked as one, and the rule by which a revocation refuses a later write.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel_oauth2::Error;
use oauth_as::store::{RevocationBarrier, RevocationWindow};
use oauth_as::{IssuedToken, RefreshTokenRecord};
use sha2::{Digest, Sha256};
use std::time::SystemTime;

use crate::database::{Database, Rows};
use crate::row::Barrier;
use crate::time::nanos;

/// A scope by its digest: ids of any length and with any characters have one of the same form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeId {
    digest: [u8; 32],
    text: String,
}

impl ScopeId {
    pub(crate) fn client(client_id: &str) -> Self {
        Self::of("client", client_id, "")
    }

    pub(crate) fn family(family_id: &str) -> Self {
        Self::of("family", family_id, "")
    }

    pub(crate) fn consent(client_id: &str, subject: &str) -> Self {
        Self::of("consent", client_id, subject)
    }

    fn of(kind: &str, id: &str, subject: &str) -> Self {
        let mut hasher = Sha256::new();
        // The length keeps ("ab", "c") apart from ("a", "bc").
        hasher.update(format!("{kind} {} {id} {subject}", id.len()));
        let digest: [u8; 32] = hasher.finalize().into();
        Self {
            digest,
            text: URL_SAFE_NO_PAD.encode(digest),
        }
    }

    /// As it stands in the table of barriers.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The number of the lock that stands for it on PostgreSQL. Two scopes may share one, which costs a wait.
    #[cfg(feature = "postgres")]
    pub(crate) fn advisory_lock(&self) -> i64 {
        let [a, b, c, d, e, f, g, h, ..] = self.digest;
        i64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// The row that stands for it on MySQL.
    #[cfg(feature = "mysql")]
    pub(crate) fn lock_row(&self) -> i16 {
        i16::from(self.digest[0])
    }
}

/// A write that a revocation may refuse, by what it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    client_id: String,
    client: ScopeId,
    family: Option<ScopeId>,
    consent: Option<ScopeId>,
    /// When the grant behind it was given: rotating and redeeming write later than that.
    established_at: i64,
}

impl Write {
    pub(crate) fn new(
        client_id: &str,
        family_id: Option<&str>,
        subject: Option<&str>,
        established_at: SystemTime,
    ) -> Self {
        Self {
            client: ScopeId::client(client_id),
            family: family_id.map(ScopeId::family),
            consent: subject.map(|subject| ScopeId::consent(client_id, subject)),
            client_id: client_id.to_owned(),
            established_at: nanos(established_at),
        }
    }

    pub(crate) fn of_token(token: &IssuedToken) -> Self {
        Self::new(
            token.client_id.as_str(),
            token.family_id.as_deref(),
            token.subject.as_deref(),
            token.grant_established_at,
        )
    }

    pub(crate) fn of_refresh_token(token: &RefreshTokenRecord) -> Self {
        Self::new(
            token.client_id.as_str(),
            Some(&token.family_id),
            token.subject.as_deref(),
            token.grant_established_at,
        )
    }

    /// Whether a revocation covers the write. Until the end of the transaction none of its scopes can be revoked.
    ///
    /// * A *family* once revoked stays so: rotation writes new records of an old family.
    /// * A *client* and a *consent* can come again: what was granted later is served, if the client is registered again.
    pub(crate) fn is_refused<C: Database>(&self, conn: &mut C) -> Result<bool, Error> {
        let scopes: Vec<&ScopeId> = [
            Some(&self.client),
            self.family.as_ref(),
            self.consent.as_ref(),
        ]
        .into_iter()
        .flatten()
        .collect();
        // In a statement of its own: the next one sees what was committed while this one waited.
        conn.share(&scopes)?;
        let barriers = conn.barriers(&scopes)?;
        let barrier = |scope: Option<&ScopeId>| {
            scope.and_then(|scope| {
                barriers
                    .iter()
                    .find(|barrier| barrier.scope == scope.text())
            })
        };
        let covers = |barrier: &Barrier| self.established_at <= barrier.recorded_at;
        if barrier(self.family.as_ref()).is_some()
            || barrier(self.consent.as_ref()).is_some_and(covers)
        {
            return Ok(true);
        }
        match barrier(Some(&self.client)) {
            None => Ok(false),
            Some(barrier) if covers(barrier) => Ok(true),
            Some(_) => Ok(conn.load_client(&self.client_id)?.is_none()),
        }
    }
}

/// Takes the scope for a revocation, until the end of the transaction, and notes it.
pub(crate) fn revoke<C: Database>(
    conn: &mut C,
    barrier: &RevocationBarrier,
    window: RevocationWindow,
) -> Result<(), Error> {
    let scope = match barrier {
        RevocationBarrier::Client(client_id) => ScopeId::client(client_id.as_str()),
        RevocationBarrier::TokenFamily(family_id) => ScopeId::family(family_id),
        RevocationBarrier::Consent { client_id, subject } => {
            ScopeId::consent(client_id.as_str(), subject)
        }
    };
    conn.exclude(&scope)?;
    let mut barrier = Barrier::new(&scope, window);
    if let Some(earlier) = Rows::<Barrier>::load_locked(conn, scope.text())? {
        barrier.merge(&earlier);
    }
    conn.save(&barrier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_has_a_digest_of_its_own() {
        let scopes = [
            ScopeId::client("a"),
            ScopeId::family("a"),
            ScopeId::consent("a", ""),
            ScopeId::consent("ab", "c"),
            ScopeId::consent("a", "bc"),
            ScopeId::consent("a b", "c"),
            ScopeId::consent("a", "b c"),
        ];
        for (index, scope) in scopes.iter().enumerate() {
            assert!(!scopes[..index].contains(scope), "{index}");
            assert_eq!(scope.text().len(), 43);
        }
    }
}
