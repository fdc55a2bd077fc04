use diesel::prelude::*;
use diesel_oauth2::OAuth2Token;

diesel::table! {
    tokens (id) {
        id -> BigInt,
        client_id -> Text,
        access_token -> Text,
        scope -> Text,
        opened -> Double,
        expires_in -> BigInt,
        tenant -> Text,
        revoked -> Bool,
    }
}

#[derive(Queryable, Selectable, OAuth2Token)]
#[diesel(table_name = tokens)]
#[oauth2(issued_at = opened)]
struct Token {
    id: i64,
    client_id: String,
    access_token: String,
    opened: f64,
    expires_in: i64,
}

fn main() {}
