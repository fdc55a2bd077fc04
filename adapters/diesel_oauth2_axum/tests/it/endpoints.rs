use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use diesel_oauth2::models::{Client, Token};
use diesel_oauth2::table::{ClientTable, RevocableTokenTable};
use diesel_oauth2::{
    OAuth2Error, create_bearer_token_validator, create_client_authenticator,
    create_introspection_endpoint, create_revocation_endpoint,
};
use diesel_oauth2_axum::{EndpointForm, Refused, introspection_route, revocation_route};
use http::Request;

use crate::support::{TestDatabase, on_every_database};
use crate::{Answer, Scene, block_on, send};

on_every_database!(
    the_revocation_endpoint_is_a_route,
    the_introspection_endpoint_is_a_route,
);

/// `app:secret`
const APP: &str = "Basic YXBwOnNlY3JldA==";
const FORM: &str = "application/x-www-form-urlencoded";

fn app<D: TestDatabase>(scene: &Scene<D>) -> Router
where
    Client: ClientTable<D::Conn>,
    Token: RevocableTokenTable<D::Conn, UserId = i64, Extra = ()>,
{
    let pool = &scene.pool;
    let authenticator = create_client_authenticator::<Client, _>(pool.clone());
    Router::new()
        .route(
            "/revoke",
            revocation_route(
                create_revocation_endpoint::<Token, _>(pool.clone()),
                authenticator.clone(),
            ),
        )
        .route(
            "/introspect",
            introspection_route(
                create_introspection_endpoint::<Token, _>(pool.clone()),
                authenticator,
            ),
        )
}

async fn ask(app: &Router, path: &str, authorization: &[&str], form: &str) -> Answer {
    let mut request = Request::post(path).header("Content-Type", FORM);
    for value in authorization {
        request = request.header("Authorization", *value);
    }
    let request = request.body(Body::from(form.to_owned()));
    send(app, request.expect("a request")).await
}

fn the_revocation_endpoint_is_a_route<D: TestDatabase>()
where
    Client: ClientTable<D::Conn>,
    Token: RevocableTokenTable<D::Conn, UserId = i64, Extra = ()>,
{
    let Some(scene) = Scene::<D>::set_up() else {
        return;
    };
    let app = app(&scene);
    let validator = create_bearer_token_validator::<Token, _>(scene.pool.clone());
    let is_valid = || {
        validator
            .acquire_token(Some("Bearer access-1"), &[])
            .is_ok()
    };
    block_on(async {
        let answer = ask(&app, "/revoke", &[], "token=access-1").await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.error()),
            (401, "invalid_client")
        );
        assert!(
            answer
                .header("WWW-Authenticate")
                .starts_with("Basic realm=")
        );
        let answer = ask(&app, "/revoke", &[APP, APP], "token=access-1").await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.error()),
            (400, "invalid_request")
        );
        let answer = ask(&app, "/revoke", &[APP], "").await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.error()),
            (400, "invalid_request")
        );
        let answer = ask(&app, "/revoke", &[APP], "token=unknown").await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, ""));
        assert!(is_valid());

        let answer = ask(&app, "/revoke", &[APP], "token=refresh-1").await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, ""));
        assert_eq!(answer.header("Cache-Control"), "no-store");
        assert!(!is_valid());

        let request = Request::get("/revoke?token=access-1").header("Authorization", APP);
        let answer = send(&app, request.body(Body::empty()).expect("a request")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("Allow")),
            (405, "POST")
        );
    });
}

fn the_introspection_endpoint_is_a_route<D: TestDatabase>()
where
    Client: ClientTable<D::Conn>,
    Token: RevocableTokenTable<D::Conn, UserId = i64, Extra = ()>,
{
    let Some(scene) = Scene::<D>::set_up() else {
        return;
    };
    let app = app(&scene);
    block_on(async {
        let answer = ask(&app, "/introspect", &[APP], "token=access-1").await;
        assert_eq!(answer.status, 200);
        let body: serde_json::Value = serde_json::from_str(&answer.body).expect("is JSON");
        assert_eq!(
            (
                &body["active"],
                &body["scope"],
                &body["client_id"],
                &body["sub"]
            ),
            (&true.into(), &"profile".into(), &"app".into(), &"7".into())
        );
        let answer = ask(&app, "/introspect", &[APP], "token=unknown").await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.body),
            (200, r#"{"active":false}"#)
        );
        // `other:secret`
        let other = "Basic b3RoZXI6c2VjcmV0";
        let answer = ask(&app, "/introspect", &[other], "token=access-1").await;
        assert_eq!(answer.body, r#"{"active":false}"#);
        let answer = ask(&app, "/introspect", &[], "token=access-1").await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.error()),
            (401, "invalid_client")
        );
    });
}

#[test]
fn only_forms_of_a_bounded_size_are_taken() {
    async fn echo(form: EndpointForm) -> Result<String, Refused<OAuth2Error>> {
        Ok(form.request()?.parameter("a")?.unwrap_or("none").to_owned())
    }

    let app = Router::new()
        .route("/echo", post(echo))
        .layer(DefaultBodyLimit::max(10));
    let ask = |content_type: Option<&'static str>, body: &'static str| {
        let mut request = Request::post("/echo");
        if let Some(content_type) = content_type {
            request = request.header("Content-Type", content_type);
        }
        let request = request.body(Body::from(body)).expect("a request");
        block_on(send(&app, request))
    };
    for content_type in [
        Some(FORM),
        Some("Application/X-WWW-Form-URLEncoded ; charset=UTF-8"),
        None,
    ] {
        let answer = ask(content_type, "a=b%20c");
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "b c"));
    }
    for content_type in ["application/json", "", "application/x-www-form-urlencodedx"] {
        let answer = ask(Some(content_type), "a=b");
        assert_eq!(
            (answer.status.as_u16(), &*answer.error()),
            (400, "invalid_request")
        );
    }
    let answer = ask(Some(FORM), "a=b&a=c");
    assert_eq!(
        (answer.status.as_u16(), &*answer.error()),
        (400, "invalid_request")
    );
    let answer = ask(Some(FORM), "a=aaaaaaaaaaaaaa");
    assert_eq!(
        (answer.status.as_u16(), &*answer.error()),
        (413, "invalid_request")
    );
}
