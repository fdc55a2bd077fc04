//! The C client of MariaDB or MySQL, the one that Diesel uses: statements prepared and their buffers bound once.

use std::ffi::{CStr, CString, c_char, c_ulong};
use std::{mem, ptr, str};

use mysqlclient_sys as ffi;
use percent_encoding::percent_decode_str;

use super::Sql;
use crate::TokenResponse;
use crate::stores::{CLIENT_ID, Row, Store, USER_ID, now};

const CLIENT_FOUND_ROWS: c_ulong = 2;

pub(crate) struct Driver {
    by_access_token: Statement,
    by_either_token: Statement,
    insert: Statement,
    revoke: Statement,
    // Closed after its statements.
    _connection: Connection,
}

impl Driver {
    pub(crate) fn connect(url: &str, settings: &[&str]) -> Self {
        let connection = Connection::open(&url::Url::parse(url).expect("URL"));
        for sql in settings {
            connection.run(sql);
        }
        use Kind::{Int, Text};
        const ROW: [Kind; 11] = [Int, Int, Text, Text, Text, Text, Text, Int, Int, Int, Int];
        let sql = Sql::new(|_| "?".to_owned());
        let prepare = |sql: &str, parameters, results| {
            Statement::prepare(&connection, sql, parameters, results)
        };
        Self {
            by_access_token: prepare(&sql.by_access_token, &[Text], &ROW),
            by_either_token: prepare(&sql.by_either_token, &[Text, Text], &ROW),
            insert: prepare(
                &sql.insert,
                &[Int, Text, Text, Text, Text, Text, Int, Int, Int, Int],
                &[],
            ),
            revoke: prepare(&sql.revoke, &[Int, Int], &[]),
            _connection: connection,
        }
    }
}

struct Connection(*mut ffi::MYSQL);

impl Connection {
    fn open(url: &url::Url) -> Self {
        let text = |text: &str| CString::new(text).expect("no NUL");
        let decode = |part| text(&percent_decode_str(part).decode_utf8().expect("UTF-8"));
        let host = url.host_str().filter(|host| !host.is_empty()).map(text);
        let user = decode(url.username());
        let password = url.password().map(decode);
        let database = text(url.path().trim_start_matches('/'));
        let socket = url.query_pairs().find(|(key, _)| key == "unix_socket");
        let socket = socket.map(|(_, path)| text(&path));
        let pointer =
            |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |text| text.as_ptr());
        // SAFETY: the strings live during the calls, and a null pointer means "not given".
        unsafe {
            let connection = Self(ffi::mysql_init(ptr::null_mut()));
            ffi::mysql_options(
                connection.0,
                ffi::mysql_option::MYSQL_SET_CHARSET_NAME,
                c"utf8mb4".as_ptr().cast(),
            );
            let opened = ffi::mysql_real_connect(
                connection.0,
                pointer(&host),
                user.as_ptr(),
                pointer(&password),
                database.as_ptr(),
                url.port().unwrap_or(0).into(),
                pointer(&socket),
                CLIENT_FOUND_ROWS,
            );
            assert!(
                !opened.is_null(),
                "{:?}",
                CStr::from_ptr(ffi::mysql_error(connection.0))
            );
            connection
        }
    }

    fn run(&self, sql: &str) {
        // SAFETY: the text lives during the call, and is as long as told.
        let failed =
            unsafe { ffi::mysql_real_query(self.0, sql.as_ptr().cast(), sql.len() as c_ulong) };
        assert_eq!(failed, 0, "{sql}");
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: nobody uses the connection any more.
        unsafe { ffi::mysql_close(self.0) };
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Int,
    Text,
}

/// Where the client reads a parameter from or writes a result to.
struct Slot {
    kind: Kind,
    buffer: [u8; 512],
    length: c_ulong,
    is_null: ffi::my_bool,
}

impl Slot {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            buffer: [0; 512],
            length: 0,
            is_null: ffi::my_bool::default(),
        }
    }

    fn bind(&mut self) -> ffi::MYSQL_BIND {
        // SAFETY: the client's manual has the struct zeroed before use.
        let mut bind: ffi::MYSQL_BIND = unsafe { mem::zeroed() };
        bind.buffer_type = match self.kind {
            Kind::Int => ffi::enum_field_types::MYSQL_TYPE_LONGLONG,
            Kind::Text => ffi::enum_field_types::MYSQL_TYPE_STRING,
        };
        bind.buffer = self.buffer.as_mut_ptr().cast();
        bind.buffer_length = self.buffer.len() as c_ulong;
        bind.length = &mut self.length;
        bind.is_null = &mut self.is_null;
        bind
    }

    fn put(&mut self, value: Value<'_>) {
        let mut write = |bytes: &[u8]| {
            self.buffer[..bytes.len()].copy_from_slice(bytes);
            self.length = bytes.len() as c_ulong;
        };
        match value {
            Value::Int(value) => write(&value.to_ne_bytes()),
            Value::Text(text) => write(text.unwrap_or_default().as_bytes()),
        }
        let is_null = matches!(value, Value::Text(None));
        self.is_null = if is_null { ffi::TRUE } else { ffi::FALSE };
    }

    fn text(&self) -> Option<String> {
        let bytes = &self.buffer[..self.length as usize];
        (self.is_null == ffi::FALSE).then(|| str::from_utf8(bytes).expect("UTF-8").to_owned())
    }

    fn int(&self) -> Option<i64> {
        let bytes = self.buffer[..8].try_into().expect("8 bytes");
        (self.is_null == ffi::FALSE).then(|| i64::from_ne_bytes(bytes))
    }
}

