use std::ops::ControlFlow;

use crate::Error;
use crate::model::OAuth2AuthorizationCode;
use crate::secret::Candidates;

/// The statements on a table of authorization codes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no table of authorization codes on `{Conn}`",
    label = "not a `CodeTable<{Conn}>`",
    note = "put `#[derive(OAuth2AuthorizationCode)]` on the model, and enable the feature of its database (`sqlite`, `postgres`, `mysql`) or name the connection with `#[oauth2(connection = ...)]`"
)]
pub trait CodeTable<Conn>: OAuth2AuthorizationCode {
    /// Gives `each` the rows whose code is one of the candidates, and whatever else the column's collation takes for
    /// equal.
    ///
    /// # Errors
    /// The database's, as [`Error`].
    fn load_by_code(
        conn: &mut Conn,
        code: &Candidates<'_>,
        each: impl FnMut(Self) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// Stores one row.
    ///
    /// # Errors
    /// [`Error::ValueTooLong`], [`Error::InvalidValue`] or [`Error::MissingUser`] before anything is sent; else the
    /// database's. Nothing is stored then.
    fn insert(conn: &mut Conn, row: &NewCode<'_, Self>) -> Result<(), Error>;
}

/// An authorization code as it is to be stored. It does not show itself in `Debug`.
#[non_exhaustive]
pub struct NewCode<'a, M: OAuth2AuthorizationCode> {
    /// The code in its stored form.
    pub code: &'a str,
    /// `client_id` of the client that the code is issued to.
    pub client_id: &'a str,
    /// The user who authorized the client.
    pub user_id: Option<&'a M::UserId>,
    /// The grant that it stands for.
    pub grant_id: Option<&'a M::GrantId>,
    /// The redirect URI of the authorization request.
    pub redirect_uri: Option<&'a str>,
    /// `response_type` of the authorization request.
    pub response_type: Option<&'a str>,
    /// The granted scopes, separated by spaces.
    pub scope: Option<&'a str>,
    /// `nonce` of OpenID Connect.
    pub nonce: Option<&'a str>,
    /// When the user authenticated, in epoch seconds.
    pub auth_time: i64,
    /// `acr` of OpenID Connect.
    pub acr: Option<&'a str>,
    /// `amr` of OpenID Connect, separated by spaces.
    pub amr: Option<&'a str>,
    /// `code_challenge` of RFC 7636.
    pub code_challenge: Option<&'a str>,
    /// `code_challenge_method` of RFC 7636.
    pub code_challenge_method: Option<&'a str>,
    /// What fills the model's own columns.
    pub extra: &'a M::Extra,
}

impl<M: OAuth2AuthorizationCode> std::fmt::Debug for NewCode<'_, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewCode")
            .field("client_id", &self.client_id)
            .field("auth_time", &self.auth_time)
            .finish_non_exhaustive()
    }
}
