//! Diesel-backed persistence for OAuth 2.0 servers: clients, tokens and authorization codes on SQLite, PostgreSQL and
//! MySQL/MariaDB. The Rust counterpart of authlib's `sqla_oauth2` helpers.
//!
//! You bring Diesel models and a pool, and get the storage callbacks that an OAuth 2.0 server needs:
//!
//! | function | gives |
//! | --- | --- |
//! | [`create_query_client_func`] | the client with this id |
//! | [`create_save_token_func`] | stores an issued token |
//! | [`create_query_token_func`] | the row that holds this access or refresh token |
//! | [`create_revocation_endpoint`] | an RFC 7009 endpoint |
//! | [`create_introspection_endpoint`] | an RFC 7662 endpoint |
//! | [`lifecycle::create_authorization_code_store`] | codes that are redeemed once |
//! | [`lifecycle::create_refresh_token_store`] | refresh tokens that rotate |
//! | [`lifecycle::create_device_code_store`] | device codes that a user approves (RFC 8628) |
//! | [`lifecycle::create_grant_revocation`] | 'log out everywhere' |
//! | [`lifecycle::create_pruner`] | removes what has been dead for a while |
//! | [`create_bearer_token_validator`] | an RFC 6750 validator |
//! | [`registration::create_client_registry`] | registers clients, replaces their secrets (RFC 7591) |
//! | [`create_client_authenticator`] | client authentication by basic, post or none |
//! | [`BearerTokenGenerator`] | access and refresh tokens |
//!
//! Each takes a [`ConnectionPool`](pool::ConnectionPool) and gives something that is `Clone + Send + Sync + 'static`.
//! Everything blocks, as Diesel does: on an async server call it on a blocking thread, or take the functions of the same
//! names in `asynchronous` (feature `diesel-async`).
//!
//! # Models
//!
//! [`models`] are ready for the tables of [`migrations`]. For tables of your own, put
//! [`#[derive(OAuth2Client)]`](derive@OAuth2Client), [`#[derive(OAuth2Token)]`](derive@OAuth2Token) and
//! [`#[derive(OAuth2AuthorizationCode)]`](derive@OAuth2AuthorizationCode) on your Diesel structs.
//!
//! # Errors
//!
//! Storage trouble is [`Error`], whose variants say what the caller can do; what a client did wrong is a response or a
//! challenge ([`Failure`] tells the two apart). Neither ever shows a token, a code or a secret.
//!
//! # Layers
//!
//! Each knows only those below it: the factories, [`endpoint`] and [`bearer`]; [`lookup`]; [`table`], where one method is
//! one statement; [`model`]; [`pool`]. Implement the traits of [`table`] by hand for a schema that a derive cannot
//! describe, and everything above works unchanged. To take part in a transaction of your own, call the functions that
//! take a connection: those of [`lookup`] and [`factory::save_token`].
//!
//! [`guide`] has authlib's methods one by one, and how to write an adapter for another server crate.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(unreachable_pub)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// So that the derives' paths hold in this crate too.
extern crate self as diesel_oauth2;

#[doc(hidden)]
pub mod __private;
#[cfg(feature = "diesel-async")]
#[cfg_attr(
    not(all(
        any(feature = "bb8", feature = "deadpool"),
        any(feature = "sqlite", feature = "postgres", feature = "mysql"),
    )),
    allow(dead_code, unused_imports)
)]
pub mod asynchronous;
pub mod bearer;
#[cfg(feature = "cache")]
pub mod cache;
pub mod clock;
pub mod column;
pub mod endpoint;
mod error;
pub mod factory;
pub mod guide;
mod header;
pub mod lifecycle;
pub mod lookup;
mod metadata;
pub mod migrations;
pub mod model;
pub mod models;
pub mod observer;
pub mod pool;
pub mod registration;
#[allow(missing_docs)]
pub mod schema;
mod scope;
pub mod secret;
#[doc(hidden)]
pub mod statement;
pub mod table;
#[cfg(test)]
mod test_support;
mod transaction;
pub mod types;

