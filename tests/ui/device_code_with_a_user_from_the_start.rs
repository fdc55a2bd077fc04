use diesel::prelude::*;
use diesel_oauth2::OAuth2DeviceCode;

diesel::table! {
    device_codes (id) {
        id -> BigInt,
        device_code -> Text,
        user_code -> Text,
        client_id -> Text,
        expires_at -> BigInt,
        interval -> BigInt,
        last_polled_at -> BigInt,
        user_id -> BigInt,
        grant_id -> Nullable<BigInt>,
        approved_at -> BigInt,
        denied_at -> BigInt,
        redeemed_at -> BigInt,
    }
}

#[derive(Queryable, Selectable, OAuth2DeviceCode)]
#[diesel(table_name = device_codes)]
struct DeviceCode {
    id: i64,
    device_code: String,
    user_code: String,
    client_id: String,
    expires_at: i64,
    interval: i64,
    last_polled_at: i64,
    user_id: i64,
    grant_id: Option<i64>,
    approved_at: i64,
    denied_at: i64,
    redeemed_at: i64,
}

fn main() {}
