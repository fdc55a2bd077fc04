use diesel_oauth2::Error;
use oauth_as::{AuthorizationCodeRecord, AuthorizationCodeState};

use crate::database::{Database, Rows};
use crate::row::Code;
use crate::transaction::{retry, transaction};

/// No barrier is asked: `oauth-as` notes a code as consumed so that its replay is recognized, also while it is revoked.
pub(crate) fn put<C: Database>(conn: &mut C, row: &Code) -> Result<(), Error> {
    retry(conn, |conn| conn.save(row))
}

pub(crate) fn compare_and_swap<C: Database>(
    conn: &mut C,
    expected: &AuthorizationCodeState,
    updated: &AuthorizationCodeRecord,
    row: &Code,
) -> Result<bool, Error> {
    transaction(conn, |conn| {
        let Some(stored) = Rows::<Code>::load_locked(conn, &row.code)? else {
            return Ok(false);
        };
        match stored.open(&updated.code)? {
            Some(stored) if stored.state == *expected => conn.replace(row),
            _ => Ok(false),
        }
    })
}
