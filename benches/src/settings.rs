//! What the environment decides.
//!
//! | variable | what | unless set |
//! | --- | --- | --- |
//! | `DIESEL_OAUTH2_TEST_POSTGRES_URL`, `DIESEL_OAUTH2_TEST_MYSQL_URL` | a server on which databases may be created | that database is left out |
//! | `DIESEL_OAUTH2_TEST_PYTHON` | a Python with authlib and SQLAlchemy | authlib is left out |
//! | `DIESEL_OAUTH2_BENCH_QUICK` | `1`: a few calls of each, to see that they work | |
//! | `DIESEL_OAUTH2_BENCH_RESUME` | `1`: keep the results that are there | measure everything |
//! | `DIESEL_OAUTH2_BENCH_TOKENS` | tokens in the tables of the comparison | 100000 |
//! | `DIESEL_OAUTH2_BENCH_GROWTH` | sizes to grow through | `10000 100000 1000000` |
//! | `DIESEL_OAUTH2_BENCH_PRUNE` | dead tokens to prune | 1000000 |
//! | `DIESEL_OAUTH2_BENCH_RESULTS` | where the results are kept | `target/bench-report` |
//! | `DIESEL_OAUTH2_BENCH_ONLY` | databases to measure: `sqlite postgres mysql` | all |

use std::path::PathBuf;

/// The variable's value, unless it is empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn is_set(name: &str) -> bool {
    variable(name).is_some_and(|value| value != "0")
}

/// Without `--bench`, which `cargo bench` gives, somebody only wants to know whether it runs.
pub fn is_quick() -> bool {
    let given = |flag: &str| std::env::args().any(|argument| argument == flag);
    given("--quick") || !given("--bench") || is_set("DIESEL_OAUTH2_BENCH_QUICK")
}

/// Whether results that are there already stay.
pub fn is_resuming() -> bool {
    is_set("DIESEL_OAUTH2_BENCH_RESUME")
}

/// Whether this database is to be measured.
pub fn is_wanted(key: &str) -> bool {
    variable("DIESEL_OAUTH2_BENCH_ONLY")
        .is_none_or(|only| only.split_whitespace().any(|word| word == key))
}

/// How many tokens the comparison's tables hold.
pub fn tokens() -> u64 {
    if is_quick() {
        return 1_000;
    }
    number("DIESEL_OAUTH2_BENCH_TOKENS").unwrap_or(100_000)
}

/// How many tokens the growing tables hold, smallest first.
pub fn growth() -> Vec<u64> {
    if is_quick() {
        return vec![1_000, 2_000];
    }
    let sizes = variable("DIESEL_OAUTH2_BENCH_GROWTH").unwrap_or("10000 100000 1000000".into());
    let mut sizes: Vec<u64> = sizes.split_whitespace().map(parse).collect();
    sizes.sort_unstable();
    sizes
}

/// How many dead tokens are pruned.
pub fn prune() -> u64 {
    if is_quick() {
        return 2_000;
    }
    number("DIESEL_OAUTH2_BENCH_PRUNE").unwrap_or(1_000_000)
}

/// The folder of the results.
pub fn results() -> PathBuf {
    match variable("DIESEL_OAUTH2_BENCH_RESULTS") {
        Some(folder) => folder.into(),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/bench-report"),
    }
}

fn number(name: &str) -> Option<u64> {
    variable(name).map(|text| parse(&text))
}

fn parse(text: &str) -> u64 {
    text.parse()
        .unwrap_or_else(|_| panic!("not a number: {text}"))
}
