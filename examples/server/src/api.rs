use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use diesel_oauth2::endpoint::EndpointResponse;
use diesel_oauth2::{Failure, OAuth2Error, OAuth2Token};
use diesel_oauth2_axum::{CurrentToken, run_blocking};
use serde_json::{Map, json};

use crate::app::{App, answer};
use crate::database::Database;

/// `GET /api/me`: the protected resource. The layer in front of it has checked the token.
pub(crate) async fn me<D: Database>(
    State(app): State<Arc<App<D>>>,
    CurrentToken(token): CurrentToken<D::Token>,
) -> Response {
    run_blocking(move || {
        let mut me = Map::new();
        me.insert("client_id".into(), token.client_id().into());
        me.insert("scope".into(), token.scope().into());
        answer::<OAuth2Error>(match app.users.of_token(&token) {
            // A client's own token has no user.
            Ok(user) => {
                if let Some(user) = user {
                    me.insert("sub".into(), user.id.to_string().into());
                    me.insert("username".into(), user.username.into());
                }
                Ok(EndpointResponse::json(200, &json!(me)))
            }
            Err(error) => Err(Failure::Storage(error)),
        })
    })
    .await
}
