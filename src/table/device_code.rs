use std::fmt;
use std::ops::ControlFlow;

use crate::Error;
use crate::model::OAuth2DeviceCode;
use crate::secret::Candidates;

/// The statements on a table of device codes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no table of device codes on `{Conn}`",
    label = "not a `DeviceCodeTable<{Conn}>`",
    note = "put `#[derive(OAuth2DeviceCode)]` on the model, and enable the feature of its database (`sqlite`, `postgres`, `mysql`) or name the connection with `#[oauth2(connection = ...)]`"
)]
pub trait DeviceCodeTable<Conn>: OAuth2DeviceCode {
    /// Gives `each` the rows whose device code is one of the candidates, and whatever else the column's collation takes
    /// for equal.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn load_by_device_code(
        conn: &mut Conn,
        device_code: &Candidates<'_>,
        each: impl FnMut(Self) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// Gives `each` the rows whose user code is one of the candidates, and whatever else the column's collation takes for
    /// equal.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn load_by_user_code(
        conn: &mut Conn,
        user_code: &Candidates<'_>,
        each: impl FnMut(Self) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// Stores one row.
    ///
    /// # Errors
    /// [`Error::ValueTooLong`] or [`Error::InvalidValue`] before anything is sent; else the database's. Nothing is stored
    /// then.
    fn insert(conn: &mut Conn, row: &NewDeviceCode<'_, Self>) -> Result<(), Error>;

    /// Notes that the device asked at `now` (epoch seconds) and must wait for `interval` seconds from then.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn note_poll(&self, conn: &mut Conn, now: i64, interval: i64) -> Result<(), Error>;

    /// Notes that this user approved at `now` (epoch seconds), unless somebody has decided already. Tells whether it did:
    /// of several at once, one does.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn approve(&self, conn: &mut Conn, user_id: &Self::UserId, now: i64) -> Result<bool, Error>;

    /// Notes that the user denied at `now` (epoch seconds), unless somebody has decided already. Tells whether it did: of
    /// several at once, one does.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn deny(&self, conn: &mut Conn, now: i64) -> Result<bool, Error>;

    /// Marks the device code redeemed at `now` (epoch seconds), unless it is already. Tells whether it did: of several at
    /// once, one does.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn mark_redeemed(&self, conn: &mut Conn, now: i64) -> Result<bool, Error>;
}

/// A device code as it is to be stored. It does not show itself in `Debug`.
#[non_exhaustive]
pub struct NewDeviceCode<'a, M: OAuth2DeviceCode> {
    /// The device code in its stored form.
    pub device_code: &'a str,
    /// The user code in its stored form.
    pub user_code: &'a str,
    /// `client_id` of the client that the codes are issued to.
    pub client_id: &'a str,
    /// The requested scopes, separated by spaces.
    pub scope: Option<&'a str>,
    /// When the codes are issued, in epoch seconds.
    pub issued_at: i64,
    /// The last second at which the codes are valid.
    pub expires_at: i64,
    /// How long the device must wait between two requests, in seconds.
    pub interval: i64,
    /// The grant that the device code stands for.
    pub grant_id: Option<&'a M::GrantId>,
    /// What fills the model's own columns.
    pub extra: &'a M::Extra,
}

impl<M: OAuth2DeviceCode> fmt::Debug for NewDeviceCode<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewDeviceCode")
            .field("client_id", &self.client_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
