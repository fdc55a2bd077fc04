use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use diesel_oauth2::migrations::{self, MigrationTarget};
use diesel_oauth2::pool::DatabaseConnection;
use diesel_oauth2::schema::oauth2_client;
use diesel_oauth2::table::{ClientTable, DeviceCodeTable, FamilyTokenTable, RedeemableCodeTable};
use diesel_oauth2::{ClientMetadata, models};

/// The example's own migrations, which run beside those of `diesel_oauth2` in the same database.
const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

diesel::table! {
    demo_user (id) {
        id -> BigInt,
        #[max_length = 64]
        username -> Varchar,
        #[max_length = 255]
        password -> Varchar,
    }
}

/// Somebody who can log in.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = demo_user)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) username: String,
    /// As an argon2 PHC string.
    pub(crate) password: String,
}

/// A client as the example registers it.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = oauth2_client)]
pub(crate) struct NewClient<'a> {
    pub(crate) client_id: &'a str,
    /// As an argon2 PHC string; `None` for a public client, and where the stored one is to stay.
    pub(crate) client_secret: Option<&'a str>,
    pub(crate) client_id_issued_at: i64,
    pub(crate) client_metadata: ClientMetadata,
}

pub(crate) type Connections<D> = Pool<ConnectionManager<<D as Database>::Connection>>;

/// A database with its models, so that everything else is written once. A server that knows its database needs none of
/// this: it names the connection and the models where it calls the factories.
pub(crate) trait Database: Send + Sync + 'static {
    type Connection: DatabaseConnection + MigrationTarget;
    type Client: ClientTable<Self::Connection>;
    type Code: RedeemableCodeTable<Self::Connection, UserId = i64, GrantId = i64, Extra = ()>;
    type DeviceCode: DeviceCodeTable<Self::Connection, UserId = i64, GrantId = i64, Extra = ()>;
    type Token: FamilyTokenTable<Self::Connection, UserId = i64, GrantId = i64, Extra = ()> + Sync;

    fn migrate(conn: &mut Self::Connection) -> Result<(), Box<dyn std::error::Error>>;

    fn find_user(conn: &mut Self::Connection, id: i64) -> QueryResult<Option<User>>;

    fn find_user_by_name(conn: &mut Self::Connection, username: &str) -> QueryResult<Option<User>>;

    /// Stores a new user; the id is given.
    fn insert_user(conn: &mut Self::Connection, username: &str, password: &str) -> QueryResult<()>;

    fn set_password(conn: &mut Self::Connection, id: i64, password: &str) -> QueryResult<()>;

    fn insert_client(conn: &mut Self::Connection, client: &NewClient<'_>) -> QueryResult<()>;

    /// Changes the client of this id; without a secret the stored one stays.
    fn update_client(conn: &mut Self::Connection, client: &NewClient<'_>) -> QueryResult<()>;
}

macro_rules! database {
    ($name:ident, $connection:ty) => {
        pub(crate) enum $name {}

        impl Database for $name {
            type Connection = $connection;
            type Client = models::Client;
            type Code = models::AuthorizationCode;
            type DeviceCode = models::DeviceCode;
            type Token = models::Token;

            fn migrate(conn: &mut Self::Connection) -> Result<(), Box<dyn std::error::Error>> {
                migrations::run(conn)?;
                match conn.run_pending_migrations(MIGRATIONS) {
                    Ok(_) => Ok(()),
                    Err(error) => Err(error),
                }
            }

            fn find_user(conn: &mut Self::Connection, id: i64) -> QueryResult<Option<User>> {
                let query = demo_user::table.find(id).select(User::as_select());
                query.first(conn).optional()
            }

            fn find_user_by_name(
                conn: &mut Self::Connection,
                username: &str,
            ) -> QueryResult<Option<User>> {
                let query = demo_user::table.filter(demo_user::username.eq(username));
                query.select(User::as_select()).first(conn).optional()
            }

            fn insert_user(
                conn: &mut Self::Connection,
                username: &str,
                password: &str,
            ) -> QueryResult<()> {
                let last: Option<i64> = demo_user::table
                    .select(diesel::dsl::max(demo_user::id))
                    .first(conn)?;
                diesel::insert_into(demo_user::table)
                    .values(User {
                        id: last.unwrap_or(0) + 1,
                        username: username.to_owned(),
                        password: password.to_owned(),
                    })
                    .execute(conn)?;
                Ok(())
            }

            fn set_password(
                conn: &mut Self::Connection,
                id: i64,
                password: &str,
            ) -> QueryResult<()> {
                diesel::update(demo_user::table.find(id))
                    .set(demo_user::password.eq(password))
                    .execute(conn)?;
                Ok(())
            }

            fn insert_client(
                conn: &mut Self::Connection,
                client: &NewClient<'_>,
            ) -> QueryResult<()> {
                diesel::insert_into(oauth2_client::table)
                    .values(client)
                    .execute(conn)?;
                Ok(())
            }

            fn update_client(
                conn: &mut Self::Connection,
                client: &NewClient<'_>,
            ) -> QueryResult<()> {
                let found =
                    oauth2_client::table.filter(oauth2_client::client_id.eq(client.client_id));
                diesel::update(found).set(client).execute(conn)?;
                Ok(())
            }
        }
    };
}

database!(Sqlite, SqliteConnection);
#[cfg(feature = "postgres")]
database!(Postgres, PgConnection);
#[cfg(feature = "mysql")]
database!(Mysql, MysqlConnection);
