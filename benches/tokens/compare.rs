//! Measures several ways of doing one thing against each other.
//!
//! Criterion measures one function to its end before the next: a machine that slows down in between falsifies their
//! ratio, and the ratios are what this crate promises. So here the ways take turns in short rounds, in another order
//! each time, and the ratio of two of them is the median of their ratios within a round.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::allocations;
use crate::stores::mix;

/// What some calls cost.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) time: Duration,
    pub(crate) allocations: u64,
}

impl Cost {
    /// What `call` costs over all inputs.
    pub(crate) fn of<T>(inputs: &[T], mut call: impl FnMut(&T)) -> Self {
        let (allocations, start) = (allocations::count(), Instant::now());
        inputs.iter().for_each(&mut call);
        Self {
            time: start.elapsed(),
            allocations: allocations::count() - allocations,
        }
    }
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.time += other.time;
        self.allocations += other.allocations;
    }
}

/// Makes so many calls and tells their cost, without that of preparing the inputs.
pub(crate) type Calls<'a> = Box<dyn FnMut(usize) -> Cost + 'a>;

/// The ways that are compared.
pub(crate) const OURS: &str = "ours";
pub(crate) const BEST: &str = "best Diesel";
pub(crate) const IDIOMATIC: &str = "idiomatic";
pub(crate) const FLOOR: &str = "driver";
pub(crate) const OURS_SHA256: &str = "ours, SHA-256";

/// One thing and the ways of doing it.
pub(crate) struct Operation<'a> {
    pub(crate) name: &'static str,
    pub(crate) ways: Vec<(&'static str, Calls<'a>)>,
}

/// How long to measure.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) calls: usize,
}

/// At most how many times what the others cost ours may cost.
#[derive(Clone, Copy)]
pub(crate) struct Targets {
    pub(crate) best: f64,
    pub(crate) floor: f64,
}

/// The rows of the report, and whether every target was met.
pub(crate) struct Report {
    text: String,
    targets: Targets,
    pub(crate) met: bool,
}

impl Report {
    pub(crate) fn new(database: &str, tokens: usize, effort: Effort, targets: Targets) -> Self {
        let Effort { rounds, calls } = effort;
        let mut text = format!(
            "\n{database}: {tokens} tokens, {rounds} rounds of {calls} calls each. Median microseconds (allocations) \
             a call.\nOurs may cost {:.2} x best Diesel, {:.2} x driver; '!' marks a miss.\n\n{:22}",
            targets.best, targets.floor, "",
        );
        for way in [OURS, BEST, IDIOMATIC, FLOOR, OURS_SHA256] {
            let _ = write!(text, "{way:>15}");
        }
        text.push_str("  | ours /  best   driver   idiomatic\n");
        Self {
            text,
            targets,
            met: true,
        }
    }

    /// Measures an operation and adds its row.
    pub(crate) fn measure(&mut self, operation: &mut Operation<'_>, effort: Effort) {
        let ways = &mut operation.ways;
        // Fills the caches, and takes PostgreSQL past the five plans it makes before it keeps one.
        for (_, calls) in ways.iter_mut() {
            calls(effort.calls.max(10));
        }
        let mut times = vec![Vec::with_capacity(effort.rounds); ways.len()];
        let mut allocations = vec![0; ways.len()];
        let mut order: Vec<usize> = (0..ways.len()).collect();
        for round in 0..effort.rounds {
            order.sort_by_key(|way| mix((round * ways.len() + way) as u64));
            for &way in &order {
                let cost = ways[way].1(effort.calls);
                times[way].push(cost.time.as_secs_f64() * 1e6 / effort.calls as f64);
                allocations[way] += cost.allocations;
            }
        }

        let calls = (effort.rounds * effort.calls) as f64;
        let index = |name| ways.iter().position(|(way, _)| *way == name);
        let _ = write!(self.text, "{:22}", operation.name);
        for way in [OURS, BEST, IDIOMATIC, FLOOR, OURS_SHA256] {
            let cell = index(way).map_or(String::new(), |way| {
                let time = median(times[way].clone());
                format!("{time:.2} ({:.0})", allocations[way] as f64 / calls)
            });
            let _ = write!(self.text, "{cell:>15}");
        }
        self.text.push_str("  |      ");
        let limits = [
            (BEST, self.targets.best),
            (FLOOR, self.targets.floor),
            (IDIOMATIC, f64::INFINITY),
        ];
        for (way, limit) in limits {
            let ratio = index(OURS).zip(index(way)).map_or(f64::NAN, |(ours, way)| {
                median(
                    times[ours]
                        .iter()
                        .zip(&times[way])
                        .map(|(ours, way)| ours / way)
                        .collect(),
                )
            });
            let missed = ratio > limit;
            self.met &= !missed;
            let _ = write!(self.text, "{ratio:8.3}{}", if missed { '!' } else { ' ' });
        }
        self.text.push('\n');
    }

    /// Adds a line of text.
    pub(crate) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
