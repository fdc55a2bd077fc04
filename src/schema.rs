// @generated automatically by Diesel CLI.

diesel::table! {
    oauth2_client (id) {
        id -> Int8,
        user_id -> Nullable<Int8>,
        #[max_length = 48]
        client_id -> Varchar,
        #[max_length = 255]
        client_secret -> Nullable<Varchar>,
        client_id_issued_at -> Int8,
        client_secret_expires_at -> Int8,
        client_metadata -> Nullable<Text>,
        #[max_length = 255]
        previous_client_secret -> Nullable<Varchar>,
        previous_client_secret_expires_at -> Int8,
    }
}

diesel::table! {
    oauth2_code (id) {
        id -> Int8,
        user_id -> Nullable<Int8>,
        #[max_length = 120]
        code -> Varchar,
        #[max_length = 48]
        client_id -> Varchar,
        redirect_uri -> Nullable<Text>,
        response_type -> Nullable<Text>,
        scope -> Nullable<Text>,
        nonce -> Nullable<Text>,
        auth_time -> Int8,
        acr -> Nullable<Text>,
        amr -> Nullable<Text>,
        code_challenge -> Nullable<Text>,
        #[max_length = 48]
        code_challenge_method -> Nullable<Varchar>,
        grant_id -> Nullable<Int8>,
        redeemed_at -> Int8,
    }
}

diesel::table! {
    oauth2_device_code (id) {
        id -> Int8,
        #[max_length = 120]
        device_code -> Varchar,
        #[max_length = 120]
        user_code -> Varchar,
        #[max_length = 48]
        client_id -> Varchar,
        scope -> Nullable<Text>,
        issued_at -> Int8,
        expires_at -> Int8,
        poll_interval -> Int8,
        last_polled_at -> Int8,
        user_id -> Nullable<Int8>,
        grant_id -> Nullable<Int8>,
        approved_at -> Int8,
        denied_at -> Int8,
        redeemed_at -> Int8,
    }
}

diesel::table! {
    oauth2_grant (id) {
        id -> Int8,
        user_id -> Nullable<Int8>,
        #[max_length = 48]
        client_id -> Varchar,
        created_at -> Int8,
        last_used_at -> Int8,
        expires_at -> Int8,
        revoked_at -> Int8,
    }
}

diesel::table! {
    oauth2_token (id) {
        id -> Int8,
        user_id -> Nullable<Int8>,
        #[max_length = 48]
        client_id -> Varchar,
        #[max_length = 40]
        token_type -> Nullable<Varchar>,
        #[max_length = 255]
        access_token -> Varchar,
        #[max_length = 255]
        refresh_token -> Nullable<Varchar>,
        scope -> Nullable<Text>,
        issued_at -> Int8,
        access_token_revoked_at -> Int8,
        refresh_token_revoked_at -> Int8,
        expires_in -> Int8,
        grant_id -> Nullable<Int8>,
        refresh_token_rotated_at -> Int8,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    oauth2_client,
    oauth2_code,
    oauth2_device_code,
    oauth2_grant,
    oauth2_token,
);
