//! One set of models on a connection that is chosen at run time.

use diesel::prelude::*;
use diesel_oauth2::pool::SharedConnection;
use diesel_oauth2::schema::{oauth2_client, oauth2_code, oauth2_token};
use diesel_oauth2::{
    ClientMetadata, OAuth2AuthorizationCode, OAuth2Client, OAuth2Token, TokenRequest,
    TokenResponse, create_bearer_token_validator, create_query_client_func,
    create_revocation_endpoint, create_save_token_func,
};

use crate::support::{TestDatabase, on_every_database};

#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    Postgres(PgConnection),
    Mysql(MysqlConnection),
    Sqlite(SqliteConnection),
}

#[derive(Queryable, Selectable, OAuth2Client)]
#[diesel(table_name = oauth2_client)]
#[oauth2(connection = AnyConnection)]
struct Client {
    client_id: String,
    client_secret: Option<String>,
    client_metadata: Option<ClientMetadata>,
}

#[derive(Queryable, Selectable, OAuth2Token)]
#[diesel(table_name = oauth2_token)]
#[oauth2(connection = AnyConnection)]
struct Token {
    id: i64,
    user_id: Option<i64>,
    client_id: String,
    access_token: String,
    refresh_token: Option<String>,
    scope: Option<String>,
    issued_at: i64,
    expires_in: i64,
    access_token_revoked_at: i64,
    refresh_token_revoked_at: i64,
}

#[derive(Queryable, Selectable, OAuth2AuthorizationCode)]
#[diesel(table_name = oauth2_code)]
#[oauth2(connection = AnyConnection)]
#[allow(dead_code)]
struct Code {
    id: i64,
    user_id: Option<i64>,
    client_id: String,
    code: String,
    redirect_uri: Option<String>,
    scope: Option<String>,
    auth_time: i64,
}

on_every_database!(models_for_a_multi_connection_save_validate_and_revoke);

fn models_for_a_multi_connection_save_validate_and_revoke<D: TestDatabase>() {
    let Some(database) = D::create_migrated() else {
        return;
    };
    D::execute(
        &mut database.connect(),
        "INSERT INTO oauth2_client (client_id, client_metadata) VALUES ('app', '{\"scope\": \"a\"}')",
    );
    let connection = AnyConnection::establish(&database.url()).expect("connects");
    let pool = SharedConnection::new(connection);

    let client = create_query_client_func::<Client, _>(pool.clone())("app")
        .expect("no error")
        .expect("is found");
    assert_eq!(client.get_allowed_scope("a b"), "a");
    let response = TokenResponse {
        refresh_token: Some("refresh".into()),
        ..TokenResponse::bearer("access")
    };
    create_save_token_func::<Token, _>(pool.clone())(
        &response,
        &TokenRequest::new(&client).user(7),
    )
    .expect("is saved");
    let validator = create_bearer_token_validator::<Token, _>(pool.clone());
    let token = validator
        .acquire_token(Some("Bearer access"), &[])
        .expect("is valid");
    assert_eq!(token.user_id, Some(7));
    let revocation = create_revocation_endpoint::<Token, _>(pool);
    let (token, kind) = revocation
        .query_token("refresh", None)
        .expect("no error")
        .expect("is found");
    assert_eq!(revocation.revoke_token(&token, kind), Ok(true));
    assert_eq!(revocation.revoke_token(&token, kind), Ok(false));
    assert!(validator.acquire_token(Some("Bearer access"), &[]).is_err());
}