enum Value<'a> {
    Int(i64),
    Text(Option<&'a str>),
}

struct Statement {
    statement: *mut ffi::MYSQL_STMT,
    // The client keeps pointers into both, so they stay where they are.
    parameters: Box<[Slot]>,
    results: Box<[Slot]>,
}

impl Statement {
    fn prepare(connection: &Connection, sql: &str, parameters: &[Kind], results: &[Kind]) -> Self {
        let slots = |kinds: &[Kind]| {
            kinds
                .iter()
                .copied()
                .map(Slot::new)
                .collect::<Box<[Slot]>>()
        };
        // SAFETY: the connection outlives its statements.
        let statement = unsafe { ffi::mysql_stmt_init(connection.0) };
        let mut this = Self {
            statement,
            parameters: slots(parameters),
            results: slots(results),
        };
        // SAFETY: the text is as long as told; the client copies the binds, whose buffers live as long as `this`.
        unsafe {
            let length = sql.len() as c_ulong;
            this.check(
                ffi::mysql_stmt_prepare(statement, sql.as_ptr().cast::<c_char>(), length) == 0,
            );
            let mut binds: Vec<_> = this.parameters.iter_mut().map(Slot::bind).collect();
            this.check(ffi::mysql_stmt_bind_param(statement, binds.as_mut_ptr()) == ffi::FALSE);
            if !this.results.is_empty() {
                let mut binds: Vec<_> = this.results.iter_mut().map(Slot::bind).collect();
                this.check(
                    ffi::mysql_stmt_bind_result(statement, binds.as_mut_ptr()) == ffi::FALSE,
                );
            }
        }
        this
    }

    fn execute<const N: usize>(&mut self, values: [Value<'_>; N]) -> u64 {
        for (slot, value) in self.parameters.iter_mut().zip(values) {
            slot.put(value);
        }
        // SAFETY: statement and buffers live.
        unsafe {
            self.check(ffi::mysql_stmt_execute(self.statement) == 0);
            ffi::mysql_stmt_affected_rows(self.statement)
        }
    }

    fn row(&mut self) -> Option<Row> {
        // SAFETY: called after a SELECT was executed; the buffers of the results live.
        let (found, all) = unsafe {
            self.check(ffi::mysql_stmt_store_result(self.statement) == 0);
            (ffi::mysql_stmt_fetch(self.statement) == 0, &self.results)
        };
        let row = found.then(|| {
            Some(Row {
                id: all[0].int()?,
                user_id: all[1].int(),
                client_id: all[2].text()?,
                token_type: all[3].text(),
                access_token: all[4].text()?,
                refresh_token: all[5].text(),
                scope: all[6].text(),
                issued_at: all[7].int()?,
                access_token_revoked_at: all[8].int()?,
                refresh_token_revoked_at: all[9].int()?,
                expires_in: all[10].int()?,
            })
        });
        // SAFETY: as above.
        unsafe { ffi::mysql_stmt_free_result(self.statement) };
        row.flatten()
    }

    fn check(&self, done: bool) {
        // SAFETY: the client gives a string of its own.
        assert!(done, "{:?}", unsafe {
            CStr::from_ptr(ffi::mysql_stmt_error(self.statement))
        });
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: nobody uses the statement any more.
        unsafe { ffi::mysql_stmt_close(self.statement) };
    }
}

impl Store for Driver {
    type Row = Row;

    fn by_access_token(&mut self, token: &str) -> Option<Row> {
        self.by_access_token.execute([Value::Text(Some(token))]);
        self.by_access_token.row()
    }

    fn by_either_token(&mut self, token: &str) -> Option<Row> {
        self.by_either_token
            .execute([Value::Text(Some(token)), Value::Text(Some(token))]);
        self.by_either_token.row()
    }

    fn save(&mut self, token: &TokenResponse) {
        use Value::{Int, Text};
        let inserted = self.insert.execute([
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
        ]);
        assert_eq!(inserted, 1);
    }

    fn revoke(&mut self, row: &Row) {
        assert_eq!(
            self.revoke.execute([Value::Int(now()), Value::Int(row.id)]),
            1
        );
    }
}
