use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use diesel_oauth2::bearer::generate_token;
use diesel_oauth2::endpoint::EndpointRequest;
use diesel_oauth2::lifecycle::CodeRequest;
use diesel_oauth2::types::{AuthMethod, GrantType};
use diesel_oauth2::{Error, OAuth2Client, OAuth2Error};
use diesel_oauth2_axum::{EndpointForm, run_blocking};

use crate::app::{App, Login, note};
use crate::csrf;
use crate::database::Database;
use crate::pages::{self, Consent, page};
use crate::token::allowed_scope;

/// `GET /oauth/authorize`: the page that asks the user (RFC 6749 section 4.1.1).
pub(crate) async fn show<D: Database>(
    State(app): State<Arc<App<D>>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    run_blocking(move || {
        let query = query.unwrap_or_default();
        let request = EndpointRequest::new(None, query.as_bytes());
        match app.check(&request) {
            Ok(authorization) => app.ask(&authorization, &headers, StatusCode::OK, None),
            Err(stop) => stop.into_response(),
        }
    })
    .await
}

/// `POST /oauth/authorize`: what the user decided. Nothing of the request is taken from the form: it is checked again.
pub(crate) async fn decide<D: Database>(
    State(app): State<Arc<App<D>>>,
    RawQuery(query): RawQuery,
    form: EndpointForm,
) -> Response {
    run_blocking(move || {
        let query = query.unwrap_or_default();
        let request = EndpointRequest::new(None, query.as_bytes());
        let decided = app
            .check(&request)
            .and_then(|authorization| app.decided(&authorization, &form));
        decided.unwrap_or_else(Stop::into_response)
    })
    .await
}

/// An authorization request that may be put before the user.
struct Authorization<'r, C> {
    client: C,
    /// Where the answer goes.
    redirect: Redirect<'r>,
    /// `redirect_uri`, where the request has one.
    redirect_uri: Option<&'r str>,
    scope: String,
    code_challenge: Option<&'r str>,
    nonce: Option<&'r str>,
}

/// Where to answer, and the state to answer with.
#[derive(Clone)]
struct Redirect<'r> {
    redirect_uri: String,
    state: Option<&'r str>,
    issuer: String,
}

/// Why a request is not put before the user.
enum Stop {
    /// To the user, because there is no redirect URI to trust (RFC 6749 section 4.1.2.1).
    Page(&'static str),
    /// To the client.
    Redirect(String),
    Storage(Error),
}

impl<D: Database> App<D> {
    fn check<'r>(
        &self,
        request: &'r EndpointRequest<'_>,
    ) -> Result<Authorization<'r, D::Client>, Stop> {
        // Until the redirect URI is known to be the client's, nothing is sent there.
        let trusted = |name, problem| request.parameter(name).map_err(|_| Stop::Page(problem));
        let client_id = trusted("client_id", "The request names more than one client.")?
            .ok_or(Stop::Page("The request names no client."))?;
        let client = (self.query_client)(client_id)
            .map_err(Stop::Storage)?
            .ok_or(Stop::Page("The client is unknown."))?;
        let redirect_uri = trusted(
            "redirect_uri",
            "The request has more than one redirect URI.",
        )?;
        let answer_to = match redirect_uri {
            Some(uri) if client.check_redirect_uri(uri) => uri.to_owned(),
            Some(_) => {
                return Err(Stop::Page(
                    "The redirect URI is not registered for the client.",
                ));
            }
            None if client.client_metadata().redirect_uris.len() == 1 => {
                client.default_redirect_uri().unwrap_or_default()
            }
            None => return Err(Stop::Page("The request has no redirect URI.")),
        };
        let mut redirect = Redirect {
            redirect_uri: answer_to,
            state: None,
            issuer: self.issuer.clone(),
        };
        let state = request
            .parameter("state")
            .map_err(|it| redirect.refuse(it))?;
        redirect.state = state;
        let refuse = |error: OAuth2Error| redirect.refuse(error);
        let invalid = |description| redirect.refuse(OAuth2Error::InvalidRequest { description });

