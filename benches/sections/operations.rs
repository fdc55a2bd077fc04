//! Every operation in every way, side by side: times, allocations, statements and round trips.

use std::cell::RefCell;

use diesel_oauth2_benches::compare::{Contender, Effort, Measured, compare};
use diesel_oauth2_benches::databases::{Db, DieselPool, Migrated, migrated, our_pool};
use diesel_oauth2_benches::operation::Operation;
use diesel_oauth2_benches::results::{Compared, Comparison};
use diesel_oauth2_benches::round_trips::Relay;
use diesel_oauth2_benches::section::{self, Section};
use diesel_oauth2_benches::store::Way;
use diesel_oauth2_benches::supply::Supply;
use diesel_oauth2_benches::ways::authlib::Authlib;
use diesel_oauth2_benches::ways::driver::Floor;
use diesel_oauth2_benches::ways::{AUTHLIB, BEST, DRIVER, IDIOMATIC, OURS, OURS_SHA256, by_hand};
use diesel_oauth2_benches::{counts, load, pgbench, settings};

struct Operations;

impl Section for Operations {
    const NAME: &'static str = "operations";
    type Results = Comparison;

    fn run<D: Db>() -> Option<Comparison> {
        let Migrated { fresh, mut driver } = migrated::<D>()?;
        let tokens = settings::tokens();
        load::tokens::<D>(&mut driver, 0..tokens);
        let version = D::version(&mut driver);
        let told_settings = D::told_settings(&mut driver);
        let driver = RefCell::new(driver);
        let (plain, digests) = (
            Supply::new(tokens, false, &driver),
            Supply::new(tokens, true, &driver),
        );

        let mut ways = Ways::connect::<D>(&fresh.url, 10);
        let mut missing = Vec::new();
        if !ways.0.iter().any(|(name, _)| *name == AUTHLIB) {
            missing.push("authlib: DIESEL_OAUTH2_TEST_PYTHON is not set".to_owned());
        }
        let mut operations = Vec::new();
        for operation in Operation::ALL {
            eprintln!("{}: {}", D::NAME, operation.name());
            let effort = effort::<D>(operation);
            let mut contenders: Vec<Contender<'_, '_>> = ways
                .0
                .iter_mut()
                .map(|(name, way)| Contender {
                    name,
                    way: &mut **way,
                    supply: if *name == OURS_SHA256 {
                        &digests
                    } else {
                        &plain
                    },
                })
                .collect();
            let measured = compare(operation, &mut contenders, effort);
            [&plain, &digests].into_iter().for_each(Supply::forget);
            let pgbench_micros = pgbench::mean::<D>(&fresh.url, operation, tokens)
                .inspect_err(|why| {
                    if !missing.contains(why) {
                        missing.push(why.clone());
                    }
                })
                .ok()
                .flatten();
            if pgbench_micros.is_some() {
                plain.revive_all();
                plain.forget();
            }
            operations.push((operation, effort, measured, pgbench_micros));
        }
        drop(ways);

        let round_trips = count_round_trips::<D>(&fresh.url, &plain, &digests);
        let statements = count_statements::<D>(&fresh.url, &plain);
        let operations = operations
            .into_iter()
            .zip(statements)
            .zip(round_trips)
            .map(
                |((it, (statements, prepared_again)), round_trips)| Compared {
                    operation: it.0,
                    effort: it.1,
                    ways: it.2,
                    pgbench_micros: it.3,
                    statements,
                    prepared_again,
                    round_trips,
                },
            )
            .collect();
        Some(Comparison {
            database: D::NAME.to_owned(),
            version,
            settings: told_settings,
            tokens,
            operations,
            missing,
        })
    }

