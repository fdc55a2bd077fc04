use diesel::prelude::*;
use diesel::SqliteConnection;

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

#[derive(Queryable, Selectable)]
#[diesel(table_name = tokens)]
struct Token {
    id: i64,
    access_token: String,
}

fn query(pool: diesel_oauth2::pool::SharedConnection<SqliteConnection>) {
    let _ = diesel_oauth2::create_query_token_func::<Token, _>(pool);
}

fn main() {}
