//! The report's text, a part for each section.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use diesel_oauth2_benches::operation::Operation;
use diesel_oauth2_benches::results::{Comparison, Concurrency, Growth, Instructions, Latencies};
use diesel_oauth2_benches::ways::{AUTHLIB, BEST, DRIVER, IDIOMATIC, OURS, OURS_SHA256};

use crate::markdown::{grouped, micros, ratio, table};
use crate::plots::{self, Line};
use crate::targets::{self, Target};
use crate::{Found, awaited, machine};

const WAYS: [&str; 6] = [OURS, OURS_SHA256, BEST, IDIOMATIC, DRIVER, AUTHLIB];

type Written = Result<String, Box<dyn Error>>;

/// The whole report; plots go into the folder `plots` beside it.
pub(crate) fn write(found: &Found, plots: &Path) -> Written {
    let mut text = format!(
        "# How fast\n\n\
         Written by `benches/report.sh` on {}. What stands in one table was measured side by side in one run, all on one machine; \
         only the ratios are worth comparing with another one's.\n\n",
        machine::today()
    );
    text.push_str(&machine_part(found));
    text.push_str(&targets_part(found));
    text.push_str(METHOD);
    for comparison in &found.comparisons {
        text.push_str(&comparison_part(comparison, plots)?);
    }
    text.push_str(&instructions_part(&found.instructions));
    text.push_str(&growth_part(&found.growth, plots)?);
    text.push_str(&concurrency_part(&found.concurrency, plots)?);
    text.push_str(&awaited::part(&found.tasks));
    text.push_str(&pruning_part(found));
    Ok(text)
}

fn machine_part(found: &Found) -> String {
    let mut facts: Vec<[String; 2]> = machine::facts()
        .into_iter()
        .map(|(name, fact)| [name, fact])
        .collect();
    for comparison in &found.comparisons {
        let settings = comparison
            .settings
            .iter()
            .map(|(name, value)| format!("{name} = {value}"));
        let settings: Vec<String> = settings.collect();
        facts.push([comparison.version.clone(), settings.join(", ")]);
    }
    format!(
        "## The machine\n\n{}Clients and servers share its cores. The servers do not wait for the disk at a commit, so \
         that what is compared is work and not a disk.\n\n",
        table(&["", ""], facts)
    )
}

fn targets_part(found: &Found) -> String {
    let mut targets: Vec<Target> = found
        .comparisons
        .iter()
        .flat_map(targets::of_comparison)
        .collect();
    targets.extend(found.growth.iter().flat_map(targets::of_growth));
    targets.extend(found.pruning.iter().map(targets::of_pruning));
    let rows = targets.into_iter().map(|target| {
        let met = if target.is_met { "met" } else { "**missed**" };
        [target.what, target.database, target.found, met.to_owned()]
    });
    format!(
        "## Targets\n\n{}",
        table(&["target", "database", "found", ""], rows)
    )
}

const METHOD: &str = "## Operations\n\n\
    The ways take turns in short rounds, in another order each time. A time is the median of the rounds' means; a ratio \
    is the median of the ratios within a round, ours / it, and so can differ a little from that of two medians. **Bold** \
    is more than the target. Allocations are Rust's, a call. Each call counts from the pool to the filled struct.\n\n\
    - *ours*: this crate's public calls, with tokens stored in plain as all the others do; *ours, SHA-256* are the bundled \
    models, which store digests.\n\
    - *best Diesel*: what one can get out of Diesel by hand: no LIMIT, statements that stay prepared, a pool that does not \
    ping. Rotation and redemption are transactions.\n\
    - *idiomatic Diesel*: as its guides have it: `first`, `Insertable`, `diesel::update`, r2d2's defaults. With a hint it \
    asks for that column only, as authlib does, and so finds nothing where the hint is wrong; ours and the others search \
    both columns (RFC 7009 section 2.1).\n\
    - *driver*: rusqlite, libpq or libmysqlclient, one connection, no pool, every statement prepared once and its buffers \
    bound once. It decodes the same columns into the same structs. The floor. On PostgreSQL it rotates in one statement \
    too; *prune* sends the statements that ours sends.\n\
    - *authlib*: authlib and SQLAlchemy in Python on the same tables, a session a request. What authlib leaves to its user \
    is written as its guide has it: *redeem* deletes the code and makes no grant, *rotate* is two transactions, *prune* is \
    one DELETE.\n\
    - *pgbench*: `pgbench -M prepared` with the driver's statements; its mean, not a median, in a run of its own.\n\n\
    *validate* takes an `Authorization` header and a required scope to the valid token; *introspect* a form to JSON; \
    *prune 500* removes 500 dead tokens, their grants and codes looked for too (Diesel by hand and authlib look for \
    tokens only).\n\n";

