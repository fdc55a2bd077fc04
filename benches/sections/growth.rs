//! The same operations as the tables grow: times, what a token takes on the disk, and the plan of every statement.

use std::cell::RefCell;
use std::time::Instant;

use diesel_oauth2_benches::compare::{Contender, Effort, Measured, compare};
use diesel_oauth2_benches::databases::{Db, Migrated, migrated, our_pool};
use diesel_oauth2_benches::operation::Operation;
use diesel_oauth2_benches::plans;
use diesel_oauth2_benches::results::{self, Grown, Growth};
use diesel_oauth2_benches::section::{self, Section};
use diesel_oauth2_benches::supply::Supply;
use diesel_oauth2_benches::ways::driver::Floor;
use diesel_oauth2_benches::ways::{DRIVER, OURS};
use diesel_oauth2_benches::{load, settings};

struct Growing;

impl Section for Growing {
    const NAME: &'static str = "growth";
    type Results = Growth;

    fn run<D: Db>() -> Option<Growth> {
        let Migrated { driver, fresh } = migrated::<D>()?;
        let driver = RefCell::new(driver);
        let mut sizes = Vec::new();
        let mut loaded = 0;
        for tokens in settings::growth() {
            let began = Instant::now();
            load::tokens::<D>(&mut driver.borrow_mut(), loaded..tokens);
            let load_seconds = began.elapsed().as_secs_f64();
            // Before the operations leave dead rows behind.
            let tables = D::sizes(&mut driver.borrow_mut());
            let operations = measure::<D>(&fresh.url, &Supply::new(tokens, false, &driver));
            let plans =
                plans::of_every_call::<D>(&fresh.url, &Supply::new(tokens, true, &driver), &driver);
            eprintln!("{}: {tokens} tokens", D::NAME);
            sizes.push(Grown {
                tokens,
                load_seconds,
                operations,
                tables,
                plans,
            });
            loaded = tokens;
        }
        Some(Growth {
            database: D::NAME.to_owned(),
            sizes,
        })
    }

    fn tell(growth: &Growth) {
        for grown in &growth.sizes {
            println!(
                "\n{}, {} tokens, loaded in {:.1} s",
                growth.database, grown.tokens, grown.load_seconds
            );
            for (operation, ways) in &grown.operations {
                let micros = ways.iter().map(|it| format!("{:10.2}", it.micros));
                println!("  {:22}{}", operation.name(), micros.collect::<String>());
            }
            let tokens = grown.tables.iter().filter(|it| it.table == "oauth2_token");
            for it in tokens {
                println!(
                    "  {:40} {:7.1} bytes a token",
                    it.name,
                    it.bytes as f64 / grown.tokens as f64
                );
            }
            for planned in &grown.plans {
                if planned.plan.scans || planned.plan.sorts {
                    println!(
                        "  {}: {}\n    {}",
                        planned.call,
                        planned.sql,
                        planned.plan.lines.join("\n    ")
                    );
                }
            }
        }
    }

    /// Only if every size is there.
    fn is_there<D: Db>() -> bool {
        let before: Option<Growth> = results::read(&Self::file::<D>());
        let sizes = before.map(|growth| growth.sizes.iter().map(|grown| grown.tokens).collect());
        sizes == Some(settings::growth())
    }
}

/// Of how many connections the fastest one counts. Whether a server's process is woken up where the client runs or on an idle
/// core is the scheduler's choice, which it keeps for a while, and makes four times the difference: more than any growth.
const CONNECTIONS: usize = 5;

fn measure<D: Db>(url: &str, supply: &Supply<'_>) -> Vec<(Operation, Vec<Measured>)> {
    let connections = if D::IS_SERVER && !settings::is_quick() {
        CONNECTIONS
    } else {
        1
    };
    let mut fastest = measure_once::<D>(url, supply, connections);
    for _ in 1..connections {
        let more = measure_once::<D>(url, supply, connections);
        for ((_, ways), (_, again)) in fastest.iter_mut().zip(more) {
            for (way, again) in ways.iter_mut().zip(again) {
                way.micros = way.micros.min(again.micros);
            }
            let ours = ways[0].micros;
            for way in ways {
                way.ours_to_it = ours / way.micros;
            }
        }
    }
    fastest
}

/// Over one connection each, with its part of the rounds.
fn measure_once<D: Db>(
    url: &str,
    supply: &Supply<'_>,
    of: usize,
) -> Vec<(Operation, Vec<Measured>)> {
    let mut ours = D::ours(our_pool(url, 2), false);
    let mut floor = Floor::<D::Driver>::connect(url, D::SETTINGS);
    let measure = |operation: Operation| {
        let (rounds, calls) = match (settings::is_quick(), operation.is_long()) {
            (true, _) => (1, 2),
            (false, true) => (7_usize.div_ceil(of), 1),
            (false, false) => (61_usize.div_ceil(of), 40),
        };
        let mut contenders = [
            Contender {
                name: OURS,
                way: &mut *ours,
                supply,
            },
            Contender {
                name: DRIVER,
                way: &mut floor,
                supply,
            },
        ];
        let measured = compare(operation, &mut contenders, Effort { rounds, calls });
        supply.forget();
        (operation, measured)
    };
    Operation::ALL.map(measure).into()
}

fn main() {
    section::main::<Growing>();
}
