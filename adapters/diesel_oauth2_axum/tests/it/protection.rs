use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::get;
use diesel_oauth2::bearer::BearerTokenValidator;
use diesel_oauth2::models::{Client, Token, authlib};
use diesel_oauth2::table::{ClientTable, RevocableTokenTable};
use diesel_oauth2::{OAuth2Token, create_bearer_token_validator, create_revocation_endpoint};
use diesel_oauth2_axum::{CurrentToken, Refused, acquire_token, require_oauth};
use http::{HeaderMap, Request};

use crate::support::{TestDatabase, on_every_database};
use crate::{Answer, Scene, TestPool, block_on, send};

on_every_database!(
    a_valid_token_reaches_the_handler,
    each_refusal_is_as_rfc_6750_says,
    an_optional_layer_lets_who_has_no_token_through_and_nobody_else,
    a_handler_acquires_a_token_itself,
    a_database_that_is_gone_is_503_and_no_refusal,
    lookups_leave_the_async_thread_free,
);

async fn me(CurrentToken(token): CurrentToken<Token>) -> String {
    format!("{:?} may {}", token.user_id, token.scope())
}

async fn anyone(token: Option<CurrentToken<Token>>) -> String {
    format!("{:?}", token.and_then(|token| token.user_id))
}

fn validator<D: TestDatabase>(scene: &Scene<D>) -> BearerTokenValidator<Token, TestPool<D>>
where
    Token: RevocableTokenTable<D::Conn, UserId = i64, Extra = ()>,
{
    create_bearer_token_validator::<Token, _>(scene.pool.clone()).realm("api")
}

fn app<D: TestDatabase>(scene: &Scene<D>) -> Router
where
    Token: RevocableTokenTable<D::Conn, UserId = i64, Extra = ()>,
{
    let guard = || require_oauth(validator(scene));
    let with = |path, scopes: &[&'static str]| {
        Router::new()
            .route(path, get(me))
            .route_layer(guard().scopes(scopes.iter().copied()))
    };
    Router::new()
        .merge(with("/me", &["profile"]))
        .merge(with("/any-scope", &[]))
        .merge(with("/either", &["admin", "profile"]))
        .merge(with("/both", &["profile admin"]))
        .merge(
            Router::new()
                .route("/anyone", get(anyone))
                .route("/strict", get(me))
                .route_layer(guard().optional()),
        )
        .route("/unguarded", get(me))
        .route("/unguarded-anyone", get(anyone))
}

async fn ask(app: &Router, path: &str, authorization: &[&str]) -> Answer {
    let mut request = Request::get(path);
    for value in authorization {
        request = request.header("Authorization", *value);
    }
    send(app, request.body(Body::empty()).expect("a request")).await
}

fn a_valid_token_reaches_the_handler<D: TestDatabase>()
where
    Client: ClientTable<D::Conn>,
    Token: RevocableTokenTable<D::Conn, UserId = i64, Extra = ()>,
{
    let Some(scene) = Scene::<D>::set_up() else {
        return;
    };
    let app = app(&scene);
    block_on(async {
        for path in ["/me", "/any-scope", "/either", "/strict"] {
            for scheme in ["Bearer", "bearer"] {
                let answer = ask(&app, path, &[&format!("{scheme} access-1")]).await;
                assert_eq!(
                    (answer.status.as_u16(), &*answer.body),
                    (200, "Some(7) may profile")
                );
                assert_eq!(answer.header("WWW-Authenticate"), "");
            }
        }
    });
}

