//! How many instructions a call takes, counted by callgrind: the one figure that a busy machine cannot touch. On SQLite
//! that is all there is to a call; on the servers it is the client's part.

use std::cell::RefCell;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use diesel_oauth2_benches::databases::{Db, Migrated, migrated, our_pool};
use diesel_oauth2_benches::operation::Operation;
use diesel_oauth2_benches::results::Instructions;
use diesel_oauth2_benches::section::{self, Section};
use diesel_oauth2_benches::store::Way;
use diesel_oauth2_benches::supply::Supply;
use diesel_oauth2_benches::ways::driver::{Driver, Floor};
use diesel_oauth2_benches::ways::{BEST, DRIVER, IDIOMATIC, OURS, OURS_SHA256, by_hand};
use diesel_oauth2_benches::{load, settings};

/// The argument by which this program tells itself what to run under callgrind.
const COUNTED: &str = "--counted-by-callgrind";
const WAYS: [&str; 5] = [OURS, BEST, IDIOMATIC, DRIVER, OURS_SHA256];

struct Counting;

impl Section for Counting {
    const NAME: &'static str = "instructions";
    type Results = Instructions;

    fn run<D: Db>() -> Option<Instructions> {
        let database = D::NAME.to_owned();
        if Command::new("valgrind")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_err()
        {
            let missing = Some("valgrind is not installed".to_owned());
            return Some(Instructions {
                database,
                missing,
                operations: Vec::new(),
            });
        }
        let Migrated { mut driver, fresh } = migrated::<D>()?;
        let (rows, calls) = if settings::is_quick() {
            (200, 2)
        } else {
            (10_000, 50)
        };
        load::tokens::<D>(&mut driver, 0..rows);
        drop(driver);
        let ways = if settings::is_quick() {
            &WAYS[..1]
        } else {
            &WAYS
        };
        let mut operations: Vec<(Operation, Vec<(String, f64)>)> = Operation::ALL
            .map(|operation| (operation, Vec::new()))
            .into();
        for way in ways {
            eprintln!("{}: {way} under callgrind", D::NAME);
            match count::<D>(way, &fresh.url, rows, calls) {
                Ok(counts) => {
                    for ((_, ways), count) in operations.iter_mut().zip(counts) {
                        ways.push(((*way).to_owned(), count));
                    }
                }
                Err(why) => {
                    let missing = Some(format!("{way}: {why}"));
                    return Some(Instructions {
                        database,
                        missing,
                        operations: Vec::new(),
                    });
                }
            }
        }
        Some(Instructions {
            database,
            missing: None,
            operations,
        })
    }

    fn tell(found: &Instructions) {
        if let Some(why) = &found.missing {
            println!("instructions: {why}");
        }
        for (operation, ways) in &found.operations {
            let counts = ways
                .iter()
                .map(|(way, count)| format!("  {way} {count:.0}"));
            println!("{:22}{}", operation.name(), counts.collect::<String>());
        }
    }
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    match &arguments[..] {
        [_, flag, key, way, url, rows, calls] if flag == COUNTED => {
            let (rows, calls) = (rows.parse().expect("rows"), calls.parse().expect("calls"));
            match key.as_str() {
                #[cfg(feature = "postgres")]
                "postgres" => make_calls::<diesel::PgConnection>(way, url, rows, calls),
                #[cfg(feature = "mysql")]
                "mysql" => make_calls::<diesel::MysqlConnection>(way, url, rows, calls),
                #[cfg(feature = "sqlite")]
                _ => make_calls::<diesel::SqliteConnection>(way, url, rows, calls),
                #[cfg(not(feature = "sqlite"))]
                _ => unreachable!("not a database"),
            }
        }
        _ => section::main::<Counting>(),
    }
}

/// Instructions a call, by operation.
fn count<D: Db>(way: &str, url: &str, rows: u64, calls: usize) -> Result<Vec<f64>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .args([
            "--toggle-collect=*each_call_of_a_batch*",
            "--dump-before=*end_of_a_part*",
        ])
        .arg(format!(
            "--callgrind-out-file={}",
            folder.path().join("out").display()
        ))
        .arg(env::current_exe().map_err(|error| error.to_string())?)
        .args([COUNTED, D::KEY, way, url])
        .args([rows.to_string(), calls.to_string()])
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    // Each operation has left two parts: its warm-up, and the calls that count.
    let count = |(at, operation): (usize, &Operation)| {
        let calls = if operation.is_long() { 1 } else { calls };
        total(&folder.path().join(format!("out.{}", 2 * at + 2))).map(|total| total / calls as f64)
    };
    Operation::ALL.iter().enumerate().map(count).collect()
}

/// The total that a part tells.
fn total(part: &Path) -> Result<f64, String> {
    let text = fs::read_to_string(part).map_err(|error| format!("callgrind's output: {error}"))?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok());
    total.ok_or_else(|| "callgrind's output has no total".to_owned())
}

/// What runs under callgrind.
fn make_calls<D: Db>(name: &str, url: &str, rows: u64, calls: usize) {
    let driver = RefCell::new(D::Driver::open(url, D::SETTINGS));
    let supply = Supply::new(rows, name == OURS_SHA256, &driver);
    let by_hand = |tested| by_hand::pool::<D>(url, D::SETTINGS, tested, 1);
    let mut way: Box<dyn Way> = match name {
        OURS | OURS_SHA256 => D::ours(our_pool(url, 1), name == OURS_SHA256),
        BEST => D::best(by_hand(false)),
        IDIOMATIC => D::idiomatic(by_hand(true)),
        _ => Box::new(Floor::<D::Driver>::connect(url, D::SETTINGS)),
    };
    for operation in Operation::ALL {
        let calls = if operation.is_long() { 1 } else { calls };
        for _warmed_up in [false, true] {
            way.run(operation, &supply, calls);
            end_of_a_part();
        }
        supply.forget();
    }
}

/// Makes callgrind write down what it has counted so far, and begin anew. It knows this by its name.
#[inline(never)]
fn end_of_a_part() {
    std::hint::black_box(());
}
