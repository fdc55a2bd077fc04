//! The five helpers on tables of your own: other names, a text key, chrono times, a tenant, no refresh tokens.
//!
//! `cargo run --example own_schema`

use std::error::Error;

use chrono::NaiveDateTime;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_oauth2::pool::SharedConnection;
use diesel_oauth2::{
    BearerTokenGenerator, GenerateRequest, OAuth2Client, OAuth2Token, TokenRequest,
    create_bearer_token_validator, create_query_client_func, create_query_token_func,
    create_revocation_endpoint, create_save_token_func, types::GrantType,
};

// Tables as they might stand in an application already.
const TABLES: &str = "
    CREATE TABLE apps (
        slug TEXT PRIMARY KEY NOT NULL,
        secret TEXT,
        callbacks TEXT NOT NULL,
        permissions TEXT NOT NULL
    );
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY NOT NULL,
        app TEXT NOT NULL REFERENCES apps (slug),
        member_id BIGINT NOT NULL,
        secret TEXT NOT NULL UNIQUE,
        permissions TEXT NOT NULL,
        started_at TIMESTAMP NOT NULL,
        ends_at TIMESTAMP,
        ended_at TIMESTAMP,
        tenant TEXT NOT NULL
    );
    INSERT INTO apps VALUES ('reports', NULL, 'https://reports.example/callback', 'read write');
";

diesel::table! {
    apps (slug) {
        slug -> Text,
        secret -> Nullable<Text>,
        callbacks -> Text,
        permissions -> Text,
    }
}

diesel::table! {
    sessions (id) {
        id -> Integer,
        app -> Text,
        member_id -> BigInt,
        secret -> Text,
        permissions -> Text,
        started_at -> Timestamp,
        ends_at -> Nullable<Timestamp>,
        ended_at -> Nullable<Timestamp>,
        tenant -> Text,
    }
}

#[derive(Queryable, Selectable, OAuth2Client)]
#[diesel(table_name = apps)]
#[oauth2(client_id = slug, client_secret = secret, redirect_uris = callbacks, scope = permissions)]
struct App {
    slug: String,
    secret: Option<String>,
    callbacks: String,
    permissions: String,
}

#[derive(Queryable, Selectable, OAuth2Token)]
#[diesel(table_name = sessions)]
#[oauth2(client_id = app, user_id = member_id, access_token = secret, scope = permissions)]
#[oauth2(issued_at = started_at, expires_at = ends_at, access_token_revoked_at = ended_at)]
#[oauth2(extra = Context)]
struct Session {
    id: i32,
    app: String,
    member_id: i64,
    secret: String,
    permissions: String,
    started_at: NaiveDateTime,
    ends_at: Option<NaiveDateTime>,
    ended_at: Option<NaiveDateTime>,
    #[oauth2(extra)]
    tenant: String,
}

/// What the application knows at save time and OAuth 2.0 does not.
struct Context {
    tenant: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut connection = SqliteConnection::establish(":memory:")?;
    connection.batch_execute(TABLES)?;
    let pool = SharedConnection::new(connection);

    let query_client = create_query_client_func::<App, _>(pool.clone());
    let save_token = create_save_token_func::<Session, _>(pool.clone());
    let query_token = create_query_token_func::<Session, _>(pool.clone());
    let revocation = create_revocation_endpoint::<Session, _>(pool.clone());
    let validator = create_bearer_token_validator::<Session, _>(pool).realm("reports");

    println!("-- Find the application's client");
    let app = query_client("reports")?.ok_or("the client is in the table")?;
    println!("   default redirect URI: {:?}", app.default_redirect_uri());

    println!("-- Save a token with the application's own column filled");
    let generator = BearerTokenGenerator::new();
    let request = GenerateRequest::new(GrantType::AuthorizationCode, &app).scope("read");
    let issued = generator.generate(&request)?;
    let context = Context {
        tenant: "north".into(),
    };
    save_token(&issued, &TokenRequest::new(&app).user(42).extra(context))?;

    println!("-- Query and validate it");
    let session = query_token(&issued.access_token, None)?.ok_or("the token was just saved")?;
    println!("   session {} of tenant {}", session.id, session.tenant);
    let header = format!("Bearer {}", issued.access_token);
    let token = validator.acquire_token(Some(&header), &["read"])?;
    println!("   read: granted to member {:?}", token.user_id());

    println!("-- Revoke it, and see it refused");
    let (session, kind) = revocation
        .query_token(&issued.access_token, None)?
        .ok_or("the token is there")?;
    revocation.revoke_token(&session, kind)?;
    match validator.acquire_token(Some(&header), &["read"]) {
        Ok(_) => Err("a revoked token was accepted".into()),
        Err(refused) => {
            println!("   {refused}");
            Ok(())
        }
    }
}