fn each_refusal_is_as_rfc_6750_says<D: TestDatabase>()
where
    Client: ClientTable<D::Conn>,
    Token: RevocableTokenTable<D::Conn, UserId = i64, Extra = ()>,
{
    let Some(scene) = Scene::<D>::set_up() else {
        return;
    };
    let app = app(&scene);
    block_on(async {
        let invalid = "Bearer realm=\"api\", error=\"invalid_token\", error_description=";
        let cases: [(&str, &[&str], u16, &str, &str); 8] = [
            (
                "/me",
                &[],
                401,
                "missing_authorization",
                "Bearer realm=\"api\"",
            ),
            (
                "/me",
                &[""],
                401,
                "missing_authorization",
                "Bearer realm=\"api\"",
            ),
            (
                "/me",
                &["Basic YTpi"],
                401,
                "unsupported_token_type",
                "Bearer realm=\"api\"",
            ),
            ("/me", &["Bearer unknown"], 401, "invalid_token", invalid),
            ("/me", &["Bearer refresh-1"], 401, "invalid_token", invalid),
            ("/me", &["Bearer ACCESS-1"], 401, "invalid_token", invalid),
            (
                "/me",
                &["Bearer access-1", "Bearer access-1"],
                400,
                "invalid_request",
                "Bearer realm=\"api\", error=\"invalid_request\"",
            ),
            (
                "/both",
                &["Bearer access-1"],
                403,
                "insufficient_scope",
                "Bearer realm=\"api\", error=\"insufficient_scope\"",
            ),
        ];
        for (path, authorization, status, error, challenge) in cases {
            let answer = ask(&app, path, authorization).await;
            assert_eq!(answer.status.as_u16(), status, "{authorization:?}");
            assert_eq!(answer.error(), error);
            let header = answer.header("WWW-Authenticate");
            assert!(header.starts_with(challenge), "{header}");
            assert_eq!(header.contains("scope=\"profile admin\""), status == 403);
            assert_eq!(answer.header("Content-Type"), "application/json");
        }

        let revocation = create_revocation_endpoint::<Token, _>(scene.pool.clone());
        let (token, kind) = revocation
            .query_token("access-1", None)
            .expect("no error")
            .expect("is found");
        revocation.revoke_token(&token, kind).expect("is revoked");
        let answer = ask(&app, "/me", &["Bearer access-1"]).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.error()),
            (401, "invalid_token")
        );

        // A route that was to have the layer and has none refuses everybody.
        for path in ["/unguarded", "/unguarded-anyone"] {
            let answer = ask(&app, path, &["Bearer access-1"]).await;
            assert_eq!((answer.status.as_u16(), &*answer.body), (500, ""));
        }
    });
}

fn an_optional_layer_lets_who_has_no_token_through_and_nobody_else<D: TestDatabase>()
where
    Client: ClientTable<D::Conn>,
    Token: RevocableTokenTable<D::Conn, UserId = i64, Extra = ()>,
{
    let Some(scene) = Scene::<D>::set_up() else {
        return;
    };
    let app = app(&scene);
    block_on(async {
        assert_eq!(ask(&app, "/anyone", &[]).await.body, "None");
        assert_eq!(
            ask(&app, "/anyone", &["Bearer access-1"]).await.body,
            "Some(7)"
        );
        let answer = ask(&app, "/anyone", &["Bearer unknown"]).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.error()),
            (401, "invalid_token")
        );
        let answer = ask(&app, "/anyone", &["Basic YTpi"]).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.error()),
            (401, "unsupported_token_type")
        );
        // A handler that insists on a token.
        let answer = ask(&app, "/strict", &[]).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.error()),
            (401, "missing_authorization")
        );
        assert_eq!(answer.header("WWW-Authenticate"), "Bearer realm=\"api\"");
    });
}

