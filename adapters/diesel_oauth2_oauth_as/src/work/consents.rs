use diesel_oauth2::Error;
use oauth_as::ConsentRecord;
use oauth_as::store::{RevocationBarrier, RevocationWindow};

use super::refuse_empty;
use crate::database::{Database, OfSubject, Rows};
use crate::row::{AccessToken, Code, Consent, DeviceGrantRow, RefreshToken};
use crate::scope::{ScopeId, revoke};
use crate::transaction::transaction;

pub(crate) fn put<C: Database>(conn: &mut C, row: &Consent) -> Result<(), Error> {
    let scope = ScopeId::consent(&row.client_id, &row.subject);
    transaction(conn, |conn| {
        conn.exclude(&scope)?;
        conn.save(row)
    })
}

/// Compares with what [`find_consent`](crate::database::Consents::find_consent) finds, whatever its id.
pub(crate) fn compare_and_swap<C: Database>(
    conn: &mut C,
    expected: Option<&ConsentRecord>,
    row: &Consent,
) -> Result<bool, Error> {
    let scope = ScopeId::consent(&row.client_id, &row.subject);
    transaction(conn, |conn| {
        // Two that each found none have no row to meet on.
        conn.exclude(&scope)?;
        let found = conn.find_consent(&row.client_id, &row.subject)?;
        match (found, expected) {
            (None, None) => {}
            (Some(found), Some(expected)) => {
                // Deleting the client takes the row and not this scope.
                let Some(stored) = Rows::<Consent>::load_locked(conn, &found.consent_id)? else {
                    return Ok(false);
                };
                if stored.open()? != *expected {
                    return Ok(false);
                }
            }
            _ => return Ok(false),
        }
        conn.save(row)?;
        Ok(true)
    })
}

/// Removes the consent and everything issued under it. Tells how many records, the consent not among them.
pub(crate) fn withdraw<C: Database>(
    conn: &mut C,
    consent_id: &str,
    window: RevocationWindow,
) -> Result<u64, Error> {
    transaction(conn, |conn| {
        // The row names the scope, and the scope is taken before the row's lock, as everywhere.
        let Some(consent) = Rows::<Consent>::load(conn, consent_id)? else {
            return Ok(0);
        };
        let consent = consent.open()?;
        refuse_empty("client_id", consent.client_id.as_str())?;
        refuse_empty("subject", &consent.subject)?;
        conn.exclude(&ScopeId::consent(
            consent.client_id.as_str(),
            &consent.subject,
        ))?;
        if Rows::<Consent>::take(conn, consent_id)?.is_none() {
            return Ok(0);
        }
        let (client_id, subject) = (consent.client_id.as_str(), &*consent.subject);
        let barrier = RevocationBarrier::Consent {
            client_id: consent.client_id.clone(),
            subject: consent.subject.clone(),
        };
        revoke(conn, &barrier, window)?;
        let codes = OfSubject::<Code>::delete_of_subject(conn, client_id, subject)?;
        // A grant that nobody has approved has no subject.
        let devices = OfSubject::<DeviceGrantRow>::delete_of_subject(conn, client_id, subject)?;
        let refresh = OfSubject::<RefreshToken>::delete_of_subject(conn, client_id, subject)?;
        let access = OfSubject::<AccessToken>::delete_of_subject(conn, client_id, subject)?;
        Ok((codes + devices + refresh + access) as u64)
    })
}
