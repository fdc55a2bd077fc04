use diesel_oauth2::Error;

use crate::database::Database;
use crate::row::ReplayId;
use crate::transaction::retry;

/// Tells whether this caller is the first. An expired claim counts until it is swept.
pub(crate) fn claim<C: Database>(conn: &mut C, row: &ReplayId) -> Result<bool, Error> {
    retry(conn, |conn| conn.insert(row))
}
