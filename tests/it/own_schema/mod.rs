//! A schema of the user's own: other table and column names, UUID keys, chrono times, and a tenant column that must be
//! filled. One module a database, because each has its own type for a UUID.

/// What fills the own schema's extra columns.
#[derive(Clone, Debug)]
pub struct Context {
    pub tenant: String,
    pub device: Option<String>,
}

/// The same table with secrets stored in one way or the other.
macro_rules! access_grant {
    ($name:ident, $storage:ident, $backend:ty, $uuid:ty) => {
        #[derive(Clone, Queryable, Selectable, OAuth2Token)]
        #[diesel(table_name = access_grants)]
        #[diesel(check_for_backend($backend))]
        #[oauth2(client_id = app, user_id = owner, token_type = kind, access_token = secret)]
        #[oauth2(refresh_token = renewal, scope = permissions, issued_at = created)]
        #[oauth2(expires_at = "good_until", access_token_revoked_at = withdrawn)]
        #[oauth2(refresh_token_revoked_at = renewal_withdrawn, extra_members = answer)]
        #[oauth2(extra = Context, storage = $storage)]
        #[oauth2(grant = Family, grant_id = family, refresh_token_rotated_at = renewal_used)]
        #[allow(dead_code)] // the tests read some columns in SQL only
        pub struct $name {
            #[oauth2(default = <$uuid>::new_v4)]
            pub id: $uuid,
            pub app: $uuid,
            pub owner: Option<$uuid>,
            pub kind: String,
            pub secret: String,
            pub renewal: Option<String>,
            pub permissions: String,
            pub created: NaiveDateTime,
            pub good_until: Option<NaiveDateTime>,
            pub withdrawn: Option<NaiveDateTime>,
            pub renewal_withdrawn: Option<NaiveDateTime>,
            pub answer: Option<String>,
            #[oauth2(extra)]
            pub tenant: String,
            #[oauth2(extra)]
            pub device: Option<String>,
            #[oauth2(database_default)]
            pub note: String,
            pub family: Option<$uuid>,
            pub renewal_used: Option<NaiveDateTime>,
        }
    };
}

