//! The layer, the extractor and the routes on every database that is enabled and at hand, without a network: requests
//! go straight into the router.

/// Without the features for them, the core's awaited functions ask nothing of a database.
#[allow(dead_code)]
#[path = "../../../../tests/it/awaited/bounds.rs"]
mod awaited_bounds;
#[allow(dead_code)] // shared with the tests of diesel_oauth2, which use all of it
#[path = "../../../../tests/it/support/mod.rs"]
mod support;
mod awaited {
    pub(crate) use crate::awaited_bounds as bounds;
}

mod endpoints;
mod protection;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_oauth2::models::{Client, Token};
use diesel_oauth2::pool::PoolBuilder;
use diesel_oauth2::table::{ClientTable, RevocableTokenTable};
use diesel_oauth2::{
    TokenRequest, TokenResponse, create_query_client_func, create_save_token_func,
};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use support::TestDatabase;
use tower::ServiceExt;

type TestPool<D> = Pool<ConnectionManager<<D as TestDatabase>::Conn>>;

/// A database with the client `app`, its secret `secret`, and its tokens `access-1` and `refresh-1` of scope `profile`
/// for user 7.
struct Scene<D: TestDatabase> {
    // Dropped before the database is.
    pool: TestPool<D>,
    database: D,
}

impl<D: TestDatabase> Scene<D>
where
    Client: ClientTable<D::Conn>,
    Token: RevocableTokenTable<D::Conn, UserId = i64, Extra = ()>,
{
    fn url(&self) -> String {
        self.database.url()
    }

    fn set_up() -> Option<Self> {
        let database = D::create_migrated()?;
        D::execute(
            &mut database.connect(),
            "INSERT INTO oauth2_client (client_id, client_secret) VALUES ('app', 'secret'), ('other', 'secret')",
        );
        let pool = PoolBuilder::new(database.url()).max_size(4).build();
        let scene = Self {
            pool: pool.expect("the test database answers"),
            database,
        };
        let query_client = create_query_client_func::<Client, _>(scene.pool.clone());
        let client = query_client("app").expect("no error").expect("is found");
        let save_token = create_save_token_func::<Token, _>(scene.pool.clone());
        let response = TokenResponse {
            refresh_token: Some("refresh-1".into()),
            expires_in: Some(3600),
            scope: Some("profile".into()),
            ..TokenResponse::bearer("access-1")
        };
        save_token(&response, &TokenRequest::new(&client).user(7)).expect("is saved");
        Some(scene)
    }
}

/// What came back: status, headers, body.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str());
        value.transpose().expect("is text").unwrap_or_default()
    }

    /// The member `error` of a JSON body.
    fn error(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).expect("is JSON");
        body["error"].as_str().expect("is text").to_owned()
    }
}

async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response: Response = app.clone().oneshot(request).await.expect("is infallible");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("is whole").to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).expect("is text"),
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}
