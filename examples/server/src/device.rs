use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use diesel_oauth2::endpoint::{EndpointRequest, EndpointResponse};
use diesel_oauth2::lifecycle::{DeviceRefusal, DeviceRequest};
use diesel_oauth2::types::{Endpoint, GrantType};
use diesel_oauth2::{Error, Failure, OAuth2Client, OAuth2DeviceCode, OAuth2Error};
use diesel_oauth2_axum::{EndpointForm, run_blocking};
use serde_json::json;

use crate::app::{App, Login, answer, note};
use crate::csrf;
use crate::database::Database;
use crate::pages::{self, Consent, page};
use crate::throttle::TooMany;
use crate::token::allowed_scope;

/// `POST /oauth/device_authorization` (RFC 8628 section 3.1).
pub(crate) async fn authorize<D: Database>(
    State(app): State<Arc<App<D>>>,
    form: EndpointForm,
) -> Response {
    run_blocking(move || {
        answer(
            form.request()
                .map_err(Failure::Refused)
                .and_then(|request| app.start_device(&request)),
        )
    })
    .await
}

/// `GET /device`: asks for the code, and with one in the query what to do about it (RFC 8628 section 3.3).
pub(crate) async fn show<D: Database>(
    State(app): State<Arc<App<D>>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    run_blocking(move || {
        let query = query.unwrap_or_default();
        let query = EndpointRequest::new(None, query.as_bytes());
        match query.parameter("user_code") {
            Ok(Some(code)) => app.ask_about(code, &headers, StatusCode::OK, None),
            _ => ask_for_code(StatusCode::OK, None),
        }
    })
    .await
}

/// `POST /device`: what the user decided. The code is in the form, or in the query.
pub(crate) async fn decide<D: Database>(
    State(app): State<Arc<App<D>>>,
    RawQuery(query): RawQuery,
    form: EndpointForm,
) -> Response {
    run_blocking(move || {
        let query = query.unwrap_or_default();
        let query = EndpointRequest::new(None, query.as_bytes());
        app.decide_device(&query, &form).unwrap_or_else(|_| {
            ask_for_code(StatusCode::BAD_REQUEST, Some("The form cannot be read."))
        })
    })
    .await
}

impl<D: Database> App<D> {
    fn start_device(
        &self,
        request: &EndpointRequest<'_>,
    ) -> Result<EndpointResponse, Failure<OAuth2Error>> {
        let endpoint = Endpoint::DeviceAuthorization;
        let client = self.authenticator.authenticate(request, endpoint)?.client;
        if !client.check_grant_type(&GrantType::DeviceCode) {
            return Err(OAuth2Error::UnauthorizedClient.into());
        }
        let scope = allowed_scope(&client, request.parameter("scope")?)?;
        let verification_uri = format!("{}/device", self.issuer);
        let started = self.devices.start(
            &DeviceRequest::new(&client).scope(&scope),
            &verification_uri,
        )?;
        Ok(EndpointResponse::json(200, &json!(started)))
    }

    fn ask_about(
        &self,
        user_code: &str,
        headers: &HeaderMap,
        status: StatusCode,
        problem: Option<&str>,
    ) -> Response {
        let pending = match self.devices.find_pending(user_code) {
            Ok(pending) => pending,
            Err(failure) => return self.refused(failure),
        };
        let client = match (self.query_client)(&pending.client_id()) {
            Ok(Some(client)) => client,
            Ok(None) => return refused(Failure::Refused(DeviceRefusal::Unknown)),
            Err(error) => return refused(Failure::Storage(error)),
        };
        let csrf_token = match csrf::token(headers) {
            Ok(token) => token,
            Err(error) => return refused(Failure::Storage(error)),
        };
        let metadata = client.client_metadata();
        let client_id = client.client_id();
        let html = pages::consent(&Consent {
            client_name: metadata.client_name.as_deref().unwrap_or(&client_id),
            scope: &pending.scope(),
            csrf_token: &csrf_token,
            user_code: Some(user_code),
            problem,
        });
        let cookie = csrf::set_cookie(&csrf_token, &self.issuer);
        page(status, &html, None, Some(cookie))
    }

