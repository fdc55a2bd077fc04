use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use diesel_oauth2::endpoint::{EndpointRequest, EndpointResponse};
use diesel_oauth2::lifecycle::{Redemption, RefreshRefusal};
use diesel_oauth2::types::AuthMethod;
use diesel_oauth2::types::{Endpoint, GrantType};
use diesel_oauth2::{
    AuthenticatedClient, Error, Failure, GenerateRequest, OAuth2AuthorizationCode, OAuth2Client,
    OAuth2DeviceCode, OAuth2Error, OAuth2Token, TokenRequest, TokenResponse,
};
use diesel_oauth2_axum::{EndpointForm, run_blocking};
use serde_json::json;

use crate::app::{App, answer};
use crate::database::Database;

type Granted = Result<TokenResponse, Failure<OAuth2Error>>;

/// `POST /oauth/token` (RFC 6749 section 3.2).
pub(crate) async fn token<D: Database>(
    State(app): State<Arc<App<D>>>,
    form: EndpointForm,
) -> Response {
    run_blocking(move || {
        let granted = form
            .request()
            .map_err(Failure::Refused)
            .and_then(|request| app.grant(&request));
        answer(granted.map(|tokens| EndpointResponse::json(200, &json!(tokens))))
    })
    .await
}

impl<D: Database> App<D> {
    fn grant(&self, request: &EndpointRequest<'_>) -> Granted {
        let authenticated = self.authenticator.authenticate(request, Endpoint::Token)?;
        let grant_type =
            GrantType::parse(required(request, "grant_type", "Missing 'grant_type'.")?);
        let AuthenticatedClient { client, method, .. } = &authenticated;
        let grant = match grant_type {
            GrantType::AuthorizationCode => Self::redeem_code,
            GrantType::RefreshToken => Self::refresh_token,
            GrantType::DeviceCode => Self::redeem_device_code,
            // A public client has no credentials (RFC 6749 section 4.4).
            GrantType::ClientCredentials if *method == AuthMethod::None => {
                return Err(OAuth2Error::UnauthorizedClient.into());
            }
            GrantType::ClientCredentials => Self::client_credentials,
            _ => return Err(OAuth2Error::UnsupportedGrantType.into()),
        };
        if !client.check_grant_type(&grant_type) {
            return Err(OAuth2Error::UnauthorizedClient.into());
        }
        grant(self, request, client)
    }

    /// RFC 6749 section 4.1.3, RFC 7636 section 4.5
    fn redeem_code(&self, request: &EndpointRequest<'_>, client: &D::Client) -> Granted {
        let code = required(request, "code", "Missing 'code' in request.")?;
        let mut redemption = Redemption::new(code, client);
        if let Some(redirect_uri) = request.parameter("redirect_uri")? {
            redemption = redemption.redirect_uri(redirect_uri);
        }
        if let Some(verifier) = request.parameter("code_verifier")? {
            redemption = redemption.code_verifier(verifier);
        }
        let code = self.codes.redeem(&redemption).map_err(refused)?;
        self.issue(
            GrantType::AuthorizationCode,
            client,
            code.user_id().copied(),
            &code.scope(),
            code.grant_id().copied(),
        )
    }

    /// RFC 8628 section 3.4
    fn redeem_device_code(&self, request: &EndpointRequest<'_>, client: &D::Client) -> Granted {
        let code = required(request, "device_code", "Missing 'device_code' in request.")?;
        let code = self.devices.redeem(code, client).map_err(refused)?;
        self.issue(
            GrantType::DeviceCode,
            client,
            code.user_id().copied(),
            &code.scope(),
            code.grant_id().copied(),
        )
    }

    /// The first tokens of a grant.
    fn issue(
        &self,
        grant_type: GrantType,
        client: &D::Client,
        user: Option<i64>,
        scope: &str,
        grant: Option<i64>,
    ) -> Granted {
        let user = user.ok_or(Error::MissingUser { column: "user_id" })?;
        let grant = grant.ok_or(Error::InvalidValue {
            column: "grant_id",
            reason: "the code stands for no grant",
        })?;
        let generate = GenerateRequest::new(grant_type, client)
            .user(&user)
            .scope(scope)
            .include_refresh_token(client.check_grant_type(&GrantType::RefreshToken));
        let tokens = self.generator.generate(&generate)?;
        let request = TokenRequest::new(client).user(user);
        self.refresh
            .issue(&tokens, &request, &grant)
            .map_err(refused)?;
        Ok(tokens)
    }

    /// RFC 6749 section 6
    fn refresh_token(&self, request: &EndpointRequest<'_>, client: &D::Client) -> Granted {
        let token = required(
            request,
            "refresh_token",
            "Missing 'refresh_token' in request.",
        )?;
        let scope = request.parameter("scope")?;
        match self.rotate(token, scope, client) {
            // Two requests of one client at the same time. Within the grace period the slower one gets tokens, too, as
            // it would a moment later.
            Err(Failure::Refused(RefreshRefusal::LostRace)) if self.has_grace => {
                self.rotate(token, scope, client)
            }
            rotated => rotated,
        }
        .map_err(refused)
    }

    fn rotate(
        &self,
        token: &str,
        scope: Option<&str>,
        client: &D::Client,
    ) -> Result<TokenResponse, Failure<RefreshRefusal>> {
        let refreshing = self.refresh.authenticate(token, client)?;
        let scope = self
            .refresh
            .narrow_scope(&refreshing, scope)
            .map_err(Failure::Refused)?;
        let user = refreshing.token.user_id().copied();
        let mut generate = GenerateRequest::new(GrantType::RefreshToken, client).scope(&scope);
        let mut request = TokenRequest::new(client);
        if let Some(user) = &user {
            generate = generate.user(user);
            request = request.user(*user);
        }
        let tokens = self.generator.generate(&generate)?;
        self.refresh.rotate(&refreshing, &tokens, &request)?;
        Ok(tokens)
    }

    /// RFC 6749 section 4.4
    fn client_credentials(&self, request: &EndpointRequest<'_>, client: &D::Client) -> Granted {
        let scope = allowed_scope(client, request.parameter("scope")?)?;
        let generate = GenerateRequest::new(GrantType::ClientCredentials, client).scope(&scope);
        let tokens = self.generator.generate(&generate)?;
        (self.save_token)(&tokens, &TokenRequest::new(client))?;
        Ok(tokens)
    }
}

/// What the client gets of the scopes it asks for: those registered for it, and without asking all of those (RFC 6749
/// section 3.3).
pub(crate) fn allowed_scope(
    client: &dyn OAuth2Client,
    requested: Option<&str>,
) -> Result<String, OAuth2Error> {
    let Some(requested) = requested else {
        return Ok(client.client_metadata().scope.clone().unwrap_or_default());
    };
    let allowed = client.get_allowed_scope(requested);
    if allowed.is_empty() {
        return Err(OAuth2Error::InvalidScope);
    }
    Ok(allowed)
}

pub(crate) fn required<'r>(
    request: &'r EndpointRequest<'_>,
    name: &str,
    description: &'static str,
) -> Result<&'r str, OAuth2Error> {
    let value = request.parameter(name)?;
    value.ok_or(OAuth2Error::InvalidRequest { description })
}

/// A store's refusal as the client is told of it.
fn refused<R: Into<OAuth2Error>>(failure: Failure<R>) -> Failure<OAuth2Error> {
    match failure {
        Failure::Refused(refusal) => Failure::Refused(refusal.into()),
        Failure::Storage(error) => Failure::Storage(error),
    }
}