fn comparison_part(comparison: &Comparison, plots: &Path) -> Written {
    let limit = targets::most_of_driver(comparison);
    let rows = comparison.operations.iter().map(|compared| {
        let mut row = vec![compared.operation.name().to_owned()];
        for way in WAYS {
            let measured = compared.ways.iter().find(|it| it.way == way);
            row.push(measured.map_or(String::new(), |it| match it.allocations {
                Some(count) => format!("{} ({})", micros(it.micros), grouped(count)),
                None => micros(it.micros),
            }));
        }
        row.push(compared.pgbench_micros.map_or(String::new(), micros));
        let to = |way| targets::ratio(compared, way);
        row.push(ratio(to(BEST), Some(1.05)));
        row.push(ratio(to(IDIOMATIC), Some(1.0)));
        row.push(ratio(to(DRIVER), Some(limit)));
        row.push(to(AUTHLIB).map_or(String::new(), |ratio| format!("{:.0}", 1.0 / ratio)));
        row
    });
    let head = [
        &[
            "",
            OURS,
            OURS_SHA256,
            BEST,
            IDIOMATIC,
            DRIVER,
            AUTHLIB,
            "pgbench",
        ][..],
        &[
            "ours / best",
            "ours / idiomatic",
            "ours / driver",
            "authlib / ours",
        ],
    ]
    .concat();
    let mut text = format!(
        "### {}, {} tokens\n\nMicroseconds a call (allocations).\n\n{}",
        comparison.version,
        grouped(comparison.tokens as f64),
        table(&head, rows)
    );
    for why in &comparison.missing {
        let _ = writeln!(text, "Missing: {why}.\n");
    }
    let effort = comparison.operations.first().map(|it| it.effort);
    if let Some(effort) = effort {
        let _ = writeln!(
            text,
            "{} rounds of {} calls; fewer of *prune*.\n",
            effort.rounds, effort.calls
        );
    }

    let name = comparison.database.to_lowercase().replace('/', "-");
    let file = format!("operations-{name}.svg");
    let groups: Vec<(&str, Vec<Option<f64>>)> = comparison
        .operations
        .iter()
        .map(|compared| {
            let value = |way: &str| {
                compared
                    .ways
                    .iter()
                    .find(|it| it.way == way)
                    .map(|it| it.micros)
            };
            (
                compared.operation.name(),
                WAYS.iter().map(|way| value(way)).collect(),
            )
        })
        .collect();
    plots::bars(
        &plots.join(&file),
        &comparison.version,
        "microseconds a call",
        &WAYS,
        &groups,
    )?;
    let _ = writeln!(
        text,
        "![Operations on {}](plots/{file})\n",
        comparison.database
    );

    text.push_str(&counts(comparison));
    Ok(text)
}

/// Statements and round trips.
fn counts(comparison: &Comparison) -> String {
    let has_trips = comparison
        .operations
        .iter()
        .any(|it| !it.round_trips.is_empty());
    let rows = comparison.operations.iter().map(|compared| {
        let mut row = vec![
            compared.operation.name().to_owned(),
            format!("{}", compared.statements),
            format!("{}", compared.prepared_again),
        ];
        if has_trips {
            row.extend(WAYS.iter().map(|way| {
                let trips = compared.round_trips.iter().find(|(it, _)| it == way);
                trips.map_or("-".to_owned(), |(_, trips)| format!("{trips}"))
            }));
        }
        row
    });
    let trips: &[&str] = if has_trips { &WAYS } else { &[] };
    let head = [&["", "statements of ours", "prepared again"][..], trips].concat();
    let told = if has_trips {
        "Statements are counted by Diesel's instrumentation on a warm connection, with BEGIN and COMMIT. Behind them stand \
         the round trips by way, counted by a relay on the wire; authlib's *revoke* and *rotate* cannot be told from their \
         look-ups there."
    } else {
        "Statements are counted by Diesel's instrumentation on a warm connection, with BEGIN and COMMIT."
    };
    format!("{told}\n\n{}", table(&head, rows))
}

