//! libpq: `PQprepare` once, then `PQexecPrepared` with parameters and results in binary form.

use std::ffi::{CStr, CString, c_char, c_int};
use std::{ptr, slice, str};

use pq_sys::{
    ConnStatusType, ExecStatusType, Oid, PGconn, PGresult, PQclear, PQcmdTuples, PQconnectdb,
    PQerrorMessage, PQexec, PQexecPrepared, PQfinish, PQgetisnull, PQgetlength, PQgetvalue,
    PQntuples, PQprepare, PQresultStatus, PQstatus,
};

use super::Sql;
use crate::TokenResponse;
use crate::stores::{CLIENT_ID, Row, Store, USER_ID, now};

const INT8: Oid = 20;
const TEXT: Oid = 25;

const BY_ACCESS_TOKEN: &CStr = c"by_access_token";
const BY_EITHER_TOKEN: &CStr = c"by_either_token";
const INSERT: &CStr = c"insert";
const REVOKE: &CStr = c"revoke";

pub(crate) struct Driver(*mut PGconn);

impl Driver {
    pub(crate) fn connect(url: &str, settings: &str) -> Self {
        let url = CString::new(url).expect("URL");
        // SAFETY: the string lives during the call.
        let driver = Self(unsafe { PQconnectdb(url.as_ptr()) });
        // SAFETY: the connection is open until drop.
        let status = unsafe { PQstatus(driver.0) };
        assert_eq!(status, ConnStatusType::CONNECTION_OK, "{}", driver.error());
        let settings = CString::new(settings).expect("SQL");
        // SAFETY: as above.
        driver.answer(unsafe { PQexec(driver.0, settings.as_ptr()) });

        let sql = Sql::new(|number| format!("${number}"));
        driver.prepare(BY_ACCESS_TOKEN, &sql.by_access_token, &[TEXT]);
        driver.prepare(BY_EITHER_TOKEN, &sql.by_either_token, &[TEXT, TEXT]);
        driver.prepare(
            INSERT,
            &sql.insert,
            &[INT8, TEXT, TEXT, TEXT, TEXT, TEXT, INT8, INT8, INT8, INT8],
        );
        driver.prepare(REVOKE, &sql.revoke, &[INT8, INT8]);
        driver
    }

    fn prepare(&self, name: &CStr, sql: &str, types: &[Oid]) {
        let sql = CString::new(sql).expect("SQL");
        // SAFETY: every pointer is to something that lives during the call, and there are as many types as told.
        let result = unsafe {
            PQprepare(
                self.0,
                name.as_ptr(),
                sql.as_ptr(),
                types.len() as c_int,
                types.as_ptr(),
            )
        };
        self.answer(result);
    }

    fn execute<const N: usize>(&self, name: &CStr, parameters: [Option<&[u8]>; N]) -> Answer {
        let values = parameters
            .map(|value| value.map_or(ptr::null(), |value| value.as_ptr().cast::<c_char>()));
        let lengths = parameters.map(|value| value.map_or(0, |value| value.len() as c_int));
        let formats = [1; N];
        // SAFETY: every pointer is to something that lives during the call, and each array has N members.
        let result = unsafe {
            PQexecPrepared(
                self.0,
                name.as_ptr(),
                N as c_int,
                values.as_ptr(),
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
            ExecStatusType::PGRES_TUPLES_OK | ExecStatusType::PGRES_COMMAND_OK
        );
        assert!(is_good, "{}", self.error());
        answer
    }

    fn error(&self) -> String {
        // SAFETY: libpq gives a string of its own, which lives until the connection is used again.
        let message = unsafe { CStr::from_ptr(PQerrorMessage(self.0)) };
        message.to_string_lossy().into_owned()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // SAFETY: nobody uses the connection any more.
        unsafe { PQfinish(self.0) };
    }
}

struct Answer(*mut PGresult);

impl Answer {
    fn row(&self) -> Option<Row> {
        // SAFETY: the result lives.
        if unsafe { PQntuples(self.0) } == 0 {
            return None;
        }
        Some(Row {
            id: self.int(0)?,
            user_id: self.int(1),
            client_id: self.text(2)?,
            token_type: self.text(3),
            access_token: self.text(4)?,
            refresh_token: self.text(5),
            scope: self.text(6),
            issued_at: self.int(7)?,
            access_token_revoked_at: self.int(8)?,
            refresh_token_revoked_at: self.int(9)?,
            expires_in: self.int(10)?,
        })
    }

    fn bytes(&self, column: c_int) -> Option<&[u8]> {
        // SAFETY: called where there is a row with this column; the bytes live as long as the result.
        unsafe {
            if PQgetisnull(self.0, 0, column) == 1 {
                return None;
            }
            let length = PQgetlength(self.0, 0, column) as usize;
            Some(slice::from_raw_parts(
                PQgetvalue(self.0, 0, column).cast(),
                length,
            ))
        }
    }

    fn text(&self, column: c_int) -> Option<String> {
        let bytes = self.bytes(column)?;
        Some(str::from_utf8(bytes).expect("UTF-8").to_owned())
    }

    fn int(&self, column: c_int) -> Option<i64> {
        let bytes = self.bytes(column)?;
        Some(i64::from_be_bytes(bytes.try_into().expect("int8")))
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

impl Store for Driver {
    type Row = Row;

    fn by_access_token(&mut self, token: &str) -> Option<Row> {
        self.execute(BY_ACCESS_TOKEN, [Some(token.as_bytes())])
            .row()
    }

    fn by_either_token(&mut self, token: &str) -> Option<Row> {
        self.execute(BY_EITHER_TOKEN, [Some(token.as_bytes()); 2])
            .row()
    }

    fn save(&mut self, token: &TokenResponse) {
        let int = |value: i64| value.to_be_bytes();
        let (issued_at, expires_in) = (int(now()), int(token.expires_in.unwrap_or(0)));
        let answer = self.execute(
            INSERT,
            [
                Some(&int(USER_ID)),
                Some(CLIENT_ID.as_bytes()),
                Some(token.token_type.as_bytes()),
                Some(token.access_token.as_bytes()),
                token.refresh_token.as_deref().map(str::as_bytes),
                token.scope.as_deref().map(str::as_bytes),
                Some(&issued_at),
                Some(&int(0)),
                Some(&int(0)),
                Some(&expires_in),
            ],
        );
        assert_eq!(answer.affected(), 1);
    }

    fn revoke(&mut self, row: &Row) {
        let (now, id) = (now().to_be_bytes(), row.id.to_be_bytes());
        assert_eq!(self.execute(REVOKE, [Some(&now), Some(&id)]).affected(), 1);
    }
}
