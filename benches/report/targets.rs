//! What was promised, and whether it was kept.

use diesel_oauth2_benches::operation::Operation;
use diesel_oauth2_benches::results::{Compared, Comparison, Growth, Pruning};
use diesel_oauth2_benches::ways::{AUTHLIB, BEST, DRIVER, IDIOMATIC, OURS};

/// A target on one database.
pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) database: String,
    pub(crate) found: String,
    pub(crate) is_met: bool,
}

/// How many times the driver's time ours may take.
pub(crate) fn most_of_driver(comparison: &Comparison) -> f64 {
    if comparison.database == "SQLite" {
        1.3
    } else {
        1.05
    }
}

/// How many times ours authlib must take.
pub(crate) fn least_of_authlib(comparison: &Comparison) -> f64 {
    if comparison.database == "SQLite" {
        20.0
    } else {
        4.0
    }
}

/// Ours in relation to a way.
pub(crate) fn ratio(compared: &Compared, way: &str) -> Option<f64> {
    compared
        .ways
        .iter()
        .find(|it| it.way == way)
        .map(|it| it.ours_to_it)
}

/// The targets on speed.
pub(crate) fn of_comparison(comparison: &Comparison) -> Vec<Target> {
    use Operation::{
        Prune, QueryTokenAccess, QueryTokenRefresh, QueryTokenUnhinted, Revoke, Rotate, SaveToken,
        Validate,
    };
    let all: Vec<&Compared> = comparison.operations.iter().collect();
    let only = |operations: &[Operation]| -> Vec<&Compared> {
        all.iter()
            .copied()
            .filter(|it| operations.contains(&it.operation))
            .collect()
    };
    let lookups = [
        QueryTokenUnhinted,
        QueryTokenAccess,
        QueryTokenRefresh,
        Validate,
    ];
    let is_sqlite = comparison.database == "SQLite";
    let (floor, authlib) = (most_of_driver(comparison), least_of_authlib(comparison));
    let first = [&lookups[..], &[SaveToken, Revoke]].concat();
    let below = if is_sqlite {
        first.clone()
    } else {
        vec![SaveToken, Revoke, Rotate]
    };
    let with_authlib: Vec<&Compared> = all
        .iter()
        .copied()
        .filter(|it| it.operation != Prune)
        .collect();
    let mut targets = vec![
        at_most(comparison, &all, DRIVER, floor, "every operation"),
        at_most(
            comparison,
            &only(&first),
            DRIVER,
            if is_sqlite { 1.4 } else { 1.1 },
            "lookups, save, revoke",
        ),
        at_most(
            comparison,
            &only(&first),
            BEST,
            1.05,
            "lookups, save, revoke",
        ),
        at_most(comparison, &all, IDIOMATIC, 1.0, "every operation"),
        at_most(
            comparison,
            &only(&below),
            IDIOMATIC,
            0.8,
            if is_sqlite {
                "lookups, save, revoke"
            } else {
                "save, revoke, rotate"
            },
        ),
        at_most(
            comparison,
            &with_authlib,
            AUTHLIB,
            1.0 / authlib,
            &format!("every operation but prune, which authlib lacks; a {authlib:.0}th"),
        ),
        allocations(comparison, &only(&lookups)),
    ];
    if !is_sqlite {
        let mut one_trip = [&lookups[..], &[SaveToken, Revoke]].concat();
        if comparison.database == "PostgreSQL" {
            one_trip.push(Rotate);
            let form = "rotate, against BEGIN, two UPDATEs, INSERT, COMMIT";
            targets.push(at_most(comparison, &only(&[Rotate]), IDIOMATIC, 0.5, form));
            targets.push(at_most(comparison, &only(&[Rotate]), BEST, 0.5, form));
        }
        targets.push(round_trips(comparison, &only(&one_trip)));
    }
    targets
}

