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
    scope: String,
    issued_at: i64,
    expires_in: i64,
}

fn revocation(pool: diesel_oauth2::pool::SharedConnection<SqliteConnection>) {
    let _ = diesel_oauth2::create_revocation_endpoint::<Token, _>(pool);
}

fn main() {}
