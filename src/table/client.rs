use std::fmt;
use std::ops::ControlFlow;

use crate::column::Identifier;
use crate::model::OAuth2Client;
use crate::{ClientMetadata, Error};

/// The statements on a table of clients.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no table of clients on `{Conn}`",
    label = "not a `ClientTable<{Conn}>`",
    note = "put `#[derive(OAuth2Client)]` on the model, and enable the feature of its database (`sqlite`, `postgres`, `mysql`) or name the connection with `#[oauth2(connection = ...)]`"
)]
pub trait ClientTable<Conn>: OAuth2Client + Sized + 'static {
    /// Gives `each` the client with this `client_id`, and whatever else the column's collation takes for equal.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn load_by_client_id(
        conn: &mut Conn,
        client_id: &str,
        each: impl FnMut(Self) -> ControlFlow<()>,
    ) -> Result<(), Error>;
}

/// The statement that registers a client.
#[diagnostic::on_unimplemented(
    message = "clients of `{Self}` cannot be registered on `{Conn}`",
    label = "not a `RegistrableClientTable<{Conn}>`",
    note = "put `#[derive(OAuth2Client)]` on the model, and enable the feature of its database (`sqlite`, `postgres`, `mysql`) or name the connection with `#[oauth2(connection = ...)]`"
)]
pub trait RegistrableClientTable<Conn>: ClientTable<Conn> {
    /// The type of the id of the user who owns a client.
    type UserId: Identifier;

    /// What fills the model's `#[oauth2(extra)]` columns; `()` where there are none.
    type Extra;

    /// Whether the model keeps all of a client's metadata.
    const KEEPS_METADATA: bool;

    /// The members of the metadata that have columns of their own.
    const METADATA_COLUMNS: &'static [&'static str];

    /// An id for a new client.
    ///
    /// # Errors
    /// [`Error::RandomSource`]; [`Error::InvalidValue`] where ids are not of a type of which this crate makes any (see
    /// [`GrantKey`](crate::column::GrantKey)): the caller has to give one then.
    fn generate_client_id() -> Result<String, Error>;

    /// Stores one row.
    ///
    /// # Errors
    /// [`Error::ValueTooLong`], [`Error::InvalidValue`] or [`Error::MissingUser`] before anything is sent; else the
    /// database's. Nothing is stored then.
    fn insert(conn: &mut Conn, row: &NewClient<'_, Self::UserId, Self::Extra>)
    -> Result<(), Error>;
}

/// The statement that replaces a client's secret, for tables with columns for the one before.
#[diagnostic::on_unimplemented(
    message = "the secrets of `{Self}` cannot be replaced on `{Conn}`",
    label = "not a `RotatableClientTable<{Conn}>`",
    note = "give the model the fields `client_secret`, `client_secret_expires_at`, `previous_client_secret` and `previous_client_secret_expires_at`, or name them: `#[oauth2(previous_client_secret = field)]`"
)]
pub trait RotatableClientTable<Conn>: ClientTable<Conn> {
    /// Replaces the secret, unless it is not the one any more that it was when the row was read. Tells whether it did: of
    /// several at once, one does.
    ///
    /// # Errors
    /// [`Error::ValueTooLong`] or [`Error::InvalidValue`] before anything is sent; else the database's.
    fn replace_secret(&self, conn: &mut Conn, secret: &NewClientSecret<'_>) -> Result<bool, Error>;
}

/// A client as it is to be stored. It does not show its secret in `Debug`.
#[non_exhaustive]
pub struct NewClient<'a, U, X> {
    /// The client's public name.
    pub client_id: &'a str,
    /// The secret in its stored form. `None` for a public client.
    pub client_secret: Option<&'a str>,
    /// When the client is registered, in epoch seconds.
    pub client_id_issued_at: i64,
    /// When the secret ceases to be valid, in epoch seconds. `None`: never.
    pub client_secret_expires_at: Option<i64>,
    /// The user who owns the client.
    pub user_id: Option<&'a U>,
    /// The metadata.
    pub metadata: &'a ClientMetadata,
    /// What fills the model's own columns.
    pub extra: &'a X,
}

impl<U, X> fmt::Debug for NewClient<'_, U, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewClient")
            .field("client_id", &self.client_id)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

/// A secret that takes the place of another. It does not show itself in `Debug`.
#[non_exhaustive]
pub struct NewClientSecret<'a> {
    /// The new secret in its stored form.
    pub client_secret: &'a str,
    /// When it ceases to be valid, in epoch seconds. `None`: never.
    pub client_secret_expires_at: Option<i64>,
    /// The secret that is there now, in its stored form.
    pub previous_client_secret: &'a str,
    /// When that one ceases to be valid, in epoch seconds.
    pub previous_client_secret_expires_at: i64,
}

impl fmt::Debug for NewClientSecret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewClientSecret")
            .field("client_secret_expires_at", &self.client_secret_expires_at)
            .finish_non_exhaustive()
    }
}
