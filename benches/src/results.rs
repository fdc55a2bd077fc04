//! What the sections leave for the report: a JSON file each, by database.

use std::fs;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::compare::{Effort, Measured};
use crate::explain::Plan;
use crate::operation::Operation;
use crate::settings;

/// The comparison of one database.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Comparison {
    pub database: String,
    pub version: String,
    /// How the server is set up, where that matters.
    pub settings: Vec<(String, String)>,
    pub tokens: u64,
    pub operations: Vec<Compared>,
    /// Why a way is missing.
    pub missing: Vec<String>,
}

/// One operation in the comparison.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Compared {
    pub operation: Operation,
    pub effort: Effort,
    pub ways: Vec<Measured>,
    /// Statements a call of ours, with BEGIN and COMMIT, and how many of them were prepared for a warm call.
    pub statements: f64,
    pub prepared_again: f64,
    /// Round trips a call by way, counted on the wire.
    pub round_trips: Vec<(String, f64)>,
    /// The mean that pgbench tells for the same statements, in microseconds.
    pub pgbench_micros: Option<f64>,
}

/// Instructions a call.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Instructions {
    pub database: String,
    /// Why there are none.
    pub missing: Option<String>,
    /// By operation: the ways and their instructions.
    pub operations: Vec<(Operation, Vec<(String, f64)>)>,
}

/// How a database does as its tables grow.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Growth {
    pub database: String,
    pub sizes: Vec<Grown>,
}

/// A database at one size.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Grown {
    pub tokens: u64,
    pub load_seconds: f64,
    /// Ours and the driver's median microseconds.
    pub operations: Vec<(Operation, Vec<Measured>)>,
    pub tables: Vec<TableSize>,
    pub plans: Vec<Planned>,
}

/// A statement and how it would be run.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Planned {
    pub call: String,
    pub sql: String,
    pub plan: Plan,
}

/// A table or an index.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct TableSize {
    pub table: String,
    pub name: String,
    pub is_table: bool,
    pub bytes: u64,
}

impl TableSize {
    /// Of a row of texts: the table's name, its own, `1` for a table, and bytes.
    pub fn from_texts(row: &[Option<String>]) -> Option<Self> {
        let text = |at: usize| row.get(at)?.clone();
        Some(Self {
            table: text(0)?,
            name: text(1)?,
            is_table: text(2)? == "1",
            bytes: text(3)?.parse::<f64>().ok()? as u64,
        })
    }
}

/// What many threads get out of a pool.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Concurrency {
    pub database: String,
    pub connections: u32,
    pub seconds: f64,
    pub series: Vec<Series>,
    /// Lookups beside a writer in a loop: who, and their latencies.
    pub beside_writer: Vec<(String, Latencies)>,
    /// Tokens that the writer stored a second.
    pub written: f64,
}

/// What many tasks get out of pools: `way` is how they call, `load` what.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Tasks {
    pub database: String,
    pub connections: u32,
    /// How long each way was measured with each number of tasks.
    pub seconds: f64,
    pub series: Vec<Series>,
}

/// One way under one load.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Series {
    pub way: String,
    pub load: String,
    /// By number of threads or tasks.
    pub points: Vec<(usize, Latencies)>,
}

/// How long calls took.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Latencies {
    pub calls: usize,
    pub per_second: f64,
    pub p50_micros: f64,
    pub p99_micros: f64,
    pub most_micros: f64,
}

/// Lookups while a pruner runs.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Pruning {
    pub database: String,
    pub dead: u64,
    pub live: u64,
    pub seconds: f64,
    pub alone: Latencies,
    pub beside: Latencies,
}

fn path(name: &str) -> PathBuf {
    settings::results().join(format!("{name}.json"))
}

/// The results of that name, if they are there.
pub fn read<T: DeserializeOwned>(name: &str) -> Option<T> {
    let text = fs::read_to_string(path(name)).ok()?;
    serde_json::from_str(&text)
        .inspect_err(|error| eprintln!("{name}: the results are of another version: {error}"))
        .ok()
}

/// Keeps results, whole or not at all.
pub fn write<T: Serialize>(name: &str, results: &T) {
    let folder = settings::results();
    fs::create_dir_all(&folder).expect("the folder of the results");
    let text = serde_json::to_string_pretty(results).expect("JSON");
    let unfinished = folder.join(format!("{name}.unfinished"));
    fs::write(&unfinished, text).expect("writes the results");
    fs::rename(unfinished, path(name)).expect("writes the results");
}