fn instructions_part(instructions: &[Instructions]) -> String {
    let mut text = String::new();
    if !instructions.is_empty() {
        text.push_str(
            "## Instructions\n\nCounted by callgrind, a warm call: on SQLite all that it takes, on the servers the client's part. \
             They do not depend on how busy the machine is.\n\n",
        );
    }
    let count =
        |ways: &[(String, f64)], way: &str| ways.iter().find(|(it, _)| it == way).map(|it| it.1);
    for found in instructions {
        if let Some(why) = &found.missing {
            let _ = writeln!(text, "{}: left out, {why}.\n", found.database);
            continue;
        }
        let rows = found.operations.iter().map(|(operation, ways)| {
            let mut row = vec![operation.name().to_owned()];
            row.extend(
                WAYS[..5]
                    .iter()
                    .map(|way| count(ways, way).map_or(String::new(), grouped)),
            );
            let ours = count(ways, OURS);
            for way in [BEST, IDIOMATIC, DRIVER] {
                row.push(ratio(
                    ours.zip(count(ways, way)).map(|(ours, it)| ours / it),
                    None,
                ));
            }
            row
        });
        let ratios = ["ours / best", "ours / idiomatic", "ours / driver"];
        let head = [&[found.database.as_str()][..], &WAYS[..5], &ratios].concat();
        text.push_str(&table(&head, rows));
    }
    text
}

fn growth_part(growth: &[Growth], plots: &Path) -> Written {
    if growth.is_empty() {
        return Ok(String::new());
    }
    let mut text = "## Growth\n\nThe same operations of *ours* as the tables grow: median microseconds, and ours / driver at the \
                    same size. On the servers that of the fastest of five connections: for as long as the scheduler wakes a \
                    server's process on an idle core, each of its answers takes four times as long, at any size.\n\n"
        .to_owned();
    let mut lines = Vec::new();
    for growth in growth {
        let sizes: Vec<String> = growth
            .sizes
            .iter()
            .map(|it| grouped(it.tokens as f64))
            .collect();
        let mut head = vec![growth.database.as_str()];
        head.extend(sizes.iter().map(String::as_str));
        let rows = Operation::ALL.map(|operation| {
            let mut row = vec![operation.name().to_owned()];
            for grown in &growth.sizes {
                let ways = grown.operations.iter().find(|(it, _)| *it == operation);
                row.push(ways.map_or(String::new(), |(_, ways)| {
                    let driver = ways.get(1).map_or(f64::NAN, |it| it.ours_to_it);
                    format!("{} ({driver:.2})", micros(ways[0].micros))
                }));
            }
            row
        });
        text.push_str(&table(&head, rows));
        for operation in [Operation::Validate, Operation::SaveToken] {
            let points = growth.sizes.iter().filter_map(|grown| {
                let (_, ways) = grown.operations.iter().find(|(it, _)| *it == operation)?;
                Some((grown.tokens as f64, ways.first()?.micros))
            });
            let name = format!("{}, {}", growth.database, operation.name());
            lines.push(Line {
                name,
                points: points.collect(),
            });
        }
    }
    let names = ("tokens in the table", "microseconds a call");
    plots::lines(
        &plots.join("growth.svg"),
        "A call of ours as the tables grow",
        names,
        false,
        &lines,
    )?;
    text.push_str("![Growth](plots/growth.svg)\n\n### Bytes a token\n\n");
    for growth in growth {
        let Some(last) = growth.sizes.last() else {
            continue;
        };
        let of_tokens = || last.tables.iter().filter(|it| it.table == "oauth2_token");
        let a_token = |bytes: u64| format!("{:.0}", bytes as f64 / last.tokens as f64);
        let all: u64 = of_tokens().map(|it| it.bytes).sum();
        let rows = of_tokens()
            .map(|it| {
                [
                    if it.is_table {
                        "the rows".to_owned()
                    } else {
                        it.name.clone()
                    },
                    a_token(it.bytes),
                ]
            })
            .chain([["all".to_owned(), a_token(all)]]);
        let head = format!(
            "{}, {} tokens",
            growth.database,
            grouped(last.tokens as f64)
        );
        text.push_str(&table(&[&head, "bytes a token"], rows));
    }
    text.push_str("### Plans\n\nEvery statement that this crate's calls send, and how the database would run it at that size.\n\n");
    for growth in growth {
        let Some(last) = growth.sizes.last() else {
            continue;
        };
        let _ = write!(
            text,
            "<details><summary>{}, {} tokens: {} statements</summary>\n\n```text\n",
            growth.database,
            grouped(last.tokens as f64),
            last.plans.len()
        );
        for planned in &last.plans {
            let verdict = match (planned.plan.scans, planned.plan.sorts) {
                (true, _) => " !! reads without an index",
                (_, true) => " !! sorts",
                _ => "",
            };
            let _ = write!(
                text,
                "{}: {}{verdict}\n    {}\n\n",
                planned.call,
                planned.sql,
                planned.plan.lines.join("\n    ")
            );
        }
        text.push_str("```\n\n</details>\n\n");
    }
    Ok(text)
}

