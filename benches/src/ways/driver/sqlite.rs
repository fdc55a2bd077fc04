//! rusqlite, each statement prepared once.

use rusqlite::Connection;
use rusqlite::types::{Null, ValueRef};

use super::{Columns, Driver, Statement, Value};

/// rusqlite on one connection.
#[derive(Debug)]
pub struct Rusqlite {
    statements: Vec<rusqlite::Statement<'static>>,
    connection: &'static Connection,
}

impl Columns for rusqlite::Row<'_> {
    fn int(&self, column: usize) -> Option<i64> {
        self.get(column).expect("an integer or NULL")
    }

    fn text(&self, column: usize) -> Option<String> {
        self.get(column).expect("a text or NULL")
    }
}

impl Rusqlite {
    fn bind(
        &mut self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> &mut rusqlite::Statement<'static> {
        let statement = &mut self.statements[statement as usize];
        let mut at = 0;
        let mut place = || {
            at += 1;
            at
        };
        for value in values {
            let bound = match value {
                Value::Int(int) => statement.raw_bind_parameter(place(), int),
                Value::OptionalInt(int) => statement.raw_bind_parameter(place(), int),
                Value::Text(Some(text)) => statement.raw_bind_parameter(place(), text),
                Value::Text(None) => statement.raw_bind_parameter(place(), Null),
                Value::Ints(ints) => ints
                    .iter()
                    .try_for_each(|int| statement.raw_bind_parameter(place(), int)),
            };
            bound.expect("binds");
        }
        statement
    }
}

impl Driver for Rusqlite {
    type Columns<'a> = rusqlite::Row<'a>;

    fn open(path: &str, settings: &[&str]) -> Self {
        // Statements borrow their connection, so it stays until the process ends.
        let connection: &'static Connection =
            Box::leak(Box::new(Connection::open(path).expect("opens")));
        connection
            .execute_batch(&settings.join("; "))
            .expect("settings");
        Self {
            statements: Vec::new(),
            connection,
        }
    }

    fn prepare(&mut self) {
        let prepare = |statement: Statement| {
            let sql = statement.definition().with_question_marks();
            self.connection.prepare(&sql).expect("prepares")
        };
        self.statements = Statement::ALL.map(prepare).into();
    }

    fn query(
        &mut self,
        statement: Statement,
        values: &[Value<'_>],
        mut each: impl FnMut(&rusqlite::Row<'_>),
    ) {
        let mut rows = self.bind(statement, values).raw_query();
        while let Some(row) = rows.next().expect("query") {
            each(row);
        }
    }

    fn execute(&mut self, statement: Statement, values: &[Value<'_>]) -> usize {
        self.bind(statement, values)
            .raw_execute()
            .expect("executes")
    }

    fn run(&mut self, sql: &str) {
        if matches!(sql, "BEGIN" | "COMMIT") {
            let prepared = self.connection.prepare_cached(sql);
            prepared
                .and_then(|mut prepared| prepared.execute([]))
                .expect(sql);
        } else {
            self.connection.execute_batch(sql).expect(sql);
        }
    }

    fn table(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        let mut statement = self.connection.prepare(sql).expect(sql);
        let columns = statement.column_count();
        // EXPLAIN has parameters, which stay NULL.
        let mut rows = statement.raw_query();
        let mut table = Vec::new();
        while let Some(row) = rows.next().expect(sql) {
            let values = (0..columns).map(|column| match row.get_ref(column).expect("a column") {
                ValueRef::Null => None,
                ValueRef::Integer(value) => Some(value.to_string()),
                ValueRef::Real(value) => Some(value.to_string()),
                ValueRef::Text(text) | ValueRef::Blob(text) => {
                    Some(String::from_utf8_lossy(text).into_owned())
                }
            });
            table.push(values.collect());
        }
        table
    }
}
