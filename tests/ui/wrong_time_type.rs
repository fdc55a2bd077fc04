use diesel::prelude::*;
use diesel_oauth2::OAuth2Token;

diesel::table! {
    tokens (id) {
        id -> BigInt,
        client_id -> Text,
        access_token -> Text,
        scope -> Text,
        issued_at -> BigInt,
        expires_in -> BigInt,
        tenant -> Text,
        revoked -> Bool,
    }
}

#[derive(Queryable, Selectable, OAuth2Token)]
#[diesel(table_name = tokens)]
struct Token {
    id: i64,
    client_id: String,
    access_token: String,
    #[diesel(deserialize_as = i64)]
    issued_at: String,
    expires_in: i64,
}

fn main() {}
