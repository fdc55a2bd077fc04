//! The floor: each database's own driver on one connection, the statements prepared once, into the same structs.

#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(feature = "postgres")]
pub mod postgres;
mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use sql::{Definition, Kind, Statement};

use diesel_oauth2::TokenResponse;
use diesel_oauth2::models::Client;
use diesel_oauth2::types::TokenTypeHint;

use crate::input::{CLIENT_ID, PRUNED_BEFORE, REDIRECT_URI, USER_ID, now};
use crate::operation::PRUNED;
use crate::store::Store;
use crate::supply::Upkeep;
use crate::ways::rows::{Code, Row, bearer, token_parameter};

/// A parameter.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Value<'a> {
    Int(i64),
    OptionalInt(Option<i64>),
    Text(Option<&'a str>),
    /// PostgreSQL's `= ANY`; elsewhere so many parameters.
    Ints(&'a [i64]),
}

/// A row of a result, with no conversions but those asked for.
pub trait Columns {
    /// The number in this column, unless NULL.
    fn int(&self, column: usize) -> Option<i64>;
    /// The text in this column, unless NULL.
    fn text(&self, column: usize) -> Option<String>;
}

/// A database's driver on one connection.
pub trait Driver: Sized {
    /// A row of a result.
    type Columns<'a>: Columns;
    /// Whether it has [`Statement::Rotate`].
    const ROTATES_AT_ONCE: bool = false;

    /// Connects.
    fn open(url: &str, settings: &[&str]) -> Self;
    /// Prepares every statement; the tables must be there.
    fn prepare(&mut self);
    /// Runs a prepared statement and gives `each` its rows.
    fn query(
        &mut self,
        statement: Statement,
        values: &[Value<'_>],
        each: impl FnMut(&Self::Columns<'_>),
    );
    /// Runs a prepared statement and tells how many rows it changed.
    fn execute(&mut self, statement: Statement, values: &[Value<'_>]) -> usize;
    /// Runs a statement as text.
    fn run(&mut self, sql: &str);
    /// Runs a statement as text and gives every value as text.
    fn table(&mut self, sql: &str) -> Vec<Vec<Option<String>>>;
}

/// A driver as a store.
#[derive(Debug)]
pub struct Floor<D>(D);

impl<D: Driver> Floor<D> {
    /// Connects and prepares.
    pub fn connect(url: &str, settings: &[&str]) -> Self {
        let mut driver = D::open(url, settings);
        driver.prepare();
        Self(driver)
    }

    fn row(&mut self, statement: Statement, values: &[Value<'_>]) -> Option<Row> {
        let mut found = None;
        self.0
            .query(statement, values, |columns| found = row(columns));
        found
    }

    fn insert(
        &mut self,
        statement: Statement,
        before: &[Value<'_>],
        token: &TokenResponse,
        grant_id: Option<i64>,
    ) {
        use Value::{Int, OptionalInt, Text};
        let mut values = [Int(0); 20];
        values[..before.len()].copy_from_slice(before);
        let all = before.len() + 12;
        values[before.len()..all].copy_from_slice(&[
            Int(USER_ID),
            Text(Some(CLIENT_ID)),
            Text(Some(&token.token_type)),
            Text(Some(&token.access_token)),
            Text(token.refresh_token.as_deref()),
            Text(token.scope.as_deref()),
            Int(now()),
            Int(0),
            Int(0),
            Int(token.expires_in.unwrap_or(0)),
            OptionalInt(grant_id),
            Int(0),
        ]);
        assert_eq!(self.0.execute(statement, &values[..all]), 1);
    }
}

impl<D: Driver> Upkeep for D {
    fn run(&mut self, sql: &str) {
        Driver::run(self, sql);
    }
}

fn row(all: &impl Columns) -> Option<Row> {
    Some(Row {
        id: all.int(0)?,
        user_id: all.int(1),
        client_id: all.text(2)?,
        token_type: all.text(3),
        access_token: all.text(4)?,
        refresh_token: all.text(5),
        scope: all.text(6),
        issued_at: all.int(7)?,
        access_token_revoked_at: all.int(8)?,
        refresh_token_revoked_at: all.int(9)?,
        expires_in: all.int(10)?,
        grant_id: all.int(11),
        refresh_token_rotated_at: all.int(12)?,
    })
}

fn code(all: &impl Columns) -> Option<Code> {
    Some(Code {
        id: all.int(0)?,
        user_id: all.int(1),
        code: all.text(2)?,
        client_id: all.text(3)?,
        redirect_uri: all.text(4),
        response_type: all.text(5),
        scope: all.text(6),
        nonce: all.text(7),
        auth_time: all.int(8)?,
        acr: all.text(9),
        amr: all.text(10),
        code_challenge: all.text(11),
        code_challenge_method: all.text(12),
        grant_id: all.int(13),
        redeemed_at: all.int(14)?,
    })
}

fn client(all: &impl Columns) -> Option<Client> {
    let metadata = all.text(8);
    Some(Client {
        id: all.int(0)?,
        user_id: all.int(1),
        client_id: all.text(2)?,
        client_secret: all.text(3),
        client_id_issued_at: all.int(4)?,
        client_secret_expires_at: all.int(5)?,
        previous_client_secret: all.text(6),
        previous_client_secret_expires_at: all.int(7)?,
        client_metadata: metadata.map(|json| serde_json::from_str(&json).expect("JSON")),
    })
}

impl<D: Driver> Store for Floor<D> {
    type Row = Row;
    type Refreshing = Row;

    fn query_client(&mut self, client_id: &str) -> bool {
        let mut found = None;
        self.0.query(
            Statement::Client,
            &[Value::Text(Some(client_id))],
            |columns| {
                found = client(columns);
            },
        );
        found.is_some()
    }

    fn save_token(&mut self, token: &TokenResponse) {
        self.insert(Statement::InsertToken, &[], token, None);
    }

    fn query_token(&mut self, token: &str, _: Option<TokenTypeHint>) -> Option<Row> {
        let token = Value::Text(Some(token));
        self.row(Statement::ByEitherToken, &[token, token])
    }

    fn validate(&mut self, authorization: &str) -> Option<Row> {
        let token = Value::Text(Some(bearer(authorization)?));
        self.row(Statement::ByAccessToken, &[token])
            .filter(Row::is_usable)
    }

    fn revoke(&mut self, row: &Row) {
        let values = [Value::Int(now()), Value::Int(row.id)];
        assert_eq!(self.0.execute(Statement::RevokeAccessToken, &values), 1);
    }

    fn redeem(&mut self, presented: &str) {
        let mut found = None;
        self.0.query(
            Statement::Code,
            &[Value::Text(Some(presented))],
            |columns| {
                found = code(columns);
            },
        );
        let code = found.expect("code");
        let now = now();
        assert_eq!(code.client_id, CLIENT_ID);
        assert_eq!(code.redirect_uri.as_deref(), Some(REDIRECT_URI));
        assert!(code.redeemed_at == 0 && code.auth_time + 300 >= now);
        self.0.run(sql::BEGIN);
        let spent = self.0.execute(
            Statement::MarkRedeemed,
            &[Value::Int(now), Value::Int(code.id)],
        );
        assert_eq!(spent, 1);
        let grant = [
            Value::OptionalInt(code.grant_id),
            Value::OptionalInt(code.user_id),
            Value::Text(Some(&code.client_id)),
            Value::Int(now),
            Value::Int(now),
            Value::Int(0),
            Value::Int(0),
        ];
        assert_eq!(self.0.execute(Statement::InsertGrant, &grant), 1);
        self.0.run("COMMIT");
    }

    fn authenticate(&mut self, refresh_token: &str) -> Row {
        self.query_token(refresh_token, None).expect("is live")
    }

    fn rotate(&mut self, row: &Row, next: &TokenResponse) {
        let (now, id) = (Value::Int(now()), Value::Int(row.id));
        let grant_id = Value::OptionalInt(row.grant_id);
        if D::ROTATES_AT_ONCE {
            let updates = [now, grant_id, now, now, now, id];
            return self.insert(Statement::Rotate, &updates, next, row.grant_id);
        }
        self.0.run(sql::BEGIN);
        assert_eq!(
            self.0.execute(Statement::TouchGrant, &[now, grant_id, now]),
            1
        );
        assert_eq!(self.0.execute(Statement::MarkRotated, &[now, now, id]), 1);
        self.insert(Statement::InsertToken, &[], next, row.grant_id);
        self.0.run("COMMIT");
    }

    fn introspect(&mut self, form: &str) -> String {
        let token = token_parameter(form).expect("token");
        self.query_token(token, None)
            .expect("is there")
            .introspection(token)
    }

    fn prune(&mut self) -> usize {
        let before = Value::Int(PRUNED_BEFORE);
        self.0.query(Statement::AgedCodes, &[before], |_| ());
        let mut pruned = 0;
        let mut after = (i64::MIN, i64::MIN);
        loop {
            let mut rows = Vec::with_capacity(PRUNED);
            let (time, id) = (Value::Int(after.0), Value::Int(after.1));
            self.0.query(
                Statement::AgedTokens,
                &[before, time, time, id],
                |columns| {
                    rows.extend(row(columns));
                },
            );
            let dead: Vec<i64> = rows
                .iter()
                .filter(|row| (1..PRUNED_BEFORE).contains(&row.refresh_token_revoked_at))
                .map(|row| row.id)
                .collect();
            if dead.len() == PRUNED {
                self.0.run(sql::BEGIN);
                pruned += self
                    .0
                    .execute(Statement::DeleteTokens, &[Value::Ints(&dead)]);
                self.0.run("COMMIT");
            }
            match rows.last() {
                Some(last) if rows.len() == PRUNED => after = (last.issued_at, last.id),
                _ => break,
            }
        }
        self.0.query(Statement::AgedGrants, &[before], |_| ());
        pruned
    }
}
