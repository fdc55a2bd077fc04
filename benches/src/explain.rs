//! Which statements are sent, and how the databases would run them.

use std::sync::{Arc, Mutex};

use diesel::Connection;
use diesel::connection::InstrumentationEvent;
use serde::{Deserialize, Serialize};

/// A statement as Diesel sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its text.
    pub sql: String,
    /// Its parameters as literals.
    pub binds: Vec<String>,
}

impl Sent {
    /// Of "text -- binds: [values]", which is how Diesel shows a statement.
    fn of(shown: &str) -> Self {
        let (sql, binds) = shown.rsplit_once(" -- binds: ").unwrap_or((shown, "[]"));
        Self {
            sql: sql.to_owned(),
            binds: literals(binds),
        }
    }

    /// Whether it reads or writes rows, and does not only begin or end a transaction.
    pub fn is_about_rows(&self) -> bool {
        let words = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "];
        words
            .iter()
            .any(|word| self.sql.trim_start().starts_with(word))
    }

    /// How many parameters there are, where they are `$1`, `$2`...
    pub fn dollars(&self) -> usize {
        let numbers = self.sql.split('$').skip(1).filter_map(|rest| {
            let digits = rest.len()
                - rest
                    .trim_start_matches(|it: char| it.is_ascii_digit())
                    .len();
            rest[..digits].parse().ok()
        });
        numbers.max().unwrap_or(0)
    }

    /// The text with each `?` replaced by its value.
    pub fn with_values(&self) -> String {
        let mut binds = self.binds.iter();
        let mut pieces = self.sql.split('?');
        let first = pieces.next().unwrap_or_default().to_owned();
        pieces.fold(first, |sql, piece| {
            sql + binds.next().map_or("NULL", String::as_str) + piece
        })
    }
}

/// SQL literals of the `Debug` form of a list: numbers, texts without quotes in them, and `Some` and `None` of those.
fn literals(list: &str) -> Vec<String> {
    let list = list.trim_start_matches('[').trim_end_matches(']');
    let values = list.split(", ").filter(|value| !value.is_empty());
    let literal = |value: &str| {
        let value = value
            .strip_prefix("Some(")
            .map_or(value, |rest| rest.trim_end_matches(')'));
        match value {
            "None" => "NULL".to_owned(),
            text => text.replace('"', "'"),
        }
    };
    values.map(literal).collect()
}

/// How a statement would be run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The database's own words.
    pub lines: Vec<String>,
    /// Whether a table is read without an index.
    pub scans: bool,
    /// Whether rows are sorted.
    pub sorts: bool,
}

/// What a connection has sent.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<Sent>>>);

impl Log {
    /// Writes down what goes over the connection from now on.
    pub fn listen(connection: &mut impl Connection) -> Self {
        let log = Self::default();
        let entries = log.clone();
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                let sent = Sent::of(&query.to_string());
                entries.0.lock().expect("nobody panicked").push(sent);
            }
        });
        log
    }

    /// The statements sent since the last call.
    pub fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut *self.0.lock().expect("nobody panicked"))
    }
}
