//! rusqlite, each statement prepared once.

use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::Sql;
use crate::TokenResponse;
use crate::stores::{CLIENT_ID, Row, Store, USER_ID, now};

pub(crate) struct Driver {
    by_access_token: Statement<'static>,
    by_either_token: Statement<'static>,
    insert: Statement<'static>,
    revoke: Statement<'static>,
}

impl Driver {
    pub(crate) fn connect(path: &str, settings: &str) -> Self {
        // Statements borrow their connection, so it stays until the process ends.
        let connection: &'static Connection =
            Box::leak(Box::new(Connection::open(path).expect("opens")));
        connection.execute_batch(settings).expect("settings");
        let sql = Sql::new(|_| "?".to_owned());
        let prepare = |sql: &str| connection.prepare(sql).expect("prepares");
        Self {
            by_access_token: prepare(&sql.by_access_token),
            by_either_token: prepare(&sql.by_either_token),
            insert: prepare(&sql.insert),
            revoke: prepare(&sql.revoke),
        }
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: row.get(0)?,
        user_id: row.get(1)?,
        client_id: row.get(2)?,
        token_type: row.get(3)?,
        access_token: row.get(4)?,
        refresh_token: row.get(5)?,
        scope: row.get(6)?,
        issued_at: row.get(7)?,
        access_token_revoked_at: row.get(8)?,
        refresh_token_revoked_at: row.get(9)?,
        expires_in: row.get(10)?,
    })
}

impl Store for Driver {
    type Row = Row;

    fn by_access_token(&mut self, token: &str) -> Option<Row> {
        let row = self.by_access_token.query_row([token], read);
        row.optional().expect("query")
    }

    fn by_either_token(&mut self, token: &str) -> Option<Row> {
        let row = self.by_either_token.query_row([token, token], read);
        row.optional().expect("query")
    }

    fn save(&mut self, token: &TokenResponse) {
        let inserted = self.insert.execute(params![
            USER_ID,
            CLIENT_ID,
            token.token_type,
            token.access_token,
            token.refresh_token,
            token.scope,
            now(),
            0_i64,
            0_i64,
            token.expires_in.unwrap_or(0),
        ]);
        assert_eq!(inserted.expect("insert"), 1);
    }

    fn revoke(&mut self, row: &Row) {
        let revoked = self.revoke.execute([now(), row.id]);
        assert_eq!(revoked.expect("update"), 1);
    }
}
