use crate::Error;
use crate::model::OAuth2Client;

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
        each: impl FnMut(Self),
    ) -> Result<(), Error>;
}