/// The models, for a database whose UUID column has the SQL type `$sql_uuid` and the Rust type `$uuid`, and whose times
/// have the SQL type `$timestamp`.
macro_rules! models {
    ($backend:ty, $sql_uuid:ident, $uuid:ty, $timestamp:ident) => {
        use chrono::NaiveDateTime;
        use diesel::prelude::*;
        use diesel_oauth2::{
            ClientMetadata, OAuth2AuthorizationCode, OAuth2Client, OAuth2DeviceCode, OAuth2Grant,
            OAuth2Token,
        };

        use super::Context;

        diesel::table! {
            use diesel::sql_types::*;

            apps (key) {
                key -> $sql_uuid,
                passphrase -> Nullable<Text>,
                registered -> $timestamp,
                passphrase_until -> Nullable<$timestamp>,
                settings -> Text,
                redirects -> Text,
                former_passphrase -> Nullable<Text>,
                former_until -> Nullable<$timestamp>,
            }
        }

        diesel::table! {
            use diesel::sql_types::*;

            access_grants (id) {
                id -> $sql_uuid,
                app -> $sql_uuid,
                owner -> Nullable<$sql_uuid>,
                kind -> Text,
                #[max_length = 60]
                secret -> Text,
                #[max_length = 60]
                renewal -> Nullable<Text>,
                permissions -> Text,
                created -> $timestamp,
                good_until -> Nullable<$timestamp>,
                withdrawn -> Nullable<$timestamp>,
                renewal_withdrawn -> Nullable<$timestamp>,
                answer -> Nullable<Text>,
                #[max_length = 20]
                tenant -> Text,
                device -> Nullable<Text>,
                note -> Text,
                family -> Nullable<$sql_uuid>,
                renewal_used -> Nullable<$timestamp>,
            }
        }

        diesel::table! {
            use diesel::sql_types::*;

            consents (id) {
                id -> $sql_uuid,
                secret -> Text,
                app -> $sql_uuid,
                owner -> $sql_uuid,
                redirect -> Text,
                permissions -> Text,
                happened -> $timestamp,
                challenge -> Nullable<Text>,
                challenge_method -> Nullable<Text>,
                once -> Nullable<Text>,
                tenant -> Text,
                family -> Nullable<$sql_uuid>,
                redeemed -> Nullable<$timestamp>,
            }
        }

        diesel::table! {
            use diesel::sql_types::*;

            families (id) {
                id -> $sql_uuid,
                app -> $sql_uuid,
                owner -> Nullable<$sql_uuid>,
                begun -> $timestamp,
                used -> $timestamp,
                until -> Nullable<$timestamp>,
                ended -> Nullable<$timestamp>,
            }
        }

        diesel::table! {
            use diesel::sql_types::*;

            pairings (id) {
                id -> $sql_uuid,
                secret -> Text,
                typed -> Text,
                app -> $sql_uuid,
                permissions -> Text,
                begun -> $timestamp,
                good_until -> $timestamp,
                wait -> Integer,
                asked -> Nullable<$timestamp>,
                owner -> Nullable<$sql_uuid>,
                family -> Nullable<$sql_uuid>,
                allowed -> Nullable<$timestamp>,
                refused -> Bool,
                fetched -> Nullable<$timestamp>,
                tenant -> Text,
            }
        }

        #[derive(Clone, Queryable, Selectable, OAuth2DeviceCode)]
        #[diesel(table_name = pairings)]
        #[diesel(check_for_backend($backend))]
        #[oauth2(device_code = secret, user_code = typed, client_id = app, scope = permissions)]
        #[oauth2(issued_at = begun, expires_at = good_until, interval = wait)]
        #[oauth2(last_polled_at = asked, user_id = owner, grant_id = family)]
        #[oauth2(approved_at = allowed, denied_at = refused, redeemed_at = fetched)]
        #[oauth2(extra = Context)]
        #[allow(dead_code)] // the tests read some columns in SQL only
        pub struct Pairing {
            #[oauth2(default = <$uuid>::new_v4)]
            pub id: $uuid,
            pub secret: String,
            pub typed: String,
            pub app: $uuid,
            pub permissions: String,
            pub begun: NaiveDateTime,
            pub good_until: NaiveDateTime,
            pub wait: i32,
            pub asked: Option<NaiveDateTime>,
            pub owner: Option<$uuid>,
            pub family: Option<$uuid>,
            pub allowed: Option<NaiveDateTime>,
            pub refused: bool,
            pub fetched: Option<NaiveDateTime>,
            #[oauth2(extra)]
            pub tenant: String,
        }

        #[derive(Clone, Queryable, Selectable, OAuth2Grant)]
        #[diesel(table_name = families)]
        #[diesel(check_for_backend($backend))]
        #[oauth2(client_id = app, user_id = owner, created_at = begun, last_used_at = used)]
        #[oauth2(expires_at = until, revoked_at = ended)]
        #[allow(dead_code)] // the tests read some columns in SQL only
        pub struct Family {
            pub id: $uuid,
            pub app: $uuid,
            pub owner: Option<$uuid>,
            pub begun: NaiveDateTime,
            pub used: NaiveDateTime,
            pub until: Option<NaiveDateTime>,
            pub ended: Option<NaiveDateTime>,
        }

        #[derive(Clone, Queryable, Selectable, OAuth2Client)]
        #[diesel(table_name = apps)]
        #[diesel(check_for_backend($backend))]
        #[oauth2(client_id = key, client_secret = passphrase, client_id_issued_at = registered)]
        #[oauth2(client_secret_expires_at = passphrase_until, client_metadata = settings)]
        #[oauth2(redirect_uris = redirects, previous_client_secret = former_passphrase)]
        #[oauth2(previous_client_secret_expires_at = former_until)]
        pub struct App {
            pub key: $uuid,
            pub passphrase: Option<String>,
            pub registered: NaiveDateTime,
            pub passphrase_until: Option<NaiveDateTime>,
            pub settings: ClientMetadata,
            pub redirects: String,
            pub former_passphrase: Option<String>,
            pub former_until: Option<NaiveDateTime>,
        }

        access_grant!(AccessGrant, Sha256, $backend, $uuid);
        access_grant!(PlainAccessGrant, Plain, $backend, $uuid);
        access_grant!(EitherAccessGrant, Sha256OrPlain, $backend, $uuid);
        access_grant!(MovingAccessGrant, Sha256RewritingPlain, $backend, $uuid);

        #[derive(Clone, Queryable, Selectable, OAuth2AuthorizationCode)]
        #[diesel(table_name = consents)]
        #[diesel(check_for_backend($backend))]
        #[oauth2(code = secret, client_id = app, user_id = owner, redirect_uri = redirect)]
        #[oauth2(scope = permissions, auth_time = happened, code_challenge = challenge)]
        #[oauth2(code_challenge_method = challenge_method, extra = Context)]
        #[oauth2(grant_id = family, redeemed_at = redeemed, nonce = once)]
        #[allow(dead_code)] // the tests read some columns in SQL only
        pub struct Consent {
            #[oauth2(default = <$uuid>::new_v4)]
            pub id: $uuid,
            pub secret: String,
            pub app: $uuid,
            pub owner: $uuid,
            pub redirect: String,
            pub permissions: String,
            pub happened: NaiveDateTime,
            pub challenge: Option<String>,
            pub challenge_method: Option<String>,
            pub once: Option<String>,
            #[oauth2(extra)]
            pub tenant: String,
            pub family: Option<$uuid>,
            pub redeemed: Option<NaiveDateTime>,
        }
    };
}

