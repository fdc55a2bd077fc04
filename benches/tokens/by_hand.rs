//! Diesel by hand: as its guides have it, and as fast as it goes.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool, R2D2Connection};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::BigInt;
use diesel_oauth2::schema::oauth2_token;

use crate::TokenResponse;
use crate::stores::{CLIENT_ID, USER_ID, now};

/// The settings that this crate's pools make too.
#[derive(Debug)]
struct Settings(String);

impl<C: R2D2Connection> CustomizeConnection<C, diesel::r2d2::Error> for Settings {
    fn on_acquire(&self, connection: &mut C) -> Result<(), diesel::r2d2::Error> {
        connection
            .batch_execute(&self.0)
            .map_err(diesel::r2d2::Error::QueryError)
    }
}

pub(crate) fn pool<C>(url: &str, settings: &str, tested: bool) -> Pool<ConnectionManager<C>>
where
    C: R2D2Connection + Send + 'static,
{
    Pool::builder()
        .test_on_check_out(tested)
        .connection_customizer(Box::new(Settings(settings.to_owned())))
        .build(ConnectionManager::new(url))
        .expect("the database answers")
}

#[derive(Insertable)]
#[diesel(table_name = oauth2_token)]
pub(crate) struct IdiomaticRow<'a> {
    user_id: Option<i64>,
    client_id: &'a str,
    token_type: Option<&'a str>,
    access_token: &'a str,
    refresh_token: Option<&'a str>,
    scope: Option<&'a str>,
    issued_at: i64,
    access_token_revoked_at: i64,
    refresh_token_revoked_at: i64,
    expires_in: i64,
}

/// Always the same statement, so it stays prepared.
#[derive(Insertable)]
#[diesel(table_name = oauth2_token, treat_none_as_default_value = false)]
pub(crate) struct BestRow<'a> {
    pub(crate) user_id: Option<i64>,
    pub(crate) client_id: &'a str,
    pub(crate) token_type: Option<&'a str>,
    pub(crate) access_token: &'a str,
    pub(crate) refresh_token: Option<&'a str>,
    pub(crate) scope: Option<&'a str>,
    pub(crate) issued_at: i64,
    pub(crate) access_token_revoked_at: i64,
    pub(crate) refresh_token_revoked_at: i64,
    pub(crate) expires_in: i64,
}

macro_rules! from_response {
    ($($row:ident)*) => {$(
        impl<'a> From<&'a TokenResponse> for $row<'a> {
            fn from(token: &'a TokenResponse) -> Self {
                Self {
                    user_id: Some(USER_ID),
                    client_id: CLIENT_ID,
                    token_type: Some(&token.token_type),
                    access_token: &token.access_token,
                    refresh_token: token.refresh_token.as_deref(),
                    scope: token.scope.as_deref(),
                    issued_at: now(),
                    access_token_revoked_at: 0,
                    refresh_token_revoked_at: 0,
                    expires_in: token.expires_in.unwrap_or(0),
                }
            }
        }
    )*};
}

from_response!(IdiomaticRow BestRow);

/// An UPDATE that stays prepared, which Diesel's own never does.
#[derive(QueryId)]
pub(crate) struct Revoke {
    pub(crate) now: i64,
    pub(crate) id: i64,
}

impl<DB: Backend> QueryFragment<DB> for Revoke
where
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE oauth2_token SET access_token_revoked_at = ");
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<BigInt, _>(&self.id)?;
        out.push_sql(" AND access_token_revoked_at = 0");
        Ok(())
    }
}

impl<C> RunQueryDsl<C> for Revoke {}

