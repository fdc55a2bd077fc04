use std::future::{Future, ready};

use super::AsyncGrantTable;
use crate::Error;
use crate::model::{OAuth2AuthorizationCode, OAuth2DeviceCode};
use crate::secret::Candidates;
use crate::table::{NewCode, NewDeviceCode, NewGrant};

/// [`CodeTable`](crate::table::CodeTable), awaited.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no table of authorization codes on `{Conn}`",
    label = "not an `AsyncCodeTable<{Conn}>`",
    note = "put `#[derive(OAuth2AuthorizationCode)]` on the model, and enable the feature of its database (`sqlite`, `postgres`, `mysql`)"
)]
pub trait AsyncCodeTable<Conn: Send>: OAuth2AuthorizationCode<Extra: Send + Sync> + Sync {
    /// [`CodeTable::load_by_code`](crate::table::CodeTable::load_by_code), awaited.
    fn load_by_code(
        conn: &mut Conn,
        code: &Candidates<'_>,
    ) -> impl Future<Output = Result<Vec<Self>, Error>> + Send;

    /// [`CodeTable::insert`](crate::table::CodeTable::insert), awaited.
    fn insert(
        conn: &mut Conn,
        row: &NewCode<'_, Self>,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// [`RedeemableCodeTable`](crate::table::RedeemableCodeTable), awaited.
#[diagnostic::on_unimplemented(
    message = "codes of `{Self}` cannot be redeemed on `{Conn}`",
    label = "not an `AsyncRedeemableCodeTable<{Conn}>`",
    note = "give the model the fields `grant_id` and `redeemed_at`, or name them: `#[oauth2(redeemed_at = field)]`; it also needs a single-column primary key"
)]
pub trait AsyncRedeemableCodeTable<Conn: Send>: AsyncCodeTable<Conn> {
    /// [`RedeemableCodeTable::mark_redeemed`](crate::table::RedeemableCodeTable::mark_redeemed), awaited.
    fn mark_redeemed(
        &self,
        conn: &mut Conn,
        now: i64,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// [`RedeemableCodeTable::redeem`](crate::table::RedeemableCodeTable::redeem), awaited.
    fn redeem<G: AsyncGrantTable<Conn>>(
        &self,
        conn: &mut Conn,
        grant: &NewGrant<'_, G>,
        now: i64,
    ) -> impl Future<Output = Result<Option<bool>, Error>> + Send {
        let _ = (conn, grant, now);
        ready(Ok(None))
    }
}

/// [`DeviceCodeTable`](crate::table::DeviceCodeTable), awaited.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no table of device codes on `{Conn}`",
    label = "not an `AsyncDeviceCodeTable<{Conn}>`",
    note = "put `#[derive(OAuth2DeviceCode)]` on the model, and enable the feature of its database (`sqlite`, `postgres`, `mysql`)"
)]
pub trait AsyncDeviceCodeTable<Conn: Send>: OAuth2DeviceCode<Extra: Send + Sync> + Sync {
    /// [`DeviceCodeTable::load_by_device_code`](crate::table::DeviceCodeTable::load_by_device_code), awaited.
    fn load_by_device_code(
        conn: &mut Conn,
        device_code: &Candidates<'_>,
    ) -> impl Future<Output = Result<Vec<Self>, Error>> + Send;

    /// [`DeviceCodeTable::load_by_user_code`](crate::table::DeviceCodeTable::load_by_user_code), awaited.
    fn load_by_user_code(
        conn: &mut Conn,
        user_code: &Candidates<'_>,
    ) -> impl Future<Output = Result<Vec<Self>, Error>> + Send;

    /// [`DeviceCodeTable::insert`](crate::table::DeviceCodeTable::insert), awaited.
    fn insert(
        conn: &mut Conn,
        row: &NewDeviceCode<'_, Self>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// [`DeviceCodeTable::note_poll`](crate::table::DeviceCodeTable::note_poll), awaited.
    fn note_poll(
        &self,
        conn: &mut Conn,
        now: i64,
        interval: i64,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// [`DeviceCodeTable::approve`](crate::table::DeviceCodeTable::approve), awaited.
    fn approve(
        &self,
        conn: &mut Conn,
        user_id: &Self::UserId,
        now: i64,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// [`DeviceCodeTable::deny`](crate::table::DeviceCodeTable::deny), awaited.
    fn deny(&self, conn: &mut Conn, now: i64) -> impl Future<Output = Result<bool, Error>> + Send;

    /// [`DeviceCodeTable::mark_redeemed`](crate::table::DeviceCodeTable::mark_redeemed), awaited.
    fn mark_redeemed(
        &self,
        conn: &mut Conn,
        now: i64,
    ) -> impl Future<Output = Result<bool, Error>> + Send;
}
