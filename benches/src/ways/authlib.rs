//! authlib and SQLAlchemy: a Python process that makes the calls it is told and answers with the time they took.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::compare::Cost;
use crate::counts::Counts;
use crate::input::{CLIENT_ID, PRUNED_BEFORE, access_token, issue, refresh_token};
use crate::operation::{Operation, PRUNED};
use crate::settings;
use crate::store::{Way, presented};
use crate::supply::Supply;

/// authlib on a database.
#[derive(Debug)]
pub struct Authlib {
    python: Child,
    asked: ChildStdin,
    answered: BufReader<ChildStdout>,
}

impl Authlib {
    /// Starts Python. `None` where `DIESEL_OAUTH2_TEST_PYTHON` is not set.
    pub fn start(url: &str) -> Option<Self> {
        let program = settings::variable("DIESEL_OAUTH2_TEST_PYTHON")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("authlib.py");
        let mut python = Command::new(program)
            .arg(script)
            .arg(url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let asked = python.stdin.take().expect("is piped");
        let answered = BufReader::new(python.stdout.take().expect("is piped"));
        Some(Self {
            python,
            asked,
            answered,
        })
    }
}

impl Way for Authlib {
    fn run(&mut self, operation: Operation, supply: &Supply<'_>, calls: usize) -> Cost {
        let lookups = || {
            presented(operation, supply, calls)
                .into_iter()
                .map(Value::from)
                .collect()
        };
        let (name, inputs): (&str, Vec<Value>) = match operation {
            Operation::QueryClient => ("query_client", vec![CLIENT_ID.into(); calls]),
            Operation::SaveToken => {
                let issued = (0..calls).map(|_| serde_json::to_value(issue()).expect("JSON"));
                ("save_token", issued.collect())
            }
            Operation::QueryTokenUnhinted => ("query_token:none", lookups()),
            Operation::QueryTokenAccess => ("query_token:access_token", lookups()),
            Operation::QueryTokenRefresh => ("query_token:refresh_token", lookups()),
            Operation::Validate => ("validate", lookups()),
            Operation::Introspect => ("introspect", lookups()),
            Operation::Revoke => (
                "revoke",
                supply
                    .live(calls)
                    .into_iter()
                    .map(|row| access_token(row).into())
                    .collect(),
            ),
            Operation::Redeem => (
                "redeem",
                supply.codes(calls).into_iter().map(Value::from).collect(),
            ),
            Operation::Rotate => {
                let pairs = supply
                    .live(calls)
                    .into_iter()
                    .map(|row| json!([refresh_token(row), issue()]));
                ("rotate", pairs.collect())
            }
            Operation::Prune => {
                supply.dead(PRUNED * calls);
                ("prune", vec![PRUNED_BEFORE.into()])
            }
        };
        let question = json!({"operation": name, "inputs": inputs});
        let before = Counts::now();
        writeln!(self.asked, "{question}").expect("Python listens");
        let mut answer = String::new();
        self.answered
            .read_line(&mut answer)
            .expect("Python answers");
        let nanoseconds = answer.trim().parse().expect("Python's answer is a number");
        // What is revoked or exchanged is looked up in between, and not told from the rest.
        let counts = match operation {
            Operation::Revoke | Operation::Rotate => Counts::default(),
            _ => Counts::now() - before,
        };
        Cost {
            time: Duration::from_nanos(nanoseconds),
            allocations: 0,
            counts,
        }
    }

    fn is_rust(&self) -> bool {
        false
    }
}

impl Drop for Authlib {
    fn drop(&mut self) {
        let _ = self.python.kill();
        let _ = self.python.wait();
    }
}