/// Both forms on one connection type: Diesel's own bounds do not let them be generic over it.
macro_rules! by_hand {
    ($feature:literal, $module:ident, $connection:ty) => {
        #[cfg(feature = $feature)]
        pub(crate) mod $module {
            use diesel::prelude::*;
            use diesel::r2d2::{ConnectionManager, Pool};
            use diesel_oauth2::schema::oauth2_token;

            use super::*;
            use crate::stores::{
                LOADED_AT, Row, SCOPE, Store, access_token, refresh_token, stored,
            };

            pub(crate) struct Idiomatic(Pool<ConnectionManager<$connection>>);

            impl Idiomatic {
                pub(crate) fn connect(url: &str, settings: &str) -> Self {
                    Self(pool(url, settings, true))
                }
            }

            impl Store for Idiomatic {
                type Row = Row;

                fn by_access_token(&mut self, token: &str) -> Option<Row> {
                    oauth2_token::table
                        .filter(oauth2_token::access_token.eq(token))
                        .select(Row::as_select())
                        .first(&mut self.0.get().expect("connection"))
                        .optional()
                        .expect("query")
                }

                fn by_either_token(&mut self, token: &str) -> Option<Row> {
                    let is_access_token = oauth2_token::access_token.eq(token);
                    oauth2_token::table
                        .filter(is_access_token.or(oauth2_token::refresh_token.eq(token)))
                        .select(Row::as_select())
                        .first(&mut self.0.get().expect("connection"))
                        .optional()
                        .expect("query")
                }

                fn save(&mut self, token: &TokenResponse) {
                    let inserted = diesel::insert_into(oauth2_token::table)
                        .values(IdiomaticRow::from(token))
                        .execute(&mut self.0.get().expect("connection"));
                    assert_eq!(inserted, Ok(1));
                }

                fn revoke(&mut self, row: &Row) {
                    let live = oauth2_token::table
                        .find(row.id)
                        .filter(oauth2_token::access_token_revoked_at.eq(0));
                    let revoked = diesel::update(live)
                        .set(oauth2_token::access_token_revoked_at.eq(now()))
                        .execute(&mut self.0.get().expect("connection"));
                    assert_eq!(revoked, Ok(1));
                }
            }

            pub(crate) struct Best(Pool<ConnectionManager<$connection>>);

            impl Best {
                pub(crate) fn connect(url: &str, settings: &str) -> Self {
                    Self(pool(url, settings, false))
                }
            }

            impl Store for Best {
                type Row = Row;

                fn by_access_token(&mut self, token: &str) -> Option<Row> {
                    oauth2_token::table
                        .filter(oauth2_token::access_token.eq(token))
                        .select(Row::as_select())
                        .get_result(&mut self.0.get().expect("connection"))
                        .optional()
                        .expect("query")
                }

                fn by_either_token(&mut self, token: &str) -> Option<Row> {
                    let is_access_token = oauth2_token::access_token.eq(token);
                    oauth2_token::table
                        .filter(is_access_token.or(oauth2_token::refresh_token.eq(token)))
                        .select(Row::as_select())
                        .get_result(&mut self.0.get().expect("connection"))
                        .optional()
                        .expect("query")
                }

                fn save(&mut self, token: &TokenResponse) {
                    let inserted = diesel::insert_into(oauth2_token::table)
                        .values(BestRow::from(token))
                        .execute(&mut self.0.get().expect("connection"));
                    assert_eq!(inserted, Ok(1));
                }

                fn revoke(&mut self, row: &Row) {
                    let revoke = Revoke {
                        now: now(),
                        id: row.id,
                    };
                    let revoked = revoke.execute(&mut self.0.get().expect("connection"));
                    assert_eq!(revoked, Ok(1));
                }
            }

            /// Loads the tokens, the odd ones as digests.
            pub(crate) fn fill(connection: &mut $connection, tokens: usize) -> QueryResult<()> {
                let numbers: Vec<u64> = (0..tokens as u64).collect();
                connection.transaction(|connection| {
                    for numbers in numbers.chunks(500) {
                        let secrets: Vec<(String, String)> = numbers
                            .iter()
                            .map(|&number| {
                                let store = |token| stored(number, token);
                                (store(access_token(number)), store(refresh_token(number)))
                            })
                            .collect();
                        let rows: Vec<BestRow<'_>> = secrets
                            .iter()
                            .zip(numbers)
                            .map(|((access_token, refresh_token), &number)| BestRow {
                                user_id: Some(number as i64 % 10_000),
                                client_id: CLIENT_ID,
                                token_type: Some("Bearer"),
                                access_token,
                                refresh_token: Some(refresh_token),
                                scope: Some(SCOPE),
                                issued_at: LOADED_AT - number as i64,
                                access_token_revoked_at: 0,
                                refresh_token_revoked_at: 0,
                                expires_in: 0,
                            })
                            .collect();
                        diesel::insert_into(oauth2_token::table)
                            .values(rows)
                            .execute(connection)?;
                    }
                    Ok(())
                })
            }
        }
    };
}

by_hand!("sqlite", sqlite, diesel::SqliteConnection);
by_hand!("postgres", postgres, diesel::PgConnection);
by_hand!("mysql", mysql, diesel::MysqlConnection);
