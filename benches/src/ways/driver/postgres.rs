//! libpq: `PQprepare` once, then `PQexecPrepared` with parameters and results in binary form.

use std::ffi::{CStr, CString, c_char, c_int};
use std::{ptr, slice, str};

use pq_sys::{
    ConnStatusType, ExecStatusType, Oid, PGconn, PGresult, PQclear, PQcmdTuples, PQconnectdb,
    PQerrorMessage, PQexec, PQexecPrepared, PQfinish, PQgetResult, PQgetisnull, PQgetlength,
    PQgetvalue, PQnfields, PQntuples, PQprepare, PQputCopyData, PQputCopyEnd, PQresultStatus,
    PQstatus,
};

use super::{Columns, Driver, Kind, Statement, Value};

const INT8: Oid = 20;
const TEXT: Oid = 25;
const INT8_ARRAY: Oid = 1016;
/// No statement has more parameters.
const MOST: usize = 20;

/// libpq on one connection.
#[derive(Debug)]
pub struct Libpq {
    connection: *mut PGconn,
    names: Vec<CString>,
}

impl Libpq {
    /// Sends rows in the text form of COPY.
    pub fn copy(&mut self, into: &str, rows: &str) {
        self.answer_to(&format!("COPY {into} FROM STDIN"));
        // SAFETY: the text lives during the call and is as long as told; the connection is in COPY.
        let sent = unsafe {
            PQputCopyData(self.connection, rows.as_ptr().cast(), rows.len() as c_int) == 1
                && PQputCopyEnd(self.connection, ptr::null()) == 1
        };
        assert!(sent, "{}", self.error());
        loop {
            // SAFETY: the connection is open; a null pointer ends the results.
            let result = unsafe { PQgetResult(self.connection) };
            if result.is_null() {
                break;
            }
            self.answer(result);
        }
    }

    fn answer_to(&self, sql: &str) -> Answer {
        let text = CString::new(sql).expect("SQL");
        // SAFETY: the text lives during the call.
        self.answer(unsafe { PQexec(self.connection, text.as_ptr()) })
    }

    fn execute_prepared(&self, statement: Statement, values: &[Value<'_>]) -> Answer {
        let mut ints = [[0_u8; 8]; MOST];
        let array: Vec<u8>;
        let mut pointers = [ptr::null::<c_char>(); MOST];
        let mut lengths = [0 as c_int; MOST];
        let mut list: &[i64] = &[];
        for (at, value) in values.iter().enumerate() {
            let bytes: Option<&[u8]> = match value {
                Value::Int(int) | Value::OptionalInt(Some(int)) => {
                    ints[at] = int.to_be_bytes();
                    Some(&ints[at])
                }
                Value::OptionalInt(None) => None,
                Value::Text(text) => text.map(str::as_bytes),
                Value::Ints(ints) => {
                    list = ints;
                    None
                }
            };
            if let Some(bytes) = bytes {
                (pointers[at], lengths[at]) = (bytes.as_ptr().cast(), bytes.len() as c_int);
            }
        }
        if !list.is_empty() {
            array = binary_array(list);
            (pointers[0], lengths[0]) = (array.as_ptr().cast(), array.len() as c_int);
        }
        let formats = [1; MOST];
        // SAFETY: every pointer is to something that lives during the call, and each array has as many members as told.
        let result = unsafe {
            PQexecPrepared(
                self.connection,
                self.names[statement as usize].as_ptr(),
                values.len() as c_int,
                pointers.as_ptr(),
                lengths.as_ptr(),
                formats.as_ptr(),
                1,
            )
        };
        self.answer(result)
    }

    fn answer(&self, result: *mut PGresult) -> Answer {
        let answer = Answer(result);
        // SAFETY: a result lives until it is dropped; libpq takes a null pointer for a fatal error.
        let status = unsafe { PQresultStatus(answer.0) };
        let is_good = matches!(
            status,
            ExecStatusType::PGRES_COMMAND_OK
                | ExecStatusType::PGRES_TUPLES_OK
                | ExecStatusType::PGRES_COPY_IN
        );
        assert!(is_good, "{}", self.error());
        answer
    }

    fn error(&self) -> String {
        // SAFETY: libpq gives a string of its own, which lives until the connection is used again.
        let message = unsafe { CStr::from_ptr(PQerrorMessage(self.connection)) };
        message.to_string_lossy().into_owned()
    }
}

/// `bigint[]` in binary form.
fn binary_array(list: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(20 + list.len() * 12);
    // One dimension, no NULLs, the type, the length, the first index.
    for word in [1, 0, 20, list.len() as u32, 1] {
        bytes.extend(word.to_be_bytes());
    }
    for int in list {
        bytes.extend(8_u32.to_be_bytes());
        bytes.extend(int.to_be_bytes());
    }
    bytes
}

impl Drop for Libpq {
    fn drop(&mut self) {
        // SAFETY: nobody uses the connection any more.
        unsafe { PQfinish(self.connection) };
    }
}

struct Answer(*mut PGresult);

impl Answer {
    fn rows(&self) -> c_int {
        // SAFETY: the result lives.
        unsafe { PQntuples(self.0) }
    }

