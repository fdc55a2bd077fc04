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

#[derive(OAuth2Token)]
struct Token {
    id: i64,
    client_id: String,
    access_token: String,
    issued_at: i64,
    expires_in: i64,
}

fn main() {}
