//! Writes `REPORT.md` and its plots from what the sections have left.

mod awaited;
mod machine;
mod markdown;
mod plots;
mod sections;
mod targets;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use diesel_oauth2_benches::results::{
    self, Comparison, Concurrency, Growth, Instructions, Pruning, Tasks,
};
use serde::de::DeserializeOwned;

/// Everything that was measured.
struct Found {
    comparisons: Vec<Comparison>,
    instructions: Vec<Instructions>,
    growth: Vec<Growth>,
    concurrency: Vec<Concurrency>,
    tasks: Vec<Tasks>,
    pruning: Vec<Pruning>,
}

fn read<T: DeserializeOwned>(section: &str) -> Vec<T> {
    let databases = ["sqlite", "postgres", "mysql"].into_iter();
    databases
        .filter_map(|database| results::read(&format!("{section}-{database}")))
        .collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).into(),
        PathBuf::from,
    );
    let found = Found {
        comparisons: read("operations"),
        instructions: read("instructions"),
        growth: read("growth"),
        concurrency: read("concurrency"),
        tasks: read("async"),
        pruning: read("prune"),
    };
    let plots = folder.join("plots");
    fs::create_dir_all(&plots)?;
    let report = sections::write(&found, &plots)?;
    let file = folder.join("REPORT.md");
    fs::write(&file, report)?;
    eprintln!("wrote {}", file.display());
    Ok(())
}
