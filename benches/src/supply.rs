//! What the calls work on: rows that are there beforehand, and rows that are put there just before.

use std::cell::{Cell, RefCell};

use crate::input::{
    CLIENT_ID, LOADED_AT, REDIRECT_URI, SCOPE, TOKENS_PER_GRANT, USER_ID, access_token, mix,
    next_number, now, refresh_token, stored,
};

/// A connection beside those that are measured, to put the tables in order.
pub trait Upkeep {
    /// Runs one statement.
    fn run(&mut self, sql: &str);
}

/// The loaded rows of one form: those with even numbers hold plain tokens, the odd ones digests.
pub struct Supply<'a> {
    rows: u64,
    digests: bool,
    picked: Cell<u64>,
    taken: Cell<u64>,
    /// What may not be live any more.
    used: RefCell<Vec<u64>>,
    upkeep: &'a RefCell<dyn Upkeep + 'a>,
}

impl<'a> Supply<'a> {
    /// `rows` tokens are there.
    pub fn new(rows: u64, digests: bool, upkeep: &'a RefCell<dyn Upkeep + 'a>) -> Self {
        Self {
            rows,
            digests,
            picked: Cell::new(0),
            taken: Cell::new(0),
            used: RefCell::default(),
            upkeep,
        }
    }

    /// The number of a random row.
    pub fn any(&self) -> u64 {
        self.picked.set(self.picked.get() + 1);
        self.of_form(mix(self.picked.get()) % (self.rows / 2))
    }

    /// So many rows that no call has used up yet, in an order that jumps about.
    pub fn live(&self, count: usize) -> Vec<u64> {
        let half = self.rows / 2;
        // All of them before or all of them after: one taken before would be counted as live again.
        if self.used.borrow().len() + count > half as usize {
            self.revive();
        }
        let first = self.taken.replace(self.taken.get() + count as u64);
        // 7919 is a prime that divides no count used here, so every row has its turn.
        let live = (first..)
            .take(count)
            .map(|at| self.of_form(at * 7919 % half));
        let live: Vec<u64> = live.collect();
        self.used.borrow_mut().extend(&live);
        live
    }

    /// Makes the used rows live again.
    pub fn revive(&self) {
        for used in self.used.take().chunks(500) {
            let tokens = used
                .iter()
                .map(|&row| format!("'{}'", stored(row, access_token(row))));
            self.run(&format!(
                "UPDATE oauth2_token SET access_token_revoked_at = 0, refresh_token_revoked_at = 0, \
                 refresh_token_rotated_at = 0 WHERE access_token IN ({})",
                tokens.collect::<Vec<_>>().join(",")
            ));
        }
    }

    fn of_form(&self, at: u64) -> u64 {
        at * 2 + u64::from(self.digests)
    }

    /// Stores so many codes, and gives them as they are presented.
    pub fn codes(&self, count: usize) -> Vec<String> {
        let numbers: Vec<u64> = (0..count).map(|_| self.new_number()).collect();
        let now = now();
        self.insert(
            "oauth2_code (user_id, code, client_id, redirect_uri, response_type, scope, auth_time, grant_id)",
            numbers.iter().map(|&number| {
                let code = stored(number, access_token(number));
                format!("{USER_ID},'{code}','{CLIENT_ID}','{REDIRECT_URI}','code','{SCOPE}',{now},{number}")
            }),
        );
        numbers.into_iter().map(access_token).collect()
    }

    /// Stores so many tokens that died long ago.
    pub fn dead(&self, count: usize) {
        self.insert(
            "oauth2_token (user_id, client_id, token_type, access_token, refresh_token, scope, issued_at, \
             access_token_revoked_at, refresh_token_revoked_at, expires_in)",
            (0..count).map(|at| {
                let number = self.new_number();
                let access_token = stored(number, access_token(number));
                let refresh_token = stored(number, refresh_token(number));
                format!(
                    "{USER_ID},'{CLIENT_ID}','Bearer','{access_token}','{refresh_token}','{SCOPE}',{at},{at}+1,{at}+1,60"
                )
            }),
        );
    }

    /// Makes every row live again that somebody else has used.
    pub fn revive_all(&self) {
        self.run(
            "UPDATE oauth2_token SET access_token_revoked_at = 0, refresh_token_revoked_at = 0, \
             refresh_token_rotated_at = 0 WHERE access_token_revoked_at <> 0 OR refresh_token_revoked_at <> 0",
        );
    }

    /// Takes away what the calls have stored, and makes the used rows live again.
    pub fn forget(&self) {
        self.revive();
        self.run(&format!(
            "DELETE FROM oauth2_token WHERE issued_at > {LOADED_AT}"
        ));
        self.run(&format!(
            "DELETE FROM oauth2_grant WHERE created_at > {LOADED_AT}"
        ));
        self.run(&format!(
            "DELETE FROM oauth2_code WHERE auth_time > {LOADED_AT}"
        ));
    }

    /// Runs one statement beside those that are measured.
    pub fn run(&self, sql: &str) {
        self.upkeep.borrow_mut().run(sql);
    }

    fn new_number(&self) -> u64 {
        self.of_form(next_number())
    }

    fn insert(&self, table: &str, rows: impl Iterator<Item = String>) {
        let rows: Vec<String> = rows.map(|row| format!("({row})")).collect();
        for rows in rows.chunks(500) {
            self.run(&format!("INSERT INTO {table} VALUES {}", rows.join(",")));
        }
    }
}

/// The grant of a loaded row.
pub fn grant_of(number: u64) -> i64 {
    (number / TOKENS_PER_GRANT + 1) as i64
}
