use std::future::Future;

use crate::Error;
use crate::column::Identifier;
use crate::model::OAuth2Client;
use crate::table::{NewClient, NewClientSecret};

/// [`ClientTable`](crate::table::ClientTable), awaited.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no table of clients on `{Conn}`",
    label = "not an `AsyncClientTable<{Conn}>`",
    note = "put `#[derive(OAuth2Client)]` on the model, and enable the feature of its database (`sqlite`, `postgres`, `mysql`)"
)]
pub trait AsyncClientTable<Conn>: OAuth2Client + Sized + 'static {
    /// [`ClientTable::load_by_client_id`](crate::table::ClientTable::load_by_client_id), awaited.
    fn load_by_client_id(
        conn: &mut Conn,
        client_id: &str,
    ) -> impl Future<Output = Result<Vec<Self>, Error>> + Send;
}

/// [`RegistrableClientTable`](crate::table::RegistrableClientTable), awaited.
#[diagnostic::on_unimplemented(
    message = "clients of `{Self}` cannot be registered on `{Conn}`",
    label = "not an `AsyncRegistrableClientTable<{Conn}>`",
    note = "put `#[derive(OAuth2Client)]` on the model, and enable the feature of its database (`sqlite`, `postgres`, `mysql`)"
)]
pub trait AsyncRegistrableClientTable<Conn: Send>: AsyncClientTable<Conn> {
    /// The type of the id of the user who owns a client.
    type UserId: Identifier;

    /// What fills the model's `#[oauth2(extra)]` columns; `()` where there are none.
    type Extra: Send + Sync;

    /// Whether the model keeps all of a client's metadata.
    const KEEPS_METADATA: bool;

    /// The members of the metadata that have columns of their own.
    const METADATA_COLUMNS: &'static [&'static str];

    /// An id for a new client.
    ///
    /// # Errors
    /// As [`RegistrableClientTable::generate_client_id`](crate::table::RegistrableClientTable::generate_client_id).
    fn generate_client_id() -> Result<String, Error>;

    /// [`RegistrableClientTable::insert`](crate::table::RegistrableClientTable::insert), awaited.
    fn insert(
        conn: &mut Conn,
        row: &NewClient<'_, Self::UserId, Self::Extra>,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// [`RotatableClientTable`](crate::table::RotatableClientTable), awaited.
#[diagnostic::on_unimplemented(
    message = "the secrets of `{Self}` cannot be replaced on `{Conn}`",
    label = "not an `AsyncRotatableClientTable<{Conn}>`",
    note = "give the model the fields `client_secret`, `client_secret_expires_at`, `previous_client_secret` and `previous_client_secret_expires_at`, or name them: `#[oauth2(previous_client_secret = field)]`"
)]
pub trait AsyncRotatableClientTable<Conn: Send>: AsyncClientTable<Conn> {
    /// [`RotatableClientTable::replace_secret`](crate::table::RotatableClientTable::replace_secret), awaited.
    fn replace_secret(
        &self,
        conn: &mut Conn,
        secret: &NewClientSecret<'_>,
    ) -> impl Future<Output = Result<bool, Error>> + Send;
}