pub use bearer::{
    BearerChallenge, BearerError, BearerTokenGenerator, BearerTokenValidator, GenerateContext,
    GenerateRequest, TokenResponse, create_bearer_token_validator, generate_token,
};
pub use endpoint::{
    AuthenticatedClient, ClientAuthenticator, EndpointRequest, EndpointResponse, Failure,
    IntrospectionEndpoint, OAuth2Error, RevocationEndpoint, create_client_authenticator,
    create_introspection_endpoint, create_revocation_endpoint,
};
pub use error::Error;
pub use factory::{
    TokenRequest, create_query_client_func, create_query_token_func, create_save_token_func,
    create_save_token_func_with_clock,
};
pub use metadata::ClientMetadata;
pub use model::{
    OAuth2AuthorizationCode, OAuth2Client, OAuth2DeviceCode, OAuth2Grant, OAuth2Token,
};

/// Makes a Diesel model an OAuth 2.0 client: [`OAuth2Client`](trait@OAuth2Client) and
/// [`ClientTable`](table::ClientTable).
///
/// The model derives `Queryable` and `Selectable` too and names its table with `#[diesel(table_name = ...)]`. A field has
/// the role of its name; a field of another name gets its role on the struct: `#[oauth2(client_id = slug)]`.
///
/// | role | types | |
/// | --- | --- | --- |
/// | `client_id` | [`ClientIdColumn`](column::ClientIdColumn) | required |
/// | `client_secret` | [`SecretColumn`](column::SecretColumn) | |
/// | `client_id_issued_at`, `client_secret_expires_at` | [`TimeColumn`](column::TimeColumn) | |
/// | `previous_client_secret` | [`SecretColumn`](column::SecretColumn) | both required to replace |
/// | `previous_client_secret_expires_at` | [`TimeColumn`](column::TimeColumn) | a secret with an overlap |
/// | `user_id` | [`UserIdColumn`](column::UserIdColumn) | the client's owner |
/// | `client_metadata` | [`ClientMetadata`], or an `Option` of it | this or `redirect_uris` |
/// | `redirect_uris`, `grant_types`, `response_types` | [`ListColumn`](column::ListColumn) | laid over the metadata |
/// | `scope`, `token_endpoint_auth_method`, `client_name` | [`TextColumn`](column::TextColumn) | laid over the metadata |
///
/// Other fields are left to the database when a client is registered, unless they say how they are filled: see
/// [`#[derive(OAuth2Token)]`](derive@OAuth2Token).
///
/// # For which databases
/// For those of the model's `#[diesel(check_for_backend(...))]`, else for those whose features this crate has on. Another
/// connection, such as a `diesel::MultiConnection`, is named: `#[oauth2(connection = AnyConnection)]`.
///
/// ```
/// use diesel::prelude::*;
/// use diesel_oauth2::OAuth2Client;
///
/// diesel::table! {
///     apps (slug) {
///         slug -> Text,
///         secret -> Nullable<Text>,
///         callbacks -> Text,
///     }
/// }
///
/// #[derive(Queryable, Selectable, OAuth2Client)]
/// #[diesel(table_name = apps)]
/// #[oauth2(client_id = slug, client_secret = secret, redirect_uris = callbacks)]
/// struct App {
///     slug: String,
///     secret: Option<String>,
///     callbacks: String,
/// }
/// ```
pub use diesel_oauth2_derives::OAuth2Client;

