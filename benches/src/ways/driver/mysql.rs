//! The C client of MariaDB or MySQL, the one that Diesel uses: statements prepared and their buffers bound once.

use std::ffi::{CStr, CString, c_char, c_ulong};
use std::{mem, ptr, slice, str};

use mysqlclient_sys as ffi;
use percent_encoding::percent_decode_str;

use super::{Columns, Driver, Kind, Statement, Value};
use crate::operation::PRUNED;

const CLIENT_FOUND_ROWS: c_ulong = 2;

/// libmysqlclient on one connection.
#[derive(Debug)]
pub struct Libmysqlclient {
    statements: Vec<Prepared>,
    // Closed after its statements.
    connection: Connection,
}

#[derive(Debug)]
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

/// Where the client reads a parameter from or writes a result to.
#[derive(Debug)]
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
            Kind::Int | Kind::Ints => ffi::enum_field_types::MYSQL_TYPE_LONGLONG,
            Kind::Text => ffi::enum_field_types::MYSQL_TYPE_STRING,
        };
        bind.buffer = self.buffer.as_mut_ptr().cast();
        bind.buffer_length = self.buffer.len() as c_ulong;
        bind.length = &mut self.length;
        bind.is_null = &mut self.is_null;
        bind
    }

    fn put(&mut self, value: Option<&[u8]>) {
        if let Some(bytes) = value {
            self.buffer[..bytes.len()].copy_from_slice(bytes);
            self.length = bytes.len() as c_ulong;
        }
        self.is_null = if value.is_none() {
            ffi::TRUE
        } else {
            ffi::FALSE
        };
    }

    fn text(&self) -> Option<String> {
        let bytes = self
            .buffer
            .get(..self.length as usize)
            .expect("fits the buffer");
        (self.is_null == ffi::FALSE).then(|| str::from_utf8(bytes).expect("UTF-8").to_owned())
    }

    fn int(&self) -> Option<i64> {
        let bytes = self.buffer[..8].try_into().expect("8 bytes");
        (self.is_null == ffi::FALSE).then(|| i64::from_ne_bytes(bytes))
    }
}

/// A prepared statement with its buffers.
#[derive(Debug)]
struct Prepared {
    statement: *mut ffi::MYSQL_STMT,
    // The client keeps pointers into both, so they stay where they are.
    parameters: Box<[Slot]>,
    results: Box<[Slot]>,
}

impl Prepared {
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

    fn execute(&mut self, values: &[Value<'_>]) {
        let mut slots = self.parameters.iter_mut();
        let mut put = |value: Option<&[u8]>| slots.next().expect("a parameter").put(value);
        for value in values {
            match value {
                Value::Int(int) | Value::OptionalInt(Some(int)) => put(Some(&int.to_ne_bytes())),
                Value::OptionalInt(None) => put(None),
                Value::Text(text) => put(text.map(str::as_bytes)),
                Value::Ints(ints) => ints.iter().for_each(|int| put(Some(&int.to_ne_bytes()))),
            }
        }
        // SAFETY: statement and buffers live.
        self.check(unsafe { ffi::mysql_stmt_execute(self.statement) } == 0);
    }

    fn rows(&mut self, mut each: impl FnMut(&Slots)) {
        // SAFETY: called after a SELECT was executed; the buffers of the results live.
        unsafe {
            self.check(ffi::mysql_stmt_store_result(self.statement) == 0);
            while ffi::mysql_stmt_fetch(self.statement) == 0 {
                each(Slots::of(&self.results));
            }
            ffi::mysql_stmt_free_result(self.statement);
        }
    }

    fn check(&self, done: bool) {
        // SAFETY: the client gives a string of its own.
        assert!(done, "{:?}", unsafe {
            CStr::from_ptr(ffi::mysql_stmt_error(self.statement))
        });
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // SAFETY: nobody uses the statement any more.
        unsafe { ffi::mysql_stmt_close(self.statement) };
    }
}

/// A row of a result: the buffers that the client filled.
#[derive(Debug)]
#[repr(transparent)]
pub struct Slots([Slot]);

impl Slots {
    fn of(slots: &[Slot]) -> &Self {
        // SAFETY: the same in memory.
        unsafe { &*(ptr::from_ref(slots) as *const Self) }
    }
}

impl Columns for &Slots {
    fn int(&self, column: usize) -> Option<i64> {
        self.0[column].int()
    }

    fn text(&self, column: usize) -> Option<String> {
        self.0[column].text()
    }
}

impl Driver for Libmysqlclient {
    type Columns<'a> = &'a Slots;

    fn open(url: &str, settings: &[&str]) -> Self {
        let connection = Connection::open(&url::Url::parse(url).expect("URL"));
        settings.iter().for_each(|sql| connection.run(sql));
        Self {
            statements: Vec::new(),
            connection,
        }
    }

    fn prepare(&mut self) {
        self.statements = Statement::ALL
            .map(|statement| {
                let definition = statement.definition();
                let parameters = match definition.parameters {
                    [Kind::Ints] => &[Kind::Int; PRUNED][..],
                    parameters => parameters,
                };
                let sql = definition.with_question_marks();
                Prepared::prepare(&self.connection, &sql, parameters, definition.results)
            })
            .into();
    }

    fn query(&mut self, statement: Statement, values: &[Value<'_>], mut each: impl FnMut(&&Slots)) {
        let prepared = &mut self.statements[statement as usize];
        prepared.execute(values);
        prepared.rows(|slots| each(&slots));
    }

    fn execute(&mut self, statement: Statement, values: &[Value<'_>]) -> usize {
        let prepared = &mut self.statements[statement as usize];
        prepared.execute(values);
        // SAFETY: the statement was executed.
        unsafe { ffi::mysql_stmt_affected_rows(prepared.statement) as usize }
    }

    fn run(&mut self, sql: &str) {
        self.table(sql);
    }

    fn table(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.connection.run(sql);
        let mut table = Vec::new();
        // SAFETY: the results are those of the statement just run, and each row lives until the next is fetched.
        unsafe {
            let result = ffi::mysql_store_result(self.connection.0);
            if result.is_null() {
                return table;
            }
            let columns = ffi::mysql_num_fields(result) as usize;
            loop {
                let row = ffi::mysql_fetch_row(result);
                if row.is_null() {
                    break;
                }
                let values = slice::from_raw_parts(row, columns).iter().map(|value| {
                    (!value.is_null())
                        .then(|| CStr::from_ptr(*value).to_string_lossy().into_owned())
                });
                table.push(values.collect());
            }
            ffi::mysql_free_result(result);
        }
        table
    }
}
