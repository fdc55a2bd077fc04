use diesel_oauth2::Error;
use oauth_as::store::{RevocationBarrier, RevocationWindow};
use oauth_as::{Client, ClientId};

use super::refuse_empty;
use crate::database::{Database, OfClient};
use crate::row::{
    AccessToken, ClientRow, Code, Consent, DeviceGrantRow, PushedRequest, RefreshToken, open_client,
};
use crate::scope::revoke;
use crate::transaction::{retry, transaction};

pub(crate) fn get<C: Database>(
    conn: &mut C,
    client_id: &str,
    now: i64,
) -> Result<Option<Client>, Error> {
    let stored = conn.load_client(client_id)?;
    stored.map(|stored| open_client(&stored, now)).transpose()
}

pub(crate) fn put<C: Database>(conn: &mut C, row: &ClientRow) -> Result<(), Error> {
    retry(conn, |conn| conn.save_client(row))
}

pub(crate) fn compare_and_swap<C: Database>(
    conn: &mut C,
    expected: &Client,
    updated: &Client,
    now: i64,
) -> Result<bool, Error> {
    transaction(conn, |conn| {
        let Some(stored) = conn.load_client_locked(updated.client_id.as_str())? else {
            return Ok(false);
        };
        if open_client(&stored, now)? != *expected {
            return Ok(false);
        }
        conn.replace_client(&ClientRow::update(updated, expected, stored)?)
    })
}

/// Deletes the registration and everything that it was issued.
pub(crate) fn delete<C: Database>(
    conn: &mut C,
    client_id: &ClientId,
    window: RevocationWindow,
) -> Result<bool, Error> {
    refuse_empty("client_id", client_id.as_str())?;
    let barrier = RevocationBarrier::Client(client_id.clone());
    let client_id = client_id.as_str();
    transaction(conn, |conn| {
        revoke(conn, &barrier, window)?;
        let is_deleted = conn.delete_client(client_id)?;
        OfClient::<Code>::delete_of_client(conn, client_id)?;
        OfClient::<DeviceGrantRow>::delete_of_client(conn, client_id)?;
        OfClient::<PushedRequest>::delete_of_client(conn, client_id)?;
        OfClient::<Consent>::delete_of_client(conn, client_id)?;
        OfClient::<RefreshToken>::delete_of_client(conn, client_id)?;
        OfClient::<AccessToken>::delete_of_client(conn, client_id)?;
        Ok(is_deleted)
    })
}
