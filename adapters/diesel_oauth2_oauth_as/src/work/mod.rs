//! What each call of `oauth-as` does, on one connection: short transactions whose decisions the database makes.
//!
//! Whatever issues shares the scopes of what it issues and then looks for barriers; whatever revokes takes its scope and
//! then leaves a barrier. So of the two one comes first: either the write is refused, or the revocation removes it.
//! Where a record that stays is changed, its row is locked, compared and replaced; where it is gone it stays gone.

pub(crate) mod clients;
pub(crate) mod codes;
#[cfg(feature = "consent")]
pub(crate) mod consents;
pub(crate) mod devices;
#[cfg(feature = "par")]
pub(crate) mod pushed;
#[cfg(any(feature = "client-assertion", feature = "dpop"))]
pub(crate) mod replay;
pub(crate) mod sweep;
pub(crate) mod tokens;

use diesel_oauth2::Error;
use oauth_as::store::WriteOutcome;

use crate::database::{Database, Rows};
use crate::scope::Write;
use crate::transaction::{retry, transaction};

/// Removes the row with this key and gives it to one caller.
pub(crate) fn take<R, C: Database + Rows<R>>(conn: &mut C, key: &str) -> Result<Option<R>, Error> {
    retry(conn, |conn| Rows::<R>::take(conn, key))
}

/// Inserts or replaces the row, unless a revocation covers it.
pub(crate) fn put_unless_revoked<R, C: Database + Rows<R>>(
    conn: &mut C,
    row: &R,
    write: &Write,
) -> Result<WriteOutcome, Error> {
    transaction(conn, |conn| {
        if write.is_refused(conn)? {
            return Ok(WriteOutcome::RefusedRevoked);
        }
        conn.save(row)?;
        Ok(WriteOutcome::Applied)
    })
}

/// The empty text is no identity that could be revoked.
pub(crate) fn refuse_empty(column: &'static str, id: &str) -> Result<(), Error> {
    match id.is_empty() {
        true => Err(Error::InvalidValue {
            column,
            reason: "the empty text names nothing to be revoked",
        }),
        false => Ok(()),
    }
}
