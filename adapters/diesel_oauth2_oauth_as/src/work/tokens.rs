use diesel_oauth2::Error;
use oauth_as::RefreshTokenRecord;
use oauth_as::store::{RevocationBarrier, RevocationWindow};

use super::refuse_empty;
use crate::database::{Database, OfFamily, Rows};
use crate::row::{AccessToken, RefreshToken};
use crate::scope::{Write, revoke};
use crate::transaction::transaction;

/// What a rotation writes.
pub(crate) struct Rotation {
    pub(crate) expected: RefreshTokenRecord,
    pub(crate) predecessor: String,
    pub(crate) spent: RefreshToken,
    pub(crate) access: AccessToken,
    pub(crate) next: Option<RefreshToken>,
}

/// Writes all of the rotation, or nothing where the predecessor is not as expected or a revocation covers it.
pub(crate) fn rotate<C: Database>(conn: &mut C, rotation: &Rotation) -> Result<bool, Error> {
    let write = Write::of_refresh_token(&rotation.expected);
    transaction(conn, |conn| {
        if write.is_refused(conn)? {
            return Ok(false);
        }
        let Some(stored) = Rows::<RefreshToken>::load_locked(conn, &rotation.predecessor)? else {
            return Ok(false);
        };
        if stored.open(&rotation.expected.refresh_token)?.as_ref() != Some(&rotation.expected) {
            return Ok(false);
        }
        conn.save(&rotation.spent)?;
        conn.save(&rotation.access)?;
        if let Some(next) = &rotation.next {
            conn.save(next)?;
        }
        Ok(true)
    })
}

/// Removes every token of the family. Tells how many.
pub(crate) fn revoke_family<C: Database>(
    conn: &mut C,
    family_id: &str,
    window: RevocationWindow,
) -> Result<u64, Error> {
    refuse_empty("family_id", family_id)?;
    let barrier = RevocationBarrier::TokenFamily(family_id.into());
    transaction(conn, |conn| {
        revoke(conn, &barrier, window)?;
        let refresh = OfFamily::<RefreshToken>::delete_of_family(conn, family_id)?;
        let access = OfFamily::<AccessToken>::delete_of_family(conn, family_id)?;
        Ok((refresh + access) as u64)
    })
}