fn at_most(
    comparison: &Comparison,
    of: &[&Compared],
    way: &str,
    limit: f64,
    which: &str,
) -> Target {
    let ratios: Vec<(Operation, f64)> = of
        .iter()
        .filter_map(|it| Some((it.operation, ratio(it, way)?)))
        .collect();
    let kept = ratios.iter().filter(|(_, ratio)| *ratio <= limit).count();
    let worst = ratios.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    let worst = worst.map_or(String::from("not measured"), |(operation, ratio)| {
        format!("most: {} {ratio:.3}", operation.name())
    });
    Target {
        what: format!("ours ≤ {limit:.2} × {way} ({which})"),
        database: comparison.database.clone(),
        found: format!("{kept} of {}; {worst}", of.len()),
        is_met: kept == of.len(),
    }
}

fn allocations(comparison: &Comparison, of: &[&Compared]) -> Target {
    let count = |compared: &Compared, way: &str| {
        compared
            .ways
            .iter()
            .find(|it| it.way == way)
            .and_then(|it| it.allocations)
    };
    let pairs: Vec<(f64, f64)> = of
        .iter()
        .filter_map(|it| Some((count(it, OURS)?, count(it, BEST)?)))
        .collect();
    let found = pairs
        .iter()
        .map(|(ours, best)| format!("{ours:.0} / {best:.0}"));
    Target {
        what: "allocations a lookup ≤ best Diesel's".to_owned(),
        database: comparison.database.clone(),
        found: found.collect::<Vec<_>>().join(", "),
        is_met: pairs.len() == of.len() && pairs.iter().all(|(ours, best)| ours <= &(best + 0.5)),
    }
}

fn round_trips(comparison: &Comparison, of: &[&Compared]) -> Target {
    let trips = |compared: &&Compared| {
        let ours = compared.round_trips.iter().find(|(way, _)| way == OURS);
        ours.map(|(_, trips)| (compared.operation, *trips))
    };
    let more: Vec<String> = of
        .iter()
        .filter_map(trips)
        .filter(|(_, trips)| *trips != 1.0)
        .map(|(operation, trips)| format!("{} {trips}", operation.name()))
        .collect();
    let names: Vec<&str> = of.iter().map(|it| it.operation.name()).collect();
    Target {
        what: format!("one round trip ({})", names.join("; ")),
        database: comparison.database.clone(),
        found: if more.is_empty() {
            "1 each".to_owned()
        } else {
            more.join(", ")
        },
        is_met: more.is_empty(),
    }
}

/// The targets on growth.
pub(crate) fn of_growth(growth: &Growth) -> Vec<Target> {
    let (Some(first), Some(last)) = (growth.sizes.first(), growth.sizes.last()) else {
        return Vec::new();
    };
    let micros = |at: &diesel_oauth2_benches::results::Grown, operation: Operation| {
        let (_, ways) = at.operations.iter().find(|(it, _)| *it == operation)?;
        ways.first().map(|it| it.micros)
    };
    let ratio = micros(last, Operation::Validate).zip(micros(first, Operation::Validate));
    let ratio = ratio.map_or(f64::NAN, |(last, first)| last / first);
    let bad: Vec<String> = last
        .plans
        .iter()
        .filter(|it| it.plan.scans || it.plan.sorts)
        .map(|it| {
            format!(
                "{} ({})",
                it.call,
                if it.plan.scans {
                    "reads without an index"
                } else {
                    "sorts"
                }
            )
        })
        .collect();
    vec![
        Target {
            what: format!(
                "lookup at {} tokens ≤ 1.5 × that at {}",
                last.tokens, first.tokens
            ),
            database: growth.database.clone(),
            found: format!("{ratio:.2}"),
            is_met: ratio <= 1.5,
        },
        Target {
            what: "every statement by an index and without a sort".to_owned(),
            database: growth.database.clone(),
            found: match bad.is_empty() {
                true => format!("{} statements", last.plans.len()),
                false => format!("all of {} but: {}", last.plans.len(), bad.join(", ")),
            },
            is_met: bad.is_empty(),
        },
    ]
}

/// The target on pruning.
pub(crate) fn of_pruning(pruning: &Pruning) -> Target {
    let ratio = pruning.beside.p99_micros / pruning.alone.p99_micros;
    Target {
        what: format!(
            "lookup p99 while {} dead tokens are pruned ≤ 2 × that without",
            pruning.dead
        ),
        database: pruning.database.clone(),
        found: format!("{ratio:.2}"),
        is_met: ratio <= 2.0,
    }
}