    /// Why a code is not to be decided on. Whoever tries codes out is slowed down.
    fn refused(&self, failure: Failure<DeviceRefusal>) -> Response {
        let is_unknown = matches!(failure, Failure::Refused(DeviceRefusal::Unknown));
        match is_unknown.then(|| self.unknown_codes.count("")) {
            Some(Err(too_many)) => slow_down(too_many),
            _ => refused(failure),
        }
    }

    fn decide_device(
        &self,
        query: &EndpointRequest<'_>,
        form: &EndpointForm,
    ) -> Result<Response, OAuth2Error> {
        let headers = form.headers();
        let form = form.request()?;
        let user_code = match form.parameter("user_code")? {
            Some(code) => code,
            None => match query.parameter("user_code")? {
                Some(code) => code,
                None => {
                    return Ok(ask_for_code(
                        StatusCode::BAD_REQUEST,
                        Some("The code is missing."),
                    ));
                }
            },
        };
        let again =
            |problem| self.ask_about(user_code, headers, StatusCode::FORBIDDEN, Some(problem));
        if !csrf::is_own_form(headers, form.parameter(csrf::FIELD)?) {
            return Ok(again(
                "This form is too old, or not ours. Please try again.",
            ));
        }
        let text = match form.parameter("decision")? {
            Some("allow") => {
                let username = form.parameter("username")?.unwrap_or_default();
                let password = form.parameter("password")?.unwrap_or_default();
                // Before the code is looked at: nobody tries codes out who cannot log in.
                let user = match self.users.log_in(username, password) {
                    Ok(Login::Right(user)) => user,
                    Ok(Login::Wrong) => return Ok(again("Username or password is wrong.")),
                    Ok(Login::TooMany(too_many)) => return Ok(slow_down(too_many)),
                    Err(error) => return Ok(refused(Failure::Storage(error))),
                };
                if let Err(failure) = self.devices.approve(user_code, &user.id) {
                    return Ok(self.refused(failure));
                }
                "Your device has access now. You may close this page."
            }
            Some("deny") => {
                if let Err(failure) = self.devices.deny(user_code) {
                    return Ok(self.refused(failure));
                }
                "Your device has no access. You may close this page."
            }
            _ => return Ok(again("Please allow or deny.")),
        };
        Ok(page(
            StatusCode::OK,
            &pages::message("Thank you", text),
            None,
            None,
        ))
    }
}

/// The form for the code, which leads to `/device?user_code=…`.
fn ask_for_code(status: StatusCode, problem: Option<&str>) -> Response {
    let problem = problem
        .map(|text| {
            format!(
                "<p class=\"problem\" role=\"alert\">{}</p>",
                pages::escape(text)
            )
        })
        .unwrap_or_default();
    let html = format!(
        "<h1>Connect a device</h1>{problem}<form method=\"get\">\
         <label>The code that your device shows <input name=\"user_code\" autocomplete=\"off\" autofocus></label>\
         <button class=\"main\">Continue</button></form>"
    );
    page(status, &html, None, None)
}

fn refused(failure: Failure<DeviceRefusal>) -> Response {
    match failure {
        Failure::Refused(refusal) => ask_for_code(
            StatusCode::NOT_FOUND,
            Some(match refusal {
                DeviceRefusal::Expired => "This code has expired. Start again on your device.",
                DeviceRefusal::Decided => "This code has been used already.",
                _ => "There is no such code. Is it spelled as on your device?",
            }),
        ),
        Failure::Storage(error) => {
            note(&error);
            unavailable(&error)
        }
    }
}

fn slow_down(too_many: TooMany) -> Response {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let problem = "Too many tries. Please try again in a minute.";
    too_many.in_response(ask_for_code(status, Some(problem)))
}

fn unavailable(error: &Error) -> Response {
    let status = match error.is_retryable() {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let html = pages::message("Something went wrong", "Please try again.");
    page(status, &html, None, None)
}
