//! What the benchmarks share. Each section of the report is a benchmark of its own under `sections/`, and the program
//! `report` writes `REPORT.md` from what they leave.
//!
//! ```text
//! benches/report.sh                                      # everything, and the report
//! cargo bench -p diesel_oauth2_benches --all-features    # everything, and what it prints
//! cargo test -p diesel_oauth2_benches --all-features --benches    # a few calls of each, to see that they work
//! ```
//!
//! | module | what |
//! | --- | --- |
//! | [`operation`], [`input`], [`supply`] | what is done, with what, and on what |
//! | [`store`] | how a way of doing it is measured |
//! | [`ways`] | the ways: ours, Diesel by hand, the drivers, authlib |
//! | [`compare`], [`latencies`] | takes turns and tells the ratios; calls of many threads |
//! | [`databases`], [`load`] | the databases, and filling them |
//! | [`allocations`], [`counts`], [`round_trips`], [`explain`], [`plans`] | what is counted beside time |
//! | [`pgbench`] | an outside witness |
//! | [`section`], [`results`], [`settings`] | running a section, keeping what it found, the environment |

// Without a database there is nothing to measure.
#![cfg_attr(
    not(any(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(dead_code, unused_imports)
)]

pub mod allocations;
pub mod compare;
pub mod counts;
pub mod databases;
pub mod explain;
pub mod input;
pub mod latencies;
pub mod load;
pub mod operation;
pub mod pgbench;
pub mod plans;
pub mod results;
pub mod round_trips;
pub mod section;
pub mod settings;
pub mod store;
pub mod supply;
pub mod ways;
