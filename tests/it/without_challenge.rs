//! Codes of a table that keeps no challenge, no scope and nothing of OpenID Connect.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_oauth2::pool::SharedConnection;
use diesel_oauth2::{Error, OAuth2AuthorizationCode, models};

use diesel_oauth2::lifecycle::{CodeRequest, create_authorization_code_store};

diesel::table! {
    bare_codes (id) {
        id -> Integer,
        code -> Text,
        client_id -> Text,
        user_id -> BigInt,
        redirect_uri -> Text,
        auth_time -> BigInt,
        grant_id -> Nullable<BigInt>,
        redeemed_at -> Nullable<BigInt>,
    }
}

#[derive(Queryable, Selectable, OAuth2AuthorizationCode)]
#[diesel(table_name = bare_codes)]
#[diesel(check_for_backend(diesel::sqlite::Sqlite))]
struct BareCode {
    id: i32,
    code: String,
    client_id: String,
    user_id: i64,
    redirect_uri: String,
    auth_time: i64,
    grant_id: Option<i64>,
    redeemed_at: Option<i64>,
}

#[test]
fn rows_11_and_33_what_a_model_of_codes_cannot_keep_is_refused() {
    let mut connection = SqliteConnection::establish(":memory:").expect("opens");
    connection
        .batch_execute(
            "CREATE TABLE bare_codes (id INTEGER NOT NULL PRIMARY KEY, code TEXT NOT NULL UNIQUE,
                     client_id TEXT NOT NULL, user_id BIGINT NOT NULL, redirect_uri TEXT NOT NULL,
                     auth_time BIGINT NOT NULL, grant_id BIGINT, redeemed_at BIGINT)",
        )
        .expect("the table is made");
    let pool = SharedConnection::new(connection);
    let codes = create_authorization_code_store::<BareCode, models::Token, _>(pool);
    let client = models::Client {
        id: 1,
        user_id: None,
        client_id: "app".into(),
        client_secret: None,
        client_id_issued_at: 0,
        client_secret_expires_at: 0,
        client_metadata: None,
        previous_client_secret: None,
        previous_client_secret_expires_at: 0,
    };
    let request = CodeRequest::new(&client)
        .user(1)
        .redirect_uri("https://a.example/cb");
    codes.save("bare", &request).expect("is saved");
    // The response type of a code is `code`, and no scope is an empty one: nothing is lost.
    let nothing = request.clone().scope("").response_type("code");
    codes.save("nothing", &nothing).expect("is saved");
    let request = || request.clone();
    for (lost, request) in [
        ("code_challenge", request().code_challenge("x", "plain")),
        ("scope", request().scope("profile")),
        ("response_type", request().response_type("code id_token")),
        ("nonce", request().nonce("n-0S6_WzA2Mj")),
        ("acr", request().acr("urn:mace:incommon:iap:silver")),
        ("amr", request().amr("pwd otp")),
    ] {
        let Err(Error::InvalidValue { column, reason }) = codes.save("refused", &request) else {
            panic!("{lost} is kept nowhere");
        };
        assert_eq!(column, lost);
        let attribute = format!("#[oauth2({lost} = your_field)]");
        assert!(reason.ends_with(&attribute), "{reason}");
    }
}