/// Makes a Diesel model an issued token: [`OAuth2Token`](trait@OAuth2Token), [`TokenTable`](table::TokenTable) and, with
/// a column for it, [`RevocableTokenTable`](table::RevocableTokenTable).
///
/// The model derives `Queryable` and `Selectable` too and names its table with `#[diesel(table_name = ...)]`. A field has
/// the role of its name; a field of another name gets its role on the struct: `#[oauth2(access_token = secret)]`.
///
/// | role | types | |
/// | --- | --- | --- |
/// | `client_id` | [`ClientIdColumn`](column::ClientIdColumn) | required |
/// | `access_token` | [`SecretColumn`](column::SecretColumn) | required |
/// | `refresh_token` | [`SecretColumn`](column::SecretColumn) | without it none can be saved |
/// | `user_id` | [`UserIdColumn`](column::UserIdColumn) | |
/// | `token_type` | [`TextColumn`](column::TextColumn) | without it only `Bearer` can be saved |
/// | `scope` | [`TextColumn`](column::TextColumn) | without it none can be saved |
/// | `issued_at` | [`TimeColumn`](column::TimeColumn) | required by `expires_in` |
/// | `expires_in` | [`LifetimeColumn`](column::LifetimeColumn) | this or `expires_at` |
/// | `expires_at` | [`TimeColumn`](column::TimeColumn) | this or `expires_in` |
/// | `access_token_revoked_at` | [`RevocationColumn`](column::RevocationColumn) | required to revoke |
/// | `refresh_token_revoked_at` | [`RevocationColumn`](column::RevocationColumn) | without it both are revoked together |
/// | `extra_members` | [`MembersColumn`](column::MembersColumn) | keeps what has no column of its own |
/// | `grant_id` | [`GrantIdColumn`](column::GrantIdColumn) | the token's family, for the [`lifecycle`] |
/// | `refresh_token_rotated_at` | [`RevocationColumn`](column::RevocationColumn) | for the [`lifecycle`] |
///
/// A model with `grant_id` names the model of its grants, `#[oauth2(grant = Grant)]`, a struct with
/// [`#[derive(OAuth2Grant)]`](derive@OAuth2Grant) whose key and user are of the same types. With it and the columns for
/// both revocations and the rotation, the model is a [`FamilyTokenTable`](table::FamilyTokenTable) too.
///
/// Every other field but the primary key says how it is filled when a token is saved: `#[oauth2(extra)]` from the type
/// that the struct names with `#[oauth2(extra = Context)]`, `#[oauth2(default = path::to::function)]` by calling a
/// function, `#[oauth2(database_default)]` by the database. A primary key that the application makes takes
/// `#[oauth2(default = Uuid::new_v4)]`.
///
/// `#[oauth2(storage = Plain)]` chooses how the tokens are stored: [`Sha256`](secret::Sha256) unless said otherwise; see
/// [`SecretStorage`](secret::SecretStorage).
/// Connections are chosen as by [`#[derive(OAuth2Client)]`](derive@OAuth2Client).
///
/// ```
/// use diesel::prelude::*;
/// use diesel_oauth2::OAuth2Token;
///
/// diesel::table! {
///     sessions (id) {
///         id -> Integer,
///         app -> Text,
///         member_id -> BigInt,
///         #[max_length = 64]
///         secret -> Varchar,
///         issued_at -> BigInt,
///         expires_in -> Integer,
///         revoked -> Bool,
///         tenant -> Text,
///     }
/// }
///
/// #[derive(Queryable, Selectable, OAuth2Token)]
/// #[diesel(table_name = sessions)]
/// #[oauth2(client_id = app, user_id = member_id, access_token = secret)]
/// #[oauth2(access_token_revoked_at = revoked, extra = Context)]
/// struct Session {
///     id: i32,
///     app: String,
///     member_id: i64,
///     secret: String,
///     issued_at: i64,
///     expires_in: i32,
///     revoked: bool,
///     #[oauth2(extra)]
///     tenant: String,
/// }
///
/// struct Context {
///     tenant: String,
/// }
/// ```
pub use diesel_oauth2_derives::OAuth2Token;

/// Makes a Diesel model an authorization code: [`OAuth2AuthorizationCode`](trait@OAuth2AuthorizationCode) and
/// [`CodeTable`](table::CodeTable).
///
/// | role | types | |
/// | --- | --- | --- |
/// | `code` | [`SecretColumn`](column::SecretColumn) | required |
/// | `client_id` | [`ClientIdColumn`](column::ClientIdColumn) | required |
/// | `redirect_uri` | [`TextColumn`](column::TextColumn) | required |
/// | `auth_time` | [`TimeColumn`](column::TimeColumn) | required |
/// | `user_id` | [`UserIdColumn`](column::UserIdColumn) | |
/// | `scope`, `response_type`, `nonce`, `acr`, `amr` | [`TextColumn`](column::TextColumn) | |
/// | `code_challenge`, `code_challenge_method` | [`TextColumn`](column::TextColumn) | |
/// | `grant_id` | [`GrantIdColumn`](column::GrantIdColumn) | both required to be |
/// | `redeemed_at` | [`RevocationColumn`](column::RevocationColumn) | redeemed by the [`lifecycle`] |
///
/// Everything else is as for [`#[derive(OAuth2Token)]`](derive@OAuth2Token).
///
/// ```
/// use diesel::prelude::*;
/// use diesel_oauth2::OAuth2AuthorizationCode;
///
/// diesel::table! {
///     codes (id) {
///         id -> Integer,
///         code -> Text,
///         client_id -> Text,
///         redirect_uri -> Text,
///         auth_time -> Timestamp,
///     }
/// }
///
/// #[derive(Queryable, Selectable, OAuth2AuthorizationCode)]
/// #[diesel(table_name = codes)]
/// struct Code {
///     id: i32,
///     code: String,
///     client_id: String,
///     redirect_uri: String,
///     auth_time: chrono::NaiveDateTime,
/// }
/// ```
pub use diesel_oauth2_derives::OAuth2AuthorizationCode;