        let parameter = |name| request.parameter(name).map_err(refuse);
        match parameter("response_type")? {
            None => return Err(invalid("Missing 'response_type'.")),
            Some("code") => {}
            Some(_) => return Err(redirect.error("unsupported_response_type", "Only 'code' is.")),
        }
        if !client.check_response_type("code")
            || !client.check_grant_type(&GrantType::AuthorizationCode)
        {
            return Err(refuse(OAuth2Error::UnauthorizedClient));
        }
        let scope = allowed_scope(&client, parameter("scope")?).map_err(refuse)?;
        let code_challenge = parameter("code_challenge")?;
        let method = parameter("code_challenge_method")?;
        match (code_challenge, method) {
            (None, None) if client.token_endpoint_auth_method() == AuthMethod::None => {
                return Err(invalid(
                    "Missing 'code_challenge': public clients need PKCE.",
                ));
            }
            (None, None) => {}
            // RFC 9700 section 2.1.1: the one method that does not show the verifier.
            (Some(challenge), Some("S256")) if is_s256_challenge(challenge) => {}
            (Some(_), Some("S256")) => return Err(invalid("Invalid 'code_challenge'.")),
            (Some(_), _) => return Err(invalid("'code_challenge_method' must be 'S256'.")),
            (None, Some(_)) => return Err(invalid("Missing 'code_challenge'.")),
        }
        let nonce = parameter("nonce")?;
        Ok(Authorization {
            client,
            redirect,
            redirect_uri,
            scope,
            code_challenge,
            nonce,
        })
    }

    fn ask(
        &self,
        authorization: &Authorization<'_, D::Client>,
        headers: &HeaderMap,
        status: StatusCode,
        problem: Option<&str>,
    ) -> Response {
        let csrf_token = match csrf::token(headers) {
            Ok(token) => token,
            Err(error) => return Stop::Storage(error).into_response(),
        };
        let metadata = authorization.client.client_metadata();
        let client_id = authorization.client.client_id();
        let html = pages::consent(&Consent {
            client_name: metadata.client_name.as_deref().unwrap_or(&client_id),
            scope: &authorization.scope,
            csrf_token: &csrf_token,
            user_code: None,
            problem,
        });
        let cookie = csrf::set_cookie(&csrf_token, &self.issuer);
        let goes_to = &authorization.redirect.redirect_uri;
        page(status, &html, Some(goes_to), Some(cookie))
    }

    fn decided(
        &self,
        authorization: &Authorization<'_, D::Client>,
        form: &EndpointForm,
    ) -> Result<Response, Stop> {
        let headers = form.headers();
        let again =
            |problem| self.ask(authorization, headers, StatusCode::FORBIDDEN, Some(problem));
        let form = form
            .request()
            .map_err(|_| Stop::Page("The form cannot be read."))?;
        let field = |name| {
            let value = form.parameter(name);
            value.map_err(|_| Stop::Page("The form has a field twice."))
        };
        if !csrf::is_own_form(headers, field(csrf::FIELD)?) {
            return Ok(again(
                "This form is too old, or not ours. Please try again.",
            ));
        }
        match field("decision")? {
            Some("allow") => {}
            Some("deny") => {
                let redirect = &authorization.redirect;
                return Err(redirect.error("access_denied", "The user has said no."));
            }
            _ => return Ok(again("Please allow or deny.")),
        }
        let (username, password) = (field("username")?, field("password")?);
        let user = self
            .users
            .log_in(username.unwrap_or_default(), password.unwrap_or_default())
            .map_err(Stop::Storage)?;
        let user = match user {
            Login::Right(user) => user,
            Login::Wrong => return Ok(again("Username or password is wrong.")),
            Login::TooMany(too_many) => {
                let problem = Some("Too many tries. Please try again in a minute.");
                let status = StatusCode::TOO_MANY_REQUESTS;
                return Ok(too_many.in_response(self.ask(authorization, headers, status, problem)));
            }
        };

        let code = generate_token(48).map_err(Stop::Storage)?;
        let mut request = CodeRequest::new(&authorization.client)
            .user(user.id)
            .response_type("code")
            .scope(&authorization.scope);
        if let Some(redirect_uri) = authorization.redirect_uri {
            request = request.redirect_uri(redirect_uri);
        }
        if let Some(challenge) = authorization.code_challenge {
            request = request.code_challenge(challenge, "S256");
        }
        if let Some(nonce) = authorization.nonce {
            request = request.nonce(nonce);
        }
        self.codes.save(&code, &request).map_err(Stop::Storage)?;
        Ok(redirect_to(
            &authorization.redirect.with(&[("code", &code)]),
        ))
    }
}

impl Redirect<'_> {
    /// The redirect URI with these parameters, `state` and `iss` (RFC 9207).
    fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        if let Some(state) = self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &self.issuer);
        let separator = if self.redirect_uri.contains('?') {
            '&'
        } else {
            '?'
        };
        format!("{}{separator}{}", self.redirect_uri, query.finish())
    }

    fn error(&self, code: &str, description: &str) -> Stop {
        Stop::Redirect(self.with(&[("error", code), ("error_description", description)]))
    }

    fn refuse(&self, error: OAuth2Error) -> Stop {
        self.error(error.code(), error.description())
    }
}

impl Stop {
    fn into_response(self) -> Response {
        match self {
            Self::Page(text) => {
                let html = pages::message("This request cannot be answered", text);
                page(StatusCode::BAD_REQUEST, &html, None, None)
            }
            Self::Redirect(location) => redirect_to(&location),
            Self::Storage(error) => {
                note(&error);
                let (status, text) = match error.is_retryable() {
                    true => (StatusCode::SERVICE_UNAVAILABLE, "Please try again."),
                    false => (StatusCode::INTERNAL_SERVER_ERROR, "It is our fault."),
                };
                page(
                    status,
                    &pages::message("Something went wrong", text),
                    None,
                    None,
                )
            }
        }
    }
}

/// 303, so that the browser does not post the password on (RFC 9700 section 4.12).
fn redirect_to(location: &str) -> Response {
    let headers = [(LOCATION, location), (CACHE_CONTROL, "no-store")];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// SHA-256 in base64url without padding.
fn is_s256_challenge(challenge: &str) -> bool {
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    challenge.len() == 43 && challenge.bytes().all(is_base64url)
}
