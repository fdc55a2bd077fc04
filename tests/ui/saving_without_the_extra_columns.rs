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
#[oauth2(extra = Context)]
struct Token {
    id: i64,
    client_id: String,
    access_token: String,
    scope: String,
    issued_at: i64,
    expires_in: i64,
    #[oauth2(extra)]
    tenant: String,
}

struct Context {
    tenant: String,
}

fn save(
    pool: diesel_oauth2::pool::SharedConnection<SqliteConnection>,
    client: &dyn diesel_oauth2::OAuth2Client,
    response: &diesel_oauth2::TokenResponse,
) {
    let save_token = diesel_oauth2::create_save_token_func::<Token, _>(pool);
    let _ = save_token(response, &diesel_oauth2::TokenRequest::new(client));
}

fn main() {}