/// Makes a Diesel model a grant: [`OAuth2Grant`](trait@OAuth2Grant) and [`GrantTable`](table::GrantTable).
///
/// The primary key identifies the grant, and this crate makes it: see [`GrantKey`](column::GrantKey). `client_id`,
/// `created_at`, `last_used_at`, `expires_at` and `revoked_at` are required; `user_id` may be missing. Everything else is
/// as for [`#[derive(OAuth2Token)]`](derive@OAuth2Token).
///
/// ```
/// use diesel::prelude::*;
/// use diesel_oauth2::OAuth2Grant;
///
/// diesel::table! {
///     consents (id) {
///         id -> BigInt,
///         user_id -> Nullable<BigInt>,
///         client_id -> Text,
///         created_at -> BigInt,
///         last_used_at -> BigInt,
///         expires_at -> BigInt,
///         revoked_at -> BigInt,
///     }
/// }
///
/// #[derive(Queryable, Selectable, OAuth2Grant)]
/// #[diesel(table_name = consents)]
/// struct Consent {
///     id: i64,
///     user_id: Option<i64>,
///     client_id: String,
///     created_at: i64,
///     last_used_at: i64,
///     expires_at: i64,
///     revoked_at: i64,
/// }
/// ```
pub use diesel_oauth2_derives::OAuth2Grant;

/// Makes a Diesel model a device authorization: [`OAuth2DeviceCode`](trait@OAuth2DeviceCode) and
/// [`DeviceCodeTable`](table::DeviceCodeTable).
///
/// | role | types | |
/// | --- | --- | --- |
/// | `device_code`, `user_code` | [`SecretColumn`](column::SecretColumn) | required, each unique |
/// | `client_id` | [`ClientIdColumn`](column::ClientIdColumn) | required |
/// | `scope` | [`TextColumn`](column::TextColumn) | |
/// | `issued_at` | [`TimeColumn`](column::TimeColumn) | required to be pruned |
/// | `expires_at`, `last_polled_at` | [`TimeColumn`](column::TimeColumn) | required |
/// | `interval` | [`LifetimeColumn`](column::LifetimeColumn) | required |
/// | `user_id` | [`UserIdColumn`](column::UserIdColumn) | required, an `Option` |
/// | `grant_id` | [`GrantIdColumn`](column::GrantIdColumn) | required |
/// | `approved_at`, `denied_at`, `redeemed_at` | [`RevocationColumn`](column::RevocationColumn) | required |
///
/// Everything else is as for [`#[derive(OAuth2Token)]`](derive@OAuth2Token).
///
/// ```
/// use diesel::prelude::*;
/// use diesel_oauth2::OAuth2DeviceCode;
///
/// diesel::table! {
///     pairings (id) {
///         id -> Integer,
///         device_code -> Text,
///         user_code -> Text,
///         client_id -> Text,
///         expires_at -> BigInt,
///         seconds_between -> Integer,
///         last_polled_at -> Nullable<BigInt>,
///         user_id -> Nullable<BigInt>,
///         grant_id -> Nullable<BigInt>,
///         approved_at -> Nullable<BigInt>,
///         denied_at -> Nullable<BigInt>,
///         redeemed_at -> Nullable<BigInt>,
///     }
/// }
///
/// #[derive(Queryable, Selectable, OAuth2DeviceCode)]
/// #[diesel(table_name = pairings)]
/// #[oauth2(interval = seconds_between)]
/// struct Pairing {
///     id: i32,
///     device_code: String,
///     user_code: String,
///     client_id: String,
///     expires_at: i64,
///     seconds_between: i32,
///     last_polled_at: Option<i64>,
///     user_id: Option<i64>,
///     grant_id: Option<i64>,
///     approved_at: Option<i64>,
///     denied_at: Option<i64>,
///     redeemed_at: Option<i64>,
/// }
/// ```
pub use diesel_oauth2_derives::OAuth2DeviceCode;

/// The README's examples are tests.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;
