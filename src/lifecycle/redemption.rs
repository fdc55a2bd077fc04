use std::borrow::Cow;
use std::fmt;

use super::CodeRefusal;
use super::pkce::check_verifier;
use crate::model::{OAuth2AuthorizationCode, OAuth2Client};

/// A token request that redeems a code (RFC 6749 section 4.1.3).
#[derive(Clone)]
#[must_use]
pub struct Redemption<'a> {
    pub(crate) code: &'a str,
    /// Who presents it. `None` where the server checks that, and all the rest, by itself.
    client_id: Option<Cow<'a, str>>,
    redirect_uri: Option<&'a str>,
    code_verifier: Option<&'a str>,
}

impl<'a> Redemption<'a> {
    /// This code, presented by this client, which the server has authenticated.
    pub fn new(code: &'a str, client: &'a dyn OAuth2Client) -> Self {
        Self {
            code,
            client_id: Some(client.client_id()),
            redirect_uri: None,
            code_verifier: None,
        }
    }

    /// This code, whoever presents it and whatever the request says: for a server that gets the code's row first, then
    /// compares the client, the redirect URI and the verifier with it by itself, and issues nothing where they do not fit.
    ///
    /// The code is spent whatever the server finds; and whoever presents it a second time, every token that came of it is
    /// revoked.
    pub fn unchecked(code: &'a str) -> Self {
        Self {
            code,
            client_id: None,
            redirect_uri: None,
            code_verifier: None,
        }
    }

    /// `redirect_uri` of the token request.
    pub fn redirect_uri(mut self, redirect_uri: &'a str) -> Self {
        self.redirect_uri = Some(redirect_uri);
        self
    }

    /// `code_verifier` of RFC 7636.
    pub fn code_verifier(mut self, code_verifier: &'a str) -> Self {
        self.code_verifier = Some(code_verifier);
        self
    }

    /// Whether the request may redeem the code, as far as the code's own row tells.
    pub(super) fn check<C: OAuth2AuthorizationCode>(&self, code: &C) -> Result<(), CodeRefusal> {
        let Some(client_id) = &self.client_id else {
            return Ok(());
        };
        if code.client_id() != *client_id {
            return Err(CodeRefusal::WrongClient);
        }
        let redirect_uri = code.redirect_uri();
        let registered = redirect_uri.as_deref().unwrap_or_default();
        if registered != self.redirect_uri.unwrap_or_default() {
            return Err(CodeRefusal::WrongRedirectUri);
        }
        check_verifier(
            code.code_challenge().as_deref(),
            code.code_challenge_method().as_deref(),
            self.code_verifier,
        )
    }
}

impl fmt::Debug for Redemption<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redemption")
            .field("client_id", &self.client_id)
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}
