//! The adapter's own tables. Clients are in `diesel_oauth2::schema::oauth2_client`.

diesel::table! {
    oauth_as_access_token (access_token) {
        #[max_length = 64]
        access_token -> Varchar,
        #[max_length = 512]
        client_id -> Varchar,
        #[max_length = 255]
        subject -> Nullable<Varchar>,
        #[max_length = 255]
        family_id -> Nullable<Varchar>,
        scope -> Text,
        issued_at -> BigInt,
        expires_at -> BigInt,
        record -> Text,
    }
}

diesel::table! {
    oauth_as_refresh_token (refresh_token) {
        #[max_length = 64]
        refresh_token -> Varchar,
        #[max_length = 512]
        client_id -> Varchar,
        #[max_length = 255]
        subject -> Nullable<Varchar>,
        #[max_length = 255]
        family_id -> Varchar,
        expires_at -> Nullable<BigInt>,
        record -> Text,
        sealed -> Nullable<Text>,
    }
}

diesel::table! {
    oauth_as_code (code) {
        #[max_length = 64]
        code -> Varchar,
        #[max_length = 512]
        client_id -> Varchar,
        #[max_length = 255]
        subject -> Varchar,
        expires_at -> BigInt,
        record -> Text,
        sealed -> Nullable<Text>,
    }
}

diesel::table! {
    oauth_as_device_grant (device_code) {
        #[max_length = 64]
        device_code -> Varchar,
        #[max_length = 64]
        user_code -> Varchar,
        #[max_length = 512]
        client_id -> Varchar,
        #[max_length = 255]
        subject -> Nullable<Varchar>,
        expires_at -> BigInt,
        record -> Text,
        sealed -> Text,
        sealed_for_user -> Text,
    }
}

diesel::table! {
    oauth_as_pushed_request (request_uri) {
        #[max_length = 64]
        request_uri -> Varchar,
        #[max_length = 512]
        client_id -> Varchar,
        expires_at -> BigInt,
        sealed -> Text,
    }
}

diesel::table! {
    oauth_as_consent (consent_id) {
        #[max_length = 255]
        consent_id -> Varchar,
        #[max_length = 512]
        client_id -> Varchar,
        #[max_length = 255]
        subject -> Varchar,
        granted_at -> BigInt,
        record -> Text,
    }
}

diesel::table! {
    oauth_as_replay_id (replay_id) {
        #[max_length = 64]
        replay_id -> Varchar,
        expires_at -> BigInt,
    }
}

diesel::table! {
    oauth_as_barrier (scope) {
        #[max_length = 64]
        scope -> Varchar,
        recorded_at -> BigInt,
        expires_at -> BigInt,
    }
}
