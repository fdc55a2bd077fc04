use std::borrow::Cow;
use std::fmt;

use crate::model::{OAuth2AuthorizationCode, OAuth2Client};
use crate::secret::StoredForm;
use crate::table::NewCode;

/// What an authorization code stands for. `U` is the type of the model's user id, `X` that of its extra columns.
#[derive(Clone)]
#[must_use]
pub struct CodeRequest<'a, U, X = ()> {
    client_id: Cow<'a, str>,
    user_id: Option<U>,
    redirect_uri: Option<&'a str>,
    response_type: Option<&'a str>,
    scope: Option<&'a str>,
    nonce: Option<&'a str>,
    acr: Option<&'a str>,
    amr: Option<&'a str>,
    code_challenge: Option<(&'a str, &'a str)>,
    extra: X,
}

impl<'a, U> CodeRequest<'a, U> {
    /// A code for this client.
    pub fn new(client: &'a dyn OAuth2Client) -> Self {
        Self {
            client_id: client.client_id(),
            user_id: None,
            redirect_uri: None,
            response_type: None,
            scope: None,
            nonce: None,
            acr: None,
            amr: None,
            code_challenge: None,
            extra: (),
        }
    }
}

impl<'a, U, X> CodeRequest<'a, U, X> {
    /// The user who authorized the client.
    pub fn user(mut self, user_id: U) -> Self {
        self.user_id = Some(user_id);
        self
    }

    /// `redirect_uri` of the authorization request, which the redemption must repeat.
    pub fn redirect_uri(mut self, redirect_uri: &'a str) -> Self {
        self.redirect_uri = Some(redirect_uri);
        self
    }

    /// `response_type` of the authorization request.
    pub fn response_type(mut self, response_type: &'a str) -> Self {
        self.response_type = Some(response_type);
        self
    }

    /// The granted scopes, separated by spaces.
    pub fn scope(mut self, scope: &'a str) -> Self {
        self.scope = Some(scope);
        self
    }

    /// `nonce` of OpenID Connect.
    pub fn nonce(mut self, nonce: &'a str) -> Self {
        self.nonce = Some(nonce);
        self
    }

    /// `acr` of OpenID Connect.
    pub fn acr(mut self, acr: &'a str) -> Self {
        self.acr = Some(acr);
        self
    }

    /// `amr` of OpenID Connect, separated by spaces.
    pub fn amr(mut self, amr: &'a str) -> Self {
        self.amr = Some(amr);
        self
    }

    /// `code_challenge` and `code_challenge_method` (`S256` or `plain`) of RFC 7636.
    pub fn code_challenge(mut self, challenge: &'a str, method: &'a str) -> Self {
        self.code_challenge = Some((challenge, method));
        self
    }

    /// What fills the model's extra columns.
    pub fn extra<Y>(self, extra: Y) -> CodeRequest<'a, U, Y> {
        CodeRequest {
            client_id: self.client_id,
            user_id: self.user_id,
            redirect_uri: self.redirect_uri,
            response_type: self.response_type,
            scope: self.scope,
            nonce: self.nonce,
            acr: self.acr,
            amr: self.amr,
            code_challenge: self.code_challenge,
            extra,
        }
    }
}

impl<U, X> fmt::Debug for CodeRequest<'_, U, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeRequest")
            .field("client_id", &self.client_id)
            .field("redirect_uri", &self.redirect_uri)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// A code with its secret in the form in which it is stored.
pub(crate) struct StoredCode<'r, G> {
    pub(super) code: StoredForm<'r>,
    pub(super) grant_id: G,
    pub(super) auth_time: i64,
}

impl<G> StoredCode<'_, G> {
    /// The row to insert.
    pub(crate) fn row<'a, C: OAuth2AuthorizationCode<GrantId = G>>(
        &'a self,
        request: &'a CodeRequest<'_, C::UserId, C::Extra>,
    ) -> NewCode<'a, C> {
        NewCode {
            code: self.code.as_str(),
            client_id: &request.client_id,
            user_id: request.user_id.as_ref(),
            grant_id: Some(&self.grant_id),
            redirect_uri: request.redirect_uri,
            response_type: request.response_type,
            scope: request.scope,
            nonce: request.nonce,
            auth_time: self.auth_time,
            acr: request.acr,
            amr: request.amr,
            code_challenge: request.code_challenge.map(|(challenge, _)| challenge),
            code_challenge_method: request.code_challenge.map(|(_, method)| method),
            extra: &request.extra,
        }
    }
}
