use diesel::prelude::*;
use diesel_oauth2::OAuth2Token;

diesel::table! {
    tokens (id) {
        id -> BigInt,
        client_id -> Text,
        access_token -> Text,
        issued_at -> BigInt,
        expires_in -> BigInt,
        grant_id -> Nullable<BigInt>,
    }
}

#[derive(Queryable, Selectable, OAuth2Token)]
#[diesel(table_name = tokens)]
struct Token {
    id: i64,
    client_id: String,
    access_token: String,
    issued_at: i64,
    expires_in: i64,
    grant_id: Option<i64>,
}

fn main() {}