    fn affected(&self) -> usize {
        // SAFETY: libpq gives a string that lives as long as the result.
        let text = unsafe { CStr::from_ptr(PQcmdTuples(self.0)) };
        text.to_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: nobody uses the result any more.
        unsafe { PQclear(self.0) };
    }
}

/// A row of a result.
#[derive(Debug)]
pub struct PgColumns<'a> {
    answer: &'a Answer,
    row: c_int,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer(..)")
    }
}

impl PgColumns<'_> {
    fn bytes(&self, column: usize) -> Option<&[u8]> {
        let (result, column) = (self.answer.0, column as c_int);
        // SAFETY: there is a row with this column; the bytes live as long as the result.
        unsafe {
            if PQgetisnull(result, self.row, column) == 1 {
                return None;
            }
            let length = PQgetlength(result, self.row, column) as usize;
            Some(slice::from_raw_parts(
                PQgetvalue(result, self.row, column).cast(),
                length,
            ))
        }
    }
}

impl Columns for PgColumns<'_> {
    fn int(&self, column: usize) -> Option<i64> {
        let bytes = self.bytes(column)?;
        Some(i64::from_be_bytes(bytes.try_into().expect("int8")))
    }

    fn text(&self, column: usize) -> Option<String> {
        let bytes = self.bytes(column)?;
        Some(str::from_utf8(bytes).expect("UTF-8").to_owned())
    }
}

impl Driver for Libpq {
    type Columns<'a> = PgColumns<'a>;
    const ROTATES_AT_ONCE: bool = true;

    fn open(url: &str, settings: &[&str]) -> Self {
        let url = CString::new(url).expect("URL");
        // SAFETY: the string lives during the call.
        let driver = Self {
            connection: unsafe { PQconnectdb(url.as_ptr()) },
            names: Vec::new(),
        };
        // SAFETY: the connection is open until drop.
        let status = unsafe { PQstatus(driver.connection) };
        assert_eq!(status, ConnStatusType::CONNECTION_OK, "{}", driver.error());
        settings.iter().for_each(|sql| drop(driver.answer_to(sql)));
        driver
    }

    fn prepare(&mut self) {
        for statement in Statement::ALL.into_iter().chain([Statement::Rotate]) {
            let name = CString::new(format!("{statement:?}")).expect("a name");
            let definition = statement.definition();
            let sql = CString::new(definition.with_dollars()).expect("SQL");
            let types: Vec<Oid> = definition
                .parameters
                .iter()
                .map(|kind| match kind {
                    Kind::Int => INT8,
                    Kind::Text => TEXT,
                    Kind::Ints => INT8_ARRAY,
                })
                .collect();
            // SAFETY: every pointer is to something that lives during the call, and there are as many types as told.
            let result = unsafe {
                PQprepare(
                    self.connection,
                    name.as_ptr(),
                    sql.as_ptr(),
                    types.len() as c_int,
                    types.as_ptr(),
                )
            };
            self.answer(result);
            self.names.push(name);
        }
    }

    fn query(
        &mut self,
        statement: Statement,
        values: &[Value<'_>],
        mut each: impl FnMut(&PgColumns<'_>),
    ) {
        let answer = self.execute_prepared(statement, values);
        for row in 0..answer.rows() {
            each(&PgColumns {
                answer: &answer,
                row,
            });
        }
    }

    fn execute(&mut self, statement: Statement, values: &[Value<'_>]) -> usize {
        self.execute_prepared(statement, values).affected()
    }

    fn run(&mut self, sql: &str) {
        self.answer_to(sql);
    }

    fn table(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        let answer = self.answer_to(sql);
        // SAFETY: the result lives.
        let columns = unsafe { PQnfields(answer.0) } as usize;
        let row = |row| {
            let row = PgColumns {
                answer: &answer,
                row,
            };
            (0..columns).map(|column| row.text(column)).collect()
        };
        (0..answer.rows()).map(row).collect()
    }
}
