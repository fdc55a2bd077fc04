//! Checklist row 43: authlib's SQLAlchemy models and ours on one database at the same time.
//!
//! The Python that `DIESEL_OAUTH2_TEST_PYTHON` names has `tests/python/requirements.txt` installed (`./test.sh` sees to
//! it). Without it the tests are skipped and say so, unless `DIESEL_OAUTH2_TEST_REQUIRE_ALL` is set.

use std::process::Command;

use diesel_oauth2::lookup::load_code;
use diesel_oauth2::models::authlib::{AuthorizationCode, Client, Token};
use diesel_oauth2::pool::{DatabaseConnection, PoolBuilder};
use diesel_oauth2::table::{ClientTable, CodeTable, RevocableTokenTable};
use diesel_oauth2::types::TokenTypeHint;
use diesel_oauth2::{
    OAuth2AuthorizationCode, OAuth2Client, OAuth2Token, TokenRequest, TokenResponse,
    create_bearer_token_validator, create_query_client_func, create_query_token_func,
    create_revocation_endpoint, create_save_token_func,
};
use serde_json::{Value, json};

use crate::support::{TestDatabase, on_every_database};

on_every_database!(
    row_43_authlib_reads_and_writes_the_migrated_tables,
    row_43_ours_reads_and_writes_the_tables_that_authlib_made,
);

fn row_43_authlib_reads_and_writes_the_migrated_tables<D: TestDatabase>()
where
    Client: ClientTable<D::Conn>,
    Token: RevocableTokenTable<D::Conn>,
    AuthorizationCode: CodeTable<D::Conn>,
{
    let Some(database) = D::create_migrated() else {
        return;
    };
    let Some(python) = Python::on(&database) else {
        return;
    };
    both_ways(&database, &python);
}

fn row_43_ours_reads_and_writes_the_tables_that_authlib_made<D: TestDatabase>()
where
    Client: ClientTable<D::Conn>,
    Token: RevocableTokenTable<D::Conn>,
    AuthorizationCode: CodeTable<D::Conn>,
{
    let Some(database) = D::create() else { return };
    let Some(python) = Python::on(&database) else {
        return;
    };
    python.call("create_tables", json!({}));
    both_ways(&database, &python);
}

