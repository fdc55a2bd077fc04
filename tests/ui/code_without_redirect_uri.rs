use diesel::prelude::*;
use diesel_oauth2::OAuth2AuthorizationCode;

diesel::table! {
    codes (id) {
        id -> BigInt,
        code -> Text,
        client_id -> Text,
        auth_time -> BigInt,
    }
}

#[derive(Queryable, Selectable, OAuth2AuthorizationCode)]
#[diesel(table_name = codes)]
struct Code {
    id: i64,
    code: String,
    client_id: String,
    auth_time: i64,
}

fn main() {}
