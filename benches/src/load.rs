//! Fills the tables in bulk.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::Instant;

use crate::databases::Db;
use crate::input::{
    CLIENT_ID, LOADED_AT, SCOPE, TOKENS_PER_GRANT, access_token, client_id, metadata,
    refresh_token, stored,
};
use crate::supply::grant_of;
use crate::ways::driver::{Driver, Value};

/// So many rows a statement.
const CHUNK: u64 = 5_000;
/// So many tokens belong to one client.
const TOKENS_PER_CLIENT: u64 = 100;
/// So many tokens belong to one user.
const TOKENS_PER_USER: u64 = 10;
/// So many tokens came of one code that was not pruned yet.
const TOKENS_PER_CODE: u64 = 10;

/// Adds the rows with these numbers, and the clients and grants that they belong to.
///
/// The first call of all also adds the client that asks.
pub fn tokens<D: Db>(driver: &mut D::Driver, numbers: Range<u64>) {
    let began = Instant::now();
    let rows = numbers.end - numbers.start;
    let metadata = metadata();
    if numbers.start == 0 {
        driver.run(&format!(
            "INSERT INTO oauth2_client (client_id, client_secret, client_metadata) VALUES ('{CLIENT_ID}', 'gX1fBat3bV', '{metadata}')"
        ));
    }
    let indexes = D::before_load(driver);
    let clients =
        numbers.start.div_ceil(TOKENS_PER_CLIENT)..numbers.end.div_ceil(TOKENS_PER_CLIENT);
    fill::<D>(
        driver,
        "oauth2_client (client_id, client_metadata)",
        clients,
        |number, row| {
            row.text(&client_id(number)).text(&metadata);
        },
    );
    let grants = numbers.start.div_ceil(TOKENS_PER_GRANT)..numbers.end.div_ceil(TOKENS_PER_GRANT);
    fill::<D>(
        driver,
        "oauth2_grant (id, user_id, client_id, created_at, last_used_at)",
        grants,
        |grant, row| {
            let first = grant * TOKENS_PER_GRANT;
            row.int(grant_of(first))
                .int((first / TOKENS_PER_USER) as i64)
                .text(&client_id(first / TOKENS_PER_CLIENT))
                .int(LOADED_AT - (grant % 1_000_000) as i64)
                .int(LOADED_AT);
        },
    );
    let codes = numbers.start.div_ceil(TOKENS_PER_CODE)..numbers.end.div_ceil(TOKENS_PER_CODE);
    fill::<D>(
        driver,
        "oauth2_code (user_id, code, client_id, scope, auth_time, grant_id, redeemed_at)",
        codes,
        |code, row| {
            let number = code * TOKENS_PER_CODE;
            row.int((number / TOKENS_PER_USER) as i64)
                .text(&stored(code, access_token(code)))
                .text(&client_id(number / TOKENS_PER_CLIENT))
                .text(SCOPE)
                .int(LOADED_AT - (code % 1_000_000) as i64)
                .int(grant_of(number))
                .int(LOADED_AT);
        },
    );
    fill::<D>(
        driver,
        "oauth2_token (user_id, client_id, token_type, access_token, refresh_token, scope, issued_at, expires_in, grant_id)",
        numbers,
        |number, row| {
            row.int((number / TOKENS_PER_USER) as i64)
                .text(&client_id(number / TOKENS_PER_CLIENT))
                .text("Bearer")
                .text(&stored(number, access_token(number)))
                .text(&stored(number, refresh_token(number)))
                .text(SCOPE)
                .int(LOADED_AT - (number % 10_000_000) as i64)
                .int(0)
                .int(grant_of(number));
        },
    );
    indexes.iter().for_each(|sql| driver.run(sql));
    D::analyze(driver);
    let seconds = began.elapsed().as_secs_f64();
    if seconds > 5.0 {
        eprintln!("{}: loaded {rows} tokens in {seconds:.0} s", D::NAME);
    }
}

/// Adds tokens that died long ago, one for every number.
pub fn dead_tokens<D: Db>(driver: &mut D::Driver, numbers: Range<u64>) {
    let indexes = D::before_load(driver);
    fill::<D>(
        driver,
        "oauth2_token (user_id, client_id, token_type, access_token, refresh_token, scope, issued_at, \
         access_token_revoked_at, refresh_token_revoked_at, expires_in)",
        numbers.clone(),
        |number, row| {
            let issued_at = ((number - numbers.start) / 10) as i64;
            row.int((number / TOKENS_PER_USER) as i64)
                .text(CLIENT_ID)
                .text("Bearer")
                .text(&access_token(number))
                .text(&refresh_token(number))
                .text(SCOPE)
                .int(issued_at)
                .int(issued_at + 1)
                .int(issued_at + 1)
                .int(60);
        },
    );
    indexes.iter().for_each(|sql| driver.run(sql));
    D::analyze(driver);
}

/// A row in one of the two forms. No text has a character with a meaning in them.
struct RowText<'a> {
    text: &'a mut String,
    copies: bool,
    is_first: bool,
}

impl RowText<'_> {
    fn value(&mut self, value: Value<'_>) -> &mut Self {
        if !std::mem::take(&mut self.is_first) {
            self.text.push(if self.copies { '\t' } else { ',' });
        }
        let _ = match (value, self.copies) {
            (Value::Int(int), _) => write!(self.text, "{int}"),
            (Value::Text(Some(text)), true) => write!(self.text, "{text}"),
            (Value::Text(Some(text)), false) => write!(self.text, "'{text}'"),
            (_, true) => write!(self.text, "\\N"),
            (_, false) => write!(self.text, "NULL"),
        };
        self
    }

    fn int(&mut self, int: i64) -> &mut Self {
        self.value(Value::Int(int))
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.value(Value::Text(Some(text)))
    }
}

fn fill<D: Db>(
    driver: &mut D::Driver,
    into: &str,
    numbers: Range<u64>,
    write: impl Fn(u64, &mut RowText<'_>),
) {
    let mut text = String::new();
    let mut next = numbers.start;
    while next < numbers.end {
        let end = numbers.end.min(next + CHUNK);
        text.clear();
        for number in next..end {
            if !D::COPIES {
                text.push_str(if number == next { "(" } else { ",(" });
            }
            let (copies, is_first) = (D::COPIES, true);
            write(
                number,
                &mut RowText {
                    text: &mut text,
                    copies,
                    is_first,
                },
            );
            text.push(if D::COPIES { '\n' } else { ')' });
        }
        D::load(driver, into, &text);
        if end / 1_000_000 > next / 1_000_000 {
            eprintln!(
                "{}: {end} rows of {}",
                D::NAME,
                into.split(' ').next().unwrap_or_default()
            );
        }
        next = end;
    }
}
