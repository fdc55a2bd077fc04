//! Diesel by hand: as its guides have it, and as fast as it goes.

use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool, R2D2Connection};

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

/// A pool as one would make it; `tested` is r2d2's default.
pub fn pool<C>(
    url: &str,
    settings: &[&str],
    tested: bool,
    connections: u32,
) -> Pool<ConnectionManager<C>>
where
    C: R2D2Connection + Send + 'static,
{
    Pool::builder()
        .max_size(connections)
        .test_on_check_out(tested)
        .connection_customizer(Box::new(Settings(settings.join("; "))))
        .build(ConnectionManager::new(url))
        .expect("the database answers")
}

/// Both forms on one connection type: Diesel's own bounds do not let them be generic over it.
macro_rules! by_hand {
    ($feature:literal, $module:ident, $connection:ty) => {
        #[cfg(feature = $feature)]
        #[allow(missing_docs)]
        pub mod $module {
            use diesel::prelude::*;
            use diesel::r2d2::{ConnectionManager, Pool};
            use diesel_oauth2::TokenResponse;
            use diesel_oauth2::models::Client;
            use diesel_oauth2::schema::{oauth2_client, oauth2_code, oauth2_grant, oauth2_token};
            use diesel_oauth2::types::TokenTypeHint;

            use crate::input::{CLIENT_ID, PRUNED_BEFORE, REDIRECT_URI, now};
            use crate::operation::PRUNED;
            use crate::store::Store;
            use crate::ways::rows::{Code, Row, bearer, token_parameter};
            use crate::ways::statements::*;

            type Manager = ConnectionManager<$connection>;

            /// Whether the code may be redeemed by the request.
            fn check(code: &Code) {
                assert_eq!(code.client_id, CLIENT_ID);
                assert_eq!(code.redirect_uri.as_deref(), Some(REDIRECT_URI));
                assert!(code.redeemed_at == 0 && code.auth_time + 300 >= now());
            }

            #[derive(Clone)]
            pub struct Idiomatic(pub Pool<Manager>);

            impl Store for Idiomatic {
                type Row = Row;
                type Refreshing = Row;

                fn query_client(&mut self, client_id: &str) -> bool {
                    let client: Option<Client> = oauth2_client::table
                        .filter(oauth2_client::client_id.eq(client_id))
                        .select(Client::as_select())
                        .first(&mut self.0.get().expect("connection"))
                        .optional()
                        .expect("query");
                    client.is_some()
                }

                fn save_token(&mut self, token: &TokenResponse) {
                    let inserted = diesel::insert_into(oauth2_token::table)
                        .values(IdiomaticToken::new(token, None))
                        .execute(&mut self.0.get().expect("connection"));
                    assert_eq!(inserted, Ok(1));
                }

                fn query_token(&mut self, token: &str, hint: Option<TokenTypeHint>) -> Option<Row> {
                    let connection = &mut self.0.get().expect("connection");
                    let rows = oauth2_token::table.select(Row::as_select());
                    let is_access_token = oauth2_token::access_token.eq(token);
                    let is_refresh_token = oauth2_token::refresh_token.eq(token);
                    // As authlib does: what the hint does not name is not found.
                    let row = match hint {
                        Some(TokenTypeHint::AccessToken) => {
                            rows.filter(is_access_token).first(connection)
                        }
                        Some(TokenTypeHint::RefreshToken) => {
                            rows.filter(is_refresh_token).first(connection)
                        }
                        None => rows
                            .filter(is_access_token.or(is_refresh_token))
                            .first(connection),
                    };
                    row.optional().expect("query")
                }

                fn validate(&mut self, authorization: &str) -> Option<Row> {
                    let token = bearer(authorization)?;
                    self.query_token(token, Some(TokenTypeHint::AccessToken))
                        .filter(Row::is_usable)
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

                fn redeem(&mut self, code: &str) {
                    let connection = &mut self.0.get().expect("connection");
                    let code: Code = oauth2_code::table
                        .filter(oauth2_code::code.eq(code))
                        .select(Code::as_select())
                        .first(connection)
                        .expect("code");
                    check(&code);
                    let done = connection.transaction(|connection| {
                        let unspent = oauth2_code::table
                            .find(code.id)
                            .filter(oauth2_code::redeemed_at.eq(0));
                        let spent = diesel::update(unspent)
                            .set(oauth2_code::redeemed_at.eq(now()))
                            .execute(connection)?;
                        assert_eq!(spent, 1);
                        diesel::insert_into(oauth2_grant::table)
                            .values(IdiomaticGrant::new(&code))
                            .execute(connection)
                    });
                    assert_eq!(done, Ok(1));
                }

                fn authenticate(&mut self, refresh_token: &str) -> Row {
                    let row = self.query_token(refresh_token, Some(TokenTypeHint::RefreshToken));
                    row.expect("is live")
                }

                fn rotate(&mut self, row: &Row, next: &TokenResponse) {
                    let connection = &mut self.0.get().expect("connection");
                    let done = connection.transaction(|connection| {
                        let alive = oauth2_grant::table
                            .find(row.grant_id.expect("grant"))
                            .filter(oauth2_grant::revoked_at.eq(0))
                            .filter(
                                oauth2_grant::expires_at
                                    .eq(0)
                                    .or(oauth2_grant::expires_at.ge(now())),
                            );
                        let touched = diesel::update(alive)
                            .set(oauth2_grant::last_used_at.eq(now()))
                            .execute(connection)?;
                        assert_eq!(touched, 1);
                        let live = oauth2_token::table
                            .find(row.id)
                            .filter(oauth2_token::refresh_token_revoked_at.eq(0));
                        let rotated = diesel::update(live)
                            .set((
                                oauth2_token::refresh_token_rotated_at.eq(now()),
                                oauth2_token::refresh_token_revoked_at.eq(now()),
                            ))
                            .execute(connection)?;
                        assert_eq!(rotated, 1);
                        diesel::insert_into(oauth2_token::table)
                            .values(IdiomaticToken::new(next, row.grant_id))
                            .execute(connection)
                    });
                    assert_eq!(done, Ok(1));
                }

                fn introspect(&mut self, form: &str) -> String {
                    let token = token_parameter(form).expect("token");
                    self.query_token(token, None)
                        .expect("is there")
                        .introspection(token)
                }

                fn prune(&mut self) -> usize {
                    let dead = oauth2_token::table
                        .filter(oauth2_token::issued_at.lt(PRUNED_BEFORE))
                        .filter(oauth2_token::refresh_token_revoked_at.between(1, PRUNED_BEFORE));
                    let connection = &mut self.0.get().expect("connection");
                    diesel::delete(dead).execute(connection).expect("deletes")
                }
            }

            #[derive(Clone)]
            pub struct Best(pub Pool<Manager>);

            impl Store for Best {
                type Row = Row;
                type Refreshing = Row;

                fn query_client(&mut self, client_id: &str) -> bool {
                    let client: Option<Client> = oauth2_client::table
                        .filter(oauth2_client::client_id.eq(client_id))
                        .select(Client::as_select())
                        .get_result(&mut self.0.get().expect("connection"))
                        .optional()
                        .expect("query");
                    client.is_some()
                }

                fn save_token(&mut self, token: &TokenResponse) {
                    let inserted = diesel::insert_into(oauth2_token::table)
                        .values(BestToken::new(token, None))
                        .execute(&mut self.0.get().expect("connection"));
                    assert_eq!(inserted, Ok(1));
                }

                fn query_token(&mut self, token: &str, _: Option<TokenTypeHint>) -> Option<Row> {
                    let is_access_token = oauth2_token::access_token.eq(token);
                    oauth2_token::table
                        .filter(is_access_token.or(oauth2_token::refresh_token.eq(token)))
                        .select(Row::as_select())
                        .get_result(&mut self.0.get().expect("connection"))
                        .optional()
                        .expect("query")
                }

                fn validate(&mut self, authorization: &str) -> Option<Row> {
                    oauth2_token::table
                        .filter(oauth2_token::access_token.eq(bearer(authorization)?))
                        .select(Row::as_select())
                        .get_result(&mut self.0.get().expect("connection"))
                        .optional()
                        .expect("query")
                        .filter(Row::is_usable)
                }

                fn revoke(&mut self, row: &Row) {
                    let revoke = Update::<RevokeAccessToken>::of(row.id);
                    let revoked = revoke.execute(&mut self.0.get().expect("connection"));
                    assert_eq!(revoked, Ok(1));
                }

                fn redeem(&mut self, code: &str) {
                    let connection = &mut self.0.get().expect("connection");
                    let code: Code = oauth2_code::table
                        .filter(oauth2_code::code.eq(code))
                        .select(Code::as_select())
                        .get_result(connection)
                        .expect("code");
                    check(&code);
                    let done = connection.transaction(|connection| {
                        let spent = Update::<MarkRedeemed>::of(code.id).execute(connection)?;
                        assert_eq!(spent, 1);
                        diesel::insert_into(oauth2_grant::table)
                            .values(BestGrant::new(&code))
                            .execute(connection)
                    });
                    assert_eq!(done, Ok(1));
                }

                fn authenticate(&mut self, refresh_token: &str) -> Row {
                    self.query_token(refresh_token, None).expect("is live")
                }

                fn rotate(&mut self, row: &Row, next: &TokenResponse) {
                    let connection = &mut self.0.get().expect("connection");
                    let done = connection.transaction(|connection| {
                        let grant_id = row.grant_id.expect("grant");
                        let touched = Update::<TouchGrant>::of(grant_id).execute(connection)?;
                        assert_eq!(touched, 1);
                        let rotated = Update::<MarkRotated>::of(row.id).execute(connection)?;
                        assert_eq!(rotated, 1);
                        diesel::insert_into(oauth2_token::table)
                            .values(BestToken::new(next, row.grant_id))
                            .execute(connection)
                    });
                    assert_eq!(done, Ok(1));
                }

                fn introspect(&mut self, form: &str) -> String {
                    let token = token_parameter(form).expect("token");
                    self.query_token(token, None)
                        .expect("is there")
                        .introspection(token)
                }

                fn prune(&mut self) -> usize {
                    let connection = &mut self.0.get().expect("connection");
                    let mut pruned = 0;
                    loop {
                        let dead: Vec<i64> = oauth2_token::table
                            .filter(oauth2_token::issued_at.lt(PRUNED_BEFORE))
                            .filter(
                                oauth2_token::refresh_token_revoked_at.between(1, PRUNED_BEFORE),
                            )
                            .order(oauth2_token::issued_at)
                            .limit(PRUNED as i64)
                            .select(oauth2_token::id)
                            .load(connection)
                            .expect("query");
                        if dead.is_empty() {
                            return pruned;
                        }
                        let dead = oauth2_token::table.filter(oauth2_token::id.eq_any(dead));
                        pruned += diesel::delete(dead).execute(connection).expect("deletes");
                    }
                }
            }
        }
    };
}

by_hand!("sqlite", sqlite, diesel::SqliteConnection);
by_hand!("postgres", postgres, diesel::PgConnection);
by_hand!("mysql", mysql, diesel::MysqlConnection);