    fn tell(results: &Comparison) {
        println!(
            "\n{}, {} tokens: median microseconds a call (allocations), ours / it",
            results.version, results.tokens
        );
        for compared in &results.operations {
            println!(
                "{} ({} statements a call of ours)",
                compared.operation.name(),
                compared.statements
            );
            for Measured {
                way,
                micros,
                allocations,
                ours_to_it,
            } in &compared.ways
            {
                let allocations =
                    allocations.map_or(String::new(), |count| format!("({count:.0})"));
                let round_trips = compared.round_trips.iter().find(|(name, _)| name == way);
                let round_trips =
                    round_trips.map_or(String::new(), |(_, count)| format!("{count} round trips"));
                println!(
                    "  {way:18} {micros:9.2} {allocations:>6} {ours_to_it:8.3}  {round_trips}"
                );
            }
            if let Some(micros) = compared.pgbench_micros {
                println!("  {:18} {micros:9.2}", "pgbench");
            }
        }
        results
            .missing
            .iter()
            .for_each(|why| println!("missing: {why}"));
    }
}

fn effort<D: Db>(operation: Operation) -> Effort {
    let (rounds, calls) = match (settings::is_quick(), operation.is_long(), D::IS_SERVER) {
        (true, true, _) => (1, 1),
        (true, false, _) => (2, 3),
        (false, true, _) => (11, 1),
        (false, false, true) => (101, 40),
        (false, false, false) => (151, 100),
    };
    Effort { rounds, calls }
}

/// Every way, ours first.
struct Ways(Vec<(&'static str, Box<dyn Way>)>);

impl Ways {
    fn connect<D: Db>(url: &str, connections: u32) -> Self {
        let by_hand =
            |tested| -> DieselPool<D> { by_hand::pool(url, D::SETTINGS, tested, connections) };
        let mut ways: Vec<(&'static str, Box<dyn Way>)> = vec![
            (OURS, D::ours(our_pool(url, connections), false)),
            (BEST, D::best(by_hand(false))),
            (IDIOMATIC, D::idiomatic(by_hand(true))),
            (
                DRIVER,
                Box::new(Floor::<D::Driver>::connect(url, D::SETTINGS)),
            ),
            (OURS_SHA256, D::ours(our_pool(url, connections), true)),
        ];
        if let Some(authlib) = Authlib::start(&D::python_url(url)) {
            ways.push((AUTHLIB, Box::new(authlib)));
        }
        Self(ways)
    }
}

/// How many statements a warm call of ours sends, and how many of them it prepares, by operation.
fn count_statements<D: Db>(url: &str, supply: &Supply<'_>) -> Vec<(f64, f64)> {
    let pool = our_pool::<D>(url, 1);
    counts::listen(&mut *pool.get().expect("connection"));
    let mut ours = D::ours(pool, false);
    let count = |operation| {
        let counts = count_warm(&mut *ours, operation, supply);
        supply.forget();
        (counts.0, counts.1)
    };
    Operation::ALL.map(count).into()
}

/// How many round trips a warm call takes, by operation and way.
fn count_round_trips<'s, D: Db>(
    url: &str,
    plain: &Supply<'s>,
    digests: &Supply<'s>,
) -> Vec<Vec<(String, f64)>> {
    if !D::IS_SERVER {
        return vec![Vec::new(); Operation::ALL.len()];
    }
    let relay = Relay::to(url);
    let mut ways = Ways::connect::<D>(&relay.url, 1);
    let mut count = |operation: Operation| {
        let counted = ways.0.iter_mut().map(|(name, way)| {
            let counts = match *name {
                OURS_SHA256 => count_warm(&mut **way, operation, digests),
                _ => count_warm(&mut **way, operation, plain),
            };
            ((*name).to_owned(), counts.2)
        });
        // What authlib looks up before it revokes or rotates is not told from the rest.
        let counted = counted
            .filter(|(_, round_trips)| *round_trips > 0.0)
            .collect();
        [plain, digests].into_iter().for_each(Supply::forget);
        counted
    };
    Operation::ALL
        .iter()
        .map(|operation| count(*operation))
        .collect()
}

/// Statements, preparations and round trips a call.
fn count_warm(way: &mut dyn Way, operation: Operation, supply: &Supply<'_>) -> (f64, f64, f64) {
    let calls = if operation.is_long() { 1 } else { 4 };
    way.run(operation, supply, calls);
    let counts = way.run(operation, supply, calls).counts;
    let a_call = |count: u64| count as f64 / calls as f64;
    (
        a_call(counts.statements),
        a_call(counts.prepared),
        a_call(counts.round_trips),
    )
}

fn main() {
    section::main::<Operations>();
}
