use diesel_oauth2::Error;
use oauth_as::{DeviceGrant, DeviceGrantState};

use crate::database::{Database, Rows};
use crate::row::DeviceGrantRow;
use crate::secrets::UserCodes;
use crate::transaction::transaction;

/// Replaces the grant of this device code or inserts it; a user code of another grant's is refused.
pub(crate) fn put<C: Database>(conn: &mut C, row: &DeviceGrantRow) -> Result<(), Error> {
    transaction(conn, |conn| {
        if Rows::<DeviceGrantRow>::load_locked(conn, &row.device_code)?.is_some() {
            conn.replace(row)?;
            return Ok(());
        }
        // Not an upsert: on MySQL the user code would choose the row as well.
        if conn.insert(row)? {
            return Ok(());
        }
        // One of the two codes is there: another call was quicker with this grant, or the user code is taken.
        match Rows::<DeviceGrantRow>::load_locked(conn, &row.device_code)? {
            Some(_) => conn.replace(row).map(drop),
            None => Err(Error::Duplicate {
                constraint: Some("oauth_as_device_grant.user_code".to_owned()),
            }),
        }
    })
}

pub(crate) fn find_by_user_code<C: Database>(
    conn: &mut C,
    user_code: &str,
    user_codes: &UserCodes,
) -> Result<Option<DeviceGrant>, Error> {
    let key = user_codes.digest(user_code);
    let row = conn.load_by_user_code(&key)?;
    row.filter(|row| row.user_code == key)
        .map(|row| row.open_for_user(user_code, user_codes))
        .transpose()
}

pub(crate) fn compare_and_swap<C: Database>(
    conn: &mut C,
    expected: &DeviceGrantState,
    updated: &DeviceGrant,
    row: &DeviceGrantRow,
) -> Result<bool, Error> {
    transaction(conn, |conn| {
        let Some(stored) = Rows::<DeviceGrantRow>::load_locked(conn, &row.device_code)? else {
            return Ok(false);
        };
        match stored.open(&updated.device_code)? {
            // A user code of another grant's violates its index, which is an error and not a lost race.
            Some(stored) if stored.state == *expected => conn.replace(row),
            _ => Ok(false),
        }
    })
}