fn concurrency_part(concurrency: &[Concurrency], plots: &Path) -> Written {
    let mut text = String::new();
    for found in concurrency {
        if text.is_empty() {
            let _ = writeln!(
                text,
                "## Concurrency\n\nCalls a second of so many threads over one pool, and the 99th percentile of a call in \
                           milliseconds. {STOCK}\n"
            );
        }
        let mut loads: Vec<&str> = found.series.iter().map(|it| it.load.as_str()).collect();
        loads.dedup();
        let mut lines = Vec::new();
        for load in loads {
            let series: Vec<_> = found.series.iter().filter(|it| it.load == load).collect();
            let Some(first) = series.first() else {
                continue;
            };
            let threads: Vec<String> = first
                .points
                .iter()
                .map(|(threads, _)| threads.to_string())
                .collect();
            let name = format!("{}, {load}", found.database);
            let mut head = vec![name.as_str()];
            head.extend(threads.iter().map(String::as_str));
            let rows = series.iter().map(|series| {
                let cells = series.points.iter().map(|(_, it)| {
                    format!("{} ({:.2})", grouped(it.per_second), it.p99_micros / 1000.0)
                });
                [series.way.clone()]
                    .into_iter()
                    .chain(cells)
                    .collect::<Vec<_>>()
            });
            text.push_str(&table(&head, rows));
            lines.extend(series.iter().map(|series| {
                Line {
                    name: format!("{}, {load}", series.way),
                    points: series
                        .points
                        .iter()
                        .map(|(threads, it)| (*threads as f64, it.per_second))
                        .collect(),
                }
            }));
        }
        let file = format!(
            "concurrency-{}.svg",
            found
                .database
                .to_lowercase()
                .replace('/', "-")
                .replace(", ", "-")
        );
        let title = format!(
            "{}, a pool of {} connections",
            found.database, found.connections
        );
        plots::lines(
            &plots.join(&file),
            &title,
            ("threads", "calls a second"),
            false,
            &lines,
        )?;
        let _ = writeln!(text, "![Concurrency on {}](plots/{file})\n", found.database);
    }
    if !concurrency.is_empty() {
        text.push_str("### Lookups beside a writer\n\nOne thread looks tokens up, alone and beside a thread that stores tokens without a \
                       rest, in turns.\n\n");
        let rows = concurrency.iter().flat_map(|found| {
            found
                .beside_writer
                .iter()
                .map(|(when, it)| latencies(format!("{}, {when}", found.database), it))
        });
        text.push_str(&table(&LATENCIES, rows));
        for found in concurrency {
            let _ = writeln!(
                text,
                "- {}: the writer stored {} tokens a second.",
                found.database,
                grouped(found.written)
            );
        }
        text.push('\n');
    }
    Ok(text)
}

const STOCK: &str = "*SQLite, stock* is built as `libsqlite3-sys` does it by itself; everything else in this report has the \
                     flags that README names under *SQLite with many threads*.";

const LATENCIES: [&str; 5] = ["", "lookups a second", "median µs", "p99 µs", "most µs"];

fn latencies(name: String, it: &Latencies) -> Vec<String> {
    let times = [it.p50_micros, it.p99_micros, it.most_micros].map(micros);
    [name, grouped(it.per_second)]
        .into_iter()
        .chain(times)
        .collect()
}

fn pruning_part(found: &Found) -> String {
    if found.pruning.is_empty() {
        return String::new();
    }
    let rows = found.pruning.iter().flat_map(|it| {
        let when = |when| format!("{}, {when}", it.database);
        [
            latencies(when("alone"), &it.alone),
            latencies(when("while pruning"), &it.beside),
        ]
    });
    let mut text = format!(
        "## Pruning\n\nOne thread looks tokens up; in turns of a second, another one prunes as the pruner does unless told \
         otherwise (500 rows, then 20 ms of rest), or waits. {STOCK}\n\n{}",
        table(&LATENCIES, rows)
    );
    for it in &found.pruning {
        let _ = writeln!(
            text,
            "- {}: {} dead tokens beside {} live ones, {} a second while it ran.",
            it.database,
            grouped(it.dead as f64),
            grouped(it.live as f64),
            grouped(it.dead as f64 / it.seconds)
        );
    }
    text.push('\n');
    text
}