fn a_handler_acquires_a_token_itself<D: TestDatabase>()
where
    Client: ClientTable<D::Conn>,
    Token: RevocableTokenTable<D::Conn, UserId = i64, Extra = ()>,
{
    async fn scoped<D: TestDatabase>(
        State(validator): State<BearerTokenValidator<Token, TestPool<D>>>,
        Path(scope): Path<String>,
        headers: HeaderMap,
    ) -> Result<String, Refused>
    where
        Token: RevocableTokenTable<D::Conn, UserId = i64, Extra = ()>,
    {
        let token = acquire_token(&validator, &headers, &[&scope]).await?;
        Ok(format!("{:?}", token.user_id))
    }

    let Some(scene) = Scene::<D>::set_up() else {
        return;
    };
    let app = Router::new()
        .route("/scoped/{scope}", get(scoped::<D>))
        .with_state(validator(&scene));
    block_on(async {
        assert_eq!(
            ask(&app, "/scoped/profile", &["Bearer access-1"])
                .await
                .body,
            "Some(7)"
        );
        let answer = ask(&app, "/scoped/admin", &["Bearer access-1"]).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.error()),
            (403, "insufficient_scope")
        );
        assert_eq!(ask(&app, "/scoped/profile", &[]).await.status, 401);
    });
}

fn a_database_that_is_gone_is_503_and_no_refusal<D: TestDatabase>()
where
    Client: ClientTable<D::Conn>,
    Token: RevocableTokenTable<D::Conn, UserId = i64, Extra = ()>,
{
    let Some(scene) = Scene::<D>::set_up() else {
        return;
    };
    // Every connection is taken, and the pool waits half a second only.
    let pool = diesel_oauth2::pool::PoolBuilder::<D::Conn>::new(scene.url())
        .max_size(1)
        .connection_timeout(Duration::from_millis(500))
        .build()
        .expect("the test database answers");
    let _taken = pool.get().expect("a connection is free");
    let validator = create_bearer_token_validator::<Token, _>(pool.clone());
    let app = Router::new()
        .route("/me", get(me))
        .route_layer(require_oauth(validator));
    block_on(async {
        let answer = ask(&app, "/me", &["Bearer access-1"]).await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("Retry-After"), "1");
        assert_eq!(answer.error(), "temporarily_unavailable");
        // That needs no database.
        assert_eq!(ask(&app, "/me", &[]).await.status, 401);
    });
}

fn lookups_leave_the_async_thread_free<D: TestDatabase>()
where
    Client: ClientTable<D::Conn>,
    Token: RevocableTokenTable<D::Conn, UserId = i64, Extra = ()>,
{
    let Some(scene) = Scene::<D>::set_up() else {
        return;
    };
    let pool = diesel_oauth2::pool::PoolBuilder::<D::Conn>::new(scene.url())
        .max_size(1)
        .build()
        .expect("the test database answers");
    let validator = create_bearer_token_validator::<Token, _>(pool.clone());
    let app = Router::new()
        .route("/me", get(me))
        .route_layer(require_oauth(validator));
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(async {
            // The one connection is taken while the look-up begins. Were it made on this thread, nobody could ever give
            // the connection back.
            let taken = pool.get().expect("a connection is free");
            let waiting = tokio::spawn({
                let app = app.clone();
                async move { ask(&app, "/me", &["Bearer access-1"]).await }
            });
            tokio::task::yield_now().await;
            drop(taken);
            assert_eq!(waiting.await.expect("no panic").status, 200);
        });
}

#[cfg(feature = "sqlite")]
#[test]
fn a_token_of_another_model_is_a_mistake_in_the_program() {
    async fn me(token: CurrentToken<authlib::Token>) -> String {
        token.scope().into_owned()
    }

    let scene = Scene::<crate::support::Sqlite>::set_up().expect("needs no server");
    let app = Router::new()
        .route("/me", get(me))
        .route_layer(require_oauth(validator(&scene)));
    let answer = block_on(ask(&app, "/me", &["Bearer access-1"]));
    assert_eq!((answer.status.as_u16(), &*answer.body), (500, ""));
}

#[test]
fn nothing_of_a_token_is_shown() {
    let debug = format!("{:?}", CurrentToken(std::sync::Arc::new("s3cret")));
    assert_eq!(debug, "CurrentToken { .. }");
}
