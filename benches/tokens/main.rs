//! How fast tokens are looked up, saved and revoked: by this crate, by Diesel as its guides have it ("idiomatic"), by
//! Diesel as fast as it goes ("best Diesel"), and by the database's own driver with its statements prepared once on
//! one connection ("driver"), which nothing can undercut. Each way counts from the pool to the filled struct.
//!
//! ```text
//! cargo bench                                            # SQLite
//! cargo bench -p diesel_oauth2_benches --all-features    # and the servers that the variables below name
//! cargo bench -p diesel_oauth2_benches -- --quick        # a few calls of each, to see that they work
//! ```
//!
//! | variable | what |
//! | --- | --- |
//! | `DIESEL_OAUTH2_TEST_POSTGRES_URL`, `DIESEL_OAUTH2_TEST_MYSQL_URL` | a server on which databases may be created |
//! | `DIESEL_OAUTH2_BENCH_QUICK=1` | as `--quick` |
//! | `DIESEL_OAUTH2_BENCH_CHECK=1` | a missed target is a failure |
//!
//! | file | what |
//! | --- | --- |
//! | `stores.rs` | the operations and their inputs |
//! | `ours.rs`, `by_hand.rs`, `floor/` | the ways of doing them |
//! | `compare.rs` | takes turns, and tells the ratios |
//! | `allocations.rs`, `databases.rs` | what their names say |
//!
//! The ratios are printed at the end. Criterion's report, which comes before, is for following one way over time.

mod allocations;
mod by_hand;
mod compare;
mod databases;
mod floor;
mod ours;
mod stores;

use std::process::ExitCode;
use std::time::Duration;

use criterion::Criterion;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_oauth2::TokenResponse;
use diesel_oauth2::models::{self, authlib};
use diesel_oauth2::schema::oauth2_client;

use compare::{BEST, Effort, FLOOR, IDIOMATIC, OURS, OURS_SHA256, Operation, Report, Targets};
use stores::{AnyStore, CLIENT_ID, Kind, LOADED_AT, Tokens};

/// Without `--bench`, which `cargo bench` gives, somebody only wants to know whether it runs.
fn is_quick() -> bool {
    let given = |flag: &str| std::env::args().any(|argument| argument == flag);
    given("--quick") || !given("--bench") || is_set("DIESEL_OAUTH2_BENCH_QUICK")
}

fn is_set(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| !value.is_empty() && value != "0")
}

