//! Measures several ways of doing one thing against each other.
//!
//! Criterion measures one function to its end before the next: a machine that slows down in between falsifies their
//! ratio, and the ratios are what this crate promises. So here the ways take turns in short rounds, in another order
//! each time, and the ratio of two of them is the median of their ratios within a round.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::allocations;
use crate::counts::Counts;
use crate::input::mix;
use crate::operation::Operation;
use crate::store::Way;
use crate::supply::Supply;

/// What some calls cost.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    /// Wall-clock time.
    pub time: Duration,
    /// Allocations of Rust's allocator.
    pub allocations: u64,
    /// What else was counted, where anybody counts.
    pub counts: Counts,
}

impl Cost {
    /// What `call` costs over all inputs.
    pub fn of<T>(inputs: &[T], mut call: impl FnMut(&T)) -> Self {
        let (allocations, counts, start) = (allocations::count(), Counts::now(), Instant::now());
        each_call_of_a_batch(inputs, &mut call);
        Self {
            time: start.elapsed(),
            allocations: allocations::count() - allocations,
            counts: Counts::now() - counts,
        }
    }
}

/// callgrind counts what is in here, and knows it by its name.
#[inline(never)]
fn each_call_of_a_batch<T>(inputs: &[T], call: &mut impl FnMut(&T)) {
    inputs.iter().for_each(call);
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.time += other.time;
        self.allocations += other.allocations;
        self.counts += other.counts;
    }
}

/// How long to measure.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Effort {
    /// How often each way has its turn.
    pub rounds: usize,
    /// How many calls a turn.
    pub calls: usize,
}

/// A way that takes part.
pub struct Contender<'a, 's> {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub way: &'a mut dyn Way,
    /// What it works on.
    pub supply: &'a Supply<'s>,
}

/// What a way cost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// Its name.
    pub way: String,
    /// The median of its rounds' means, in microseconds a call.
    pub micros: f64,
    /// Allocations a call; `None` for what is not Rust.
    pub allocations: Option<f64>,
    /// Ours in relation to it: the median of the ratios within a round.
    pub ours_to_it: f64,
}

/// Lets the ways take turns at `operation`. The first one is ours.
pub fn compare(
    operation: Operation,
    contenders: &mut [Contender<'_, '_>],
    effort: Effort,
) -> Vec<Measured> {
    // Fills the caches, and takes PostgreSQL past the five plans it makes before it keeps one.
    for contender in contenders.iter_mut() {
        let calls = if operation.is_long() {
            6
        } else {
            effort.calls.max(10)
        };
        contender.way.run(operation, contender.supply, calls);
    }
    let mut times = vec![Vec::with_capacity(effort.rounds); contenders.len()];
    let mut allocations = vec![0; contenders.len()];
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    for round in 0..effort.rounds {
        order.sort_by_key(|way| mix((round * contenders.len() + way) as u64));
        for &at in &order {
            let Contender { way, supply, .. } = &mut contenders[at];
            let cost = way.run(operation, supply, effort.calls);
            times[at].push(cost.time.as_secs_f64() * 1e6 / effort.calls as f64);
            allocations[at] += cost.allocations;
        }
    }
    let calls = (effort.rounds * effort.calls) as f64;
    let measured = contenders.iter().enumerate().map(|(at, contender)| {
        let ratios = times[0].iter().zip(&times[at]).map(|(ours, it)| ours / it);
        Measured {
            way: contender.name.to_owned(),
            micros: median(times[at].clone()),
            allocations: (contender.way.is_rust()).then(|| allocations[at] as f64 / calls),
            ours_to_it: median(ratios.collect()),
        }
    });
    measured.collect()
}

/// The middle one; not a number where there is none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