/// Tables with the database's own default collation, as an application's are: `$uuid` is the type of keys.
#[allow(unused_macros)]
macro_rules! tables {
    ($uuid:literal, $timestamp:literal) => {
        concat!(
            "CREATE TABLE apps (
                `key` ",
            $uuid,
            " NOT NULL PRIMARY KEY,
                passphrase VARCHAR(255),
                registered ",
            $timestamp,
            " NOT NULL,
                passphrase_until ",
            $timestamp,
            " NULL,
                settings TEXT NOT NULL,
                redirects TEXT NOT NULL,
                former_passphrase VARCHAR(255),
                former_until ",
            $timestamp,
            " NULL
            );
            CREATE TABLE access_grants (
                id ",
            $uuid,
            " NOT NULL PRIMARY KEY,
                app ",
            $uuid,
            " NOT NULL,
                owner ",
            $uuid,
            ",
                kind VARCHAR(40) NOT NULL,
                secret VARCHAR(60) NOT NULL UNIQUE,
                renewal VARCHAR(60),
                permissions TEXT NOT NULL,
                created ",
            $timestamp,
            " NOT NULL,
                good_until ",
            $timestamp,
            " NULL,
                withdrawn ",
            $timestamp,
            " NULL,
                renewal_withdrawn ",
            $timestamp,
            " NULL,
                answer TEXT,
                tenant VARCHAR(20) NOT NULL,
                device TEXT,
                note VARCHAR(20) NOT NULL DEFAULT 'by the database',
                family ",
            $uuid,
            ",
                renewal_used ",
            $timestamp,
            " NULL,
                CONSTRAINT grant_app FOREIGN KEY (app) REFERENCES apps (`key`)
            );
            CREATE INDEX access_grants_renewal ON access_grants (renewal);
            CREATE TABLE consents (
                id ",
            $uuid,
            " NOT NULL PRIMARY KEY,
                secret VARCHAR(60) NOT NULL UNIQUE,
                app ",
            $uuid,
            " NOT NULL,
                owner ",
            $uuid,
            " NOT NULL,
                redirect TEXT NOT NULL,
                permissions TEXT NOT NULL,
                happened ",
            $timestamp,
            " NOT NULL,
                challenge TEXT,
                challenge_method VARCHAR(48),
                once TEXT,
                tenant VARCHAR(20) NOT NULL,
                family ",
            $uuid,
            ",
                redeemed ",
            $timestamp,
            " NULL
            );
            CREATE INDEX access_grants_family ON access_grants (family);
            CREATE TABLE families (
                id ",
            $uuid,
            " NOT NULL PRIMARY KEY,
                app ",
            $uuid,
            " NOT NULL,
                owner ",
            $uuid,
            ",
                begun ",
            $timestamp,
            " NOT NULL,
                used ",
            $timestamp,
            " NOT NULL,
                until ",
            $timestamp,
            " NULL,
                ended ",
            $timestamp,
            " NULL
            );
            CREATE TABLE pairings (
                id ",
            $uuid,
            " NOT NULL PRIMARY KEY,
                secret VARCHAR(60) NOT NULL UNIQUE,
                typed VARCHAR(60) NOT NULL UNIQUE,
                app ",
            $uuid,
            " NOT NULL,
                permissions TEXT NOT NULL,
                begun ",
            $timestamp,
            " NOT NULL,
                good_until ",
            $timestamp,
            " NOT NULL,
                wait INTEGER NOT NULL,
                asked ",
            $timestamp,
            " NULL,
                owner ",
            $uuid,
            ",
                family ",
            $uuid,
            ",
                allowed ",
            $timestamp,
            " NULL,
                refused BOOLEAN NOT NULL,
                fetched ",
            $timestamp,
            " NULL,
                tenant VARCHAR(20) NOT NULL
            );
            CREATE INDEX pairings_begun ON pairings (begun);"
        )
    };
}