fn both_ways<D: TestDatabase>(database: &D, python: &Python)
where
    D::Conn: DatabaseConnection,
    Client: ClientTable<D::Conn>,
    Token: RevocableTokenTable<D::Conn>,
    AuthorizationCode: CodeTable<D::Conn>,
{
    let pool = PoolBuilder::<D::Conn>::new(database.url())
        .build()
        .expect("connects");
    let query_client = create_query_client_func::<Client, _>(pool.clone());
    let save_token = create_save_token_func::<Token, _>(pool.clone());
    let query_token = create_query_token_func::<Token, _>(pool.clone());
    let validator = create_bearer_token_validator::<Token, _>(pool.clone());
    let revocation = create_revocation_endpoint::<Token, _>(pool.clone());
    let is_valid = |token: &str| {
        let header = format!("Bearer {token}");
        validator.acquire_token(Some(&header), &["profile"]).is_ok()
    };
    let validate_in_python =
        |token: &str| python.call("validate", json!({"token": token, "scopes": ["profile"]}));

    // A client of Python's, found by Rust.
    let metadata = json!({
        "client_name": "Größe", "scope": "profile email", "redirect_uris": ["https://a.example/cb"],
        "grant_types": ["authorization_code"], "x_unknown": {"kept": true},
    });
    python.call(
        "save_client",
        json!({"client_id": "app", "client_secret": "s3cret", "client_metadata": metadata}),
    );
    let client = query_client("app").expect("no error").expect("is found");
    assert!(client.check_client_secret("s3cret", 0));
    assert_eq!(client.get_allowed_scope("email x profile"), "email profile");
    assert_eq!(
        client.client_metadata().extra["x_unknown"],
        json!({"kept": true})
    );
    assert_eq!(
        client.default_redirect_uri().as_deref(),
        Some("https://a.example/cb")
    );

    // A token of Python's, used and revoked by Rust.
    let issued = |name: &str| {
        json!({
            "token_type": "Bearer", "access_token": format!("{name}-access"),
            "refresh_token": format!("{name}-refresh"), "scope": "profile", "expires_in": 3600,
        })
    };
    python.call(
        "save_token",
        json!({"client_id": "app", "user_id": 7, "token": issued("python")}),
    );
    assert!(is_valid("python-access"));
    let found = query_token("python-refresh", Some(TokenTypeHint::RefreshToken))
        .expect("no error")
        .expect("is found");
    assert_eq!(found.user_id(), Some(&7));
    assert_eq!(found.expires_in(), Some(3600));
    let (found, kind) = revocation
        .query_token("python-access", None)
        .expect("no error")
        .expect("is found");
    assert_eq!(validate_in_python("python-access"), "valid");
    assert_eq!(revocation.revoke_token(&found, kind), Ok(true));
    assert!(!is_valid("python-access"));
    assert_eq!(validate_in_python("python-access"), "invalid_token");

    // A token of Rust's, used and revoked by Python.
    let response: TokenResponse = serde_json::from_value(issued("rust")).expect("a response");
    save_token(&response, &TokenRequest::new(&client).user(8)).expect("is saved");
    assert_eq!(validate_in_python("rust-access"), "valid");
    for (token, hint) in [
        ("rust-access", json!("access_token")),
        ("rust-refresh", json!("refresh_token")),
        ("rust-access", Value::Null),
    ] {
        let found = python.call("query_token", json!({"token": token, "hint": hint}));
        assert_eq!(
            found,
            json!({
                "client_id": "app", "user_id": 8, "scope": "profile", "expires_in": 3600,
                "token_type": "Bearer",
            })
        );
    }
    assert!(is_valid("rust-access"));
    python.call(
        "revoke",
        json!({"token": "rust-refresh", "hint": "refresh_token"}),
    );
    assert!(!is_valid("rust-access"));
    assert_eq!(validate_in_python("rust-access"), "invalid_token");

    // A token of Rust's without user, refresh token and lifetime.
    save_token(
        &TokenResponse {
            scope: Some("profile".into()),
            ..TokenResponse::bearer("bare")
        },
        &TokenRequest::new(&client),
    )
    .expect("is saved");
    assert_eq!(validate_in_python("bare"), "valid");

    // A code of Python's, read by Rust.
    let now = chrono::Utc::now().timestamp();
    python.call(
        "save_code",
        json!({
            "code": "python-code", "client_id": "app", "user_id": 7, "scope": "profile",
            "redirect_uri": "https://a.example/cb", "nonce": "n", "auth_time": now,
            "code_challenge": "c", "code_challenge_method": "S256", "response_type": "code",
        }),
    );
    let mut connection = pool.get().expect("a connection is free");
    let code = load_code::<AuthorizationCode, _>(&mut *connection, "python-code")
        .expect("no error")
        .expect("is found");
    assert_eq!(code.redirect_uri().as_deref(), Some("https://a.example/cb"));
    assert_eq!(code.code_challenge_method().as_deref(), Some("S256"));
    assert_eq!((code.auth_time(), code.is_expired(now)), (now, false));
}

/// authlib on the test's database.
struct Python {
    interpreter: String,
    url: String,
}

impl Python {
    fn on<D: TestDatabase>(database: &D) -> Option<Self> {
        let Ok(interpreter) = std::env::var("DIESEL_OAUTH2_TEST_PYTHON") else {
            assert!(
                std::env::var_os("DIESEL_OAUTH2_TEST_REQUIRE_ALL").is_none(),
                "DIESEL_OAUTH2_TEST_PYTHON is not set, and everything is asked for"
            );
            eprintln!("skipped: DIESEL_OAUTH2_TEST_PYTHON is not set");
            return None;
        };
        let url = database.url();
        let url = match D::NAME {
            "sqlite" => format!("sqlite:///{url}"),
            "postgres" => url.replacen("postgres://", "postgresql+psycopg2://", 1),
            _ => url.replacen("mysql://", "mysql+pymysql://", 1),
        };
        Some(Self { interpreter, url })
    }

    fn call(&self, action: &str, argument: Value) -> Value {
        let output = Command::new(&self.interpreter)
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/python/interop.py"
            ))
            .args([&self.url, action, &argument.to_string()])
            .output()
            .expect("Python starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{action}: {errors}");
        serde_json::from_slice(&output.stdout).expect("prints JSON")
    }
}