/// Each way by its name.
type Ways = Vec<(&'static str, Box<dyn AnyStore>)>;

/// The same for every database; only the types differ.
macro_rules! measure {
    ($name:literal, $module:ident, $connection:ty, $database:expr, $vacuum:expr, $driver:expr, $calls:expr, $targets:expr) => {{
        let database: databases::Database = $database;
        let quick = is_quick();
        let tokens = if quick { 1_000 } else { 100_000 };

        let mut connection = <$connection>::establish(&database.url).expect("connects");
        for sql in database.settings {
            connection.batch_execute(sql).expect("settings");
        }
        diesel_oauth2::migrations::run(&mut connection).expect("migrates");
        diesel::insert_into(oauth2_client::table)
            .values(oauth2_client::client_id.eq(CLIENT_ID))
            .execute(&mut connection)
            .expect("client");
        by_hand::$module::fill(&mut connection, tokens).expect("tokens");
        connection.batch_execute($vacuum).expect("statistics");

        let settings = database.settings.join("; ");
        let url = database.url.as_str();
        let driver: fn(&databases::Database) -> floor::$module::Driver = $driver;
        let ways: Ways = vec![
            (
                OURS,
                Box::new(ours::connect::<authlib::Token, $connection>(url)),
            ),
            (
                BEST,
                Box::new(by_hand::$module::Best::connect(url, &settings)),
            ),
            (
                IDIOMATIC,
                Box::new(by_hand::$module::Idiomatic::connect(url, &settings)),
            ),
            (FLOOR, Box::new(driver(&database))),
            (
                OURS_SHA256,
                Box::new(ours::connect::<models::Token, $connection>(url)),
            ),
        ];
        let connection = std::cell::RefCell::new(connection);
        let run = |sql: &str| connection.borrow_mut().batch_execute(sql).expect("runs");
        let effort = if quick {
            Effort {
                rounds: 2,
                calls: 5,
            }
        } else {
            $calls
        };
        let mut report = Report::new($name, tokens, effort, $targets);
        measure_all($name, ways, tokens, &run, &mut report, effort, quick);
        run(REVIVE);
        let tokens = Tokens::new(tokens, false, &|| ());
        report.line(&ours::count_statements::<$connection>(url, &tokens));
        report
    }};
}

/// Makes every token live again.
const REVIVE: &str =
    "UPDATE oauth2_token SET access_token_revoked_at = 0 WHERE access_token_revoked_at <> 0";

fn measure_all(
    database: &str,
    mut ways: Ways,
    tokens: usize,
    run: &dyn Fn(&str),
    report: &mut Report,
    effort: Effort,
    quick: bool,
) {
    let revive = || run(REVIVE);
    let forget_saved = || {
        run(&format!(
            "DELETE FROM oauth2_token WHERE issued_at > {LOADED_AT}"
        ))
    };
    let (plain, digests) = (
        Tokens::new(tokens, false, &revive),
        Tokens::new(tokens, true, &revive),
    );
    let mut of_kind = |kind: Kind, measure: &mut dyn FnMut(&mut Operation<'_>)| {
        let ways = ways.iter_mut().map(|(name, store)| {
            let tokens = if *name == OURS_SHA256 {
                &digests
            } else {
                &plain
            };
            (*name, store.calls(kind, tokens))
        });
        measure(&mut Operation {
            name: kind.name(),
            ways: ways.collect(),
        });
        if matches!(kind, Kind::Save) {
            forget_saved();
        }
    };

    for kind in Kind::ALL {
        eprintln!("{database}: {}", kind.name());
        of_kind(kind, &mut |operation| report.measure(operation, effort));
    }
    if quick {
        return;
    }
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .configure_from_args();
    for kind in Kind::ALL {
        of_kind(kind, &mut |operation| {
            let mut group = criterion.benchmark_group(format!("{database}/{}", operation.name));
            for (name, calls) in &mut operation.ways {
                group.bench_function(*name, |bencher| {
                    bencher.iter_custom(|wanted| calls(wanted as usize).time);
                });
            }
            group.finish();
        });
    }
}

fn main() -> ExitCode {
    let mut reports: Vec<Report> = Vec::new();

    #[cfg(feature = "sqlite")]
    reports.push(measure!(
        "SQLite",
        sqlite,
        SqliteConnection,
        databases::sqlite(),
        // No ANALYZE: nothing runs it on SQLite unless told to.
        "",
        |database| floor::sqlite::Driver::connect(&database.url, &database.settings.join("; ")),
        Effort {
            rounds: 200,
            calls: 200
        },
        Targets {
            best: 1.05,
            floor: 1.4
        }
    ));
    #[cfg(feature = "postgres")]
    match databases::postgres() {
        Some(database) => reports.push(measure!(
            "PostgreSQL",
            postgres,
            PgConnection,
            database,
            "VACUUM ANALYZE oauth2_token",
            |database| floor::postgres::Driver::connect(
                &database.url,
                &database.settings.join("; ")
            ),
            Effort {
                rounds: 150,
                calls: 50
            },
            Targets {
                best: 1.05,
                floor: 1.1
            }
        )),
        None => eprintln!("DIESEL_OAUTH2_TEST_POSTGRES_URL is not set: PostgreSQL is left out"),
    }
    #[cfg(feature = "mysql")]
    match databases::mysql() {
        Some(database) => reports.push(measure!(
            "MySQL/MariaDB",
            mysql,
            MysqlConnection,
            database,
            "ANALYZE TABLE oauth2_token",
            |database| floor::mysql::Driver::connect(&database.url, database.settings),
            Effort {
                rounds: 150,
                calls: 50
            },
            Targets {
                best: 1.05,
                floor: 1.1
            }
        )),
        None => eprintln!("DIESEL_OAUTH2_TEST_MYSQL_URL is not set: MySQL/MariaDB is left out"),
    }

    for report in &reports {
        println!("{report}");
    }
    let missed = reports.iter().any(|report| !report.met);
    if missed && is_set("DIESEL_OAUTH2_BENCH_CHECK") && !is_quick() {
        eprintln!("a target was missed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