/// A UUID as text, for the databases without a type for it.
#[allow(dead_code)]
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    diesel::expression::AsExpression,
    diesel::deserialize::FromSqlRow,
)]
#[diesel(sql_type = diesel::sql_types::Text)]
pub struct TextUuid(pub uuid::Uuid);

#[allow(dead_code)]
impl TextUuid {
    pub fn new_v4() -> Self {
        Self(uuid::Uuid::new_v4())
    }
}

impl diesel_oauth2::column::Identifier for TextUuid {
    type Bound<'a> = Self;

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    fn to_text(&self) -> std::borrow::Cow<'_, str> {
        self.0.to_string().into()
    }
}

impl diesel_oauth2::column::GrantKey for TextUuid {
    fn generate() -> Result<Self, diesel_oauth2::Error> {
        Ok(Self::new_v4())
    }
}

impl<DB> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for TextUuid
where
    DB: diesel::backend::Backend,
    String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
        Ok(Self(String::from_sql(bytes)?.parse()?))
    }
}

#[cfg(feature = "sqlite")]
pub mod sqlite {
    use super::TextUuid;

    models!(diesel::sqlite::Sqlite, Text, TextUuid, Timestamp);

    pub const TABLES: &str = tables!("VARCHAR(36)", "TIMESTAMP");

    impl diesel::serialize::ToSql<diesel::sql_types::Text, diesel::sqlite::Sqlite> for TextUuid {
        fn to_sql<'b>(
            &'b self,
            out: &mut diesel::serialize::Output<'b, '_, diesel::sqlite::Sqlite>,
        ) -> diesel::serialize::Result {
            out.set_value(self.0.to_string());
            Ok(diesel::serialize::IsNull::No)
        }
    }
}

#[cfg(all(feature = "postgres", feature = "uuid"))]
pub mod postgres {
    use uuid::Uuid;

    models!(diesel::pg::Pg, Uuid, Uuid, Timestamp);

    /// PostgreSQL quotes identifiers otherwise.
    pub fn tables() -> String {
        tables!("UUID", "TIMESTAMP").replace('`', "\"")
    }
}

#[cfg(feature = "mysql")]
pub mod mysql {
    use super::TextUuid;

    models!(diesel::mysql::Mysql, Text, TextUuid, Datetime);

    pub const TABLES: &str = tables!("VARCHAR(36)", "DATETIME");

    impl diesel::serialize::ToSql<diesel::sql_types::Text, diesel::mysql::Mysql> for TextUuid {
        fn to_sql<'b>(
            &'b self,
            out: &mut diesel::serialize::Output<'b, '_, diesel::mysql::Mysql>,
        ) -> diesel::serialize::Result {
            std::io::Write::write_all(out, self.0.to_string().as_bytes())?;
            Ok(diesel::serialize::IsNull::No)
        }
    }
}
