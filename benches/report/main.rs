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

/// A section's results by database.
fn read<T: DeserializeOwned>(section: &str) -> Vec<T> {
    ["sqlite", "postgres", "mysql"]
        .into_iter()
        .filter_map(|database| results::read(&format!("{section}-{database}")))
        .collect()
}

/// The same, and behind them SQLite's of a build without this repository's `LIBSQLITE3_FLAGS`.
fn with_stock<T: DeserializeOwned>(section: &str, name: fn(&mut T) -> &mut String) -> Vec<T> {
    let mut all = read(section);
    if let Some(mut stock) = results::read(&format!("stock/{section}-sqlite")) {
        name(&mut stock).push_str(", stock");
        all.push(stock);
    }
    all
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
        concurrency: with_stock("concurrency", |it: &mut Concurrency| &mut it.database),
        tasks: read("async"),
        pruning: with_stock("prune", |it: &mut Pruning| &mut it.database),
    };
    let plots = folder.join("plots");
    fs::create_dir_all(&plots)?;
    let report = sections::write(&found, &plots)?;
    let file = folder.join("REPORT.md");
    fs::write(&file, report)?;
    eprintln!("wrote {}", file.display());
    Ok(())
}
