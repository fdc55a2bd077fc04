//! How long single calls take, of many threads or beside something else.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::input::{access_token, mix};
use crate::results::Latencies;
use crate::store::PooledWay;

/// Collected latencies, in nanoseconds.
#[derive(Clone, Default)]
pub struct Samples {
    nanos: Vec<u32>,
    time: Duration,
}

impl Samples {
    /// Makes calls one after another for so long.
    pub fn collect(&mut self, time: Duration, mut call: impl FnMut()) {
        let began = Instant::now();
        let mut last = began;
        while last - began < time {
            call();
            let now = Instant::now();
            self.nanos
                .push(u32::try_from((now - last).as_nanos()).unwrap_or(u32::MAX));
            last = now;
        }
        self.time += last - began;
    }

    /// What they amount to.
    pub fn latencies(&self) -> Latencies {
        let mut sorted = self.nanos.clone();
        sorted.sort_unstable();
        let at = |share: f64| {
            let index = (sorted.len() as f64 * share) as usize;
            let nanos = sorted.get(index.min(sorted.len().saturating_sub(1)));
            nanos.map_or(f64::NAN, |&nanos| f64::from(nanos) / 1000.0)
        };
        Latencies {
            calls: sorted.len(),
            per_second: sorted.len() as f64 / self.time.as_secs_f64(),
            p50_micros: at(0.5),
            p99_micros: at(0.99),
            most_micros: at(1.0),
        }
    }

    /// Those of threads that ran at the same time.
    fn together(all: Vec<Self>) -> Self {
        let time = all.iter().map(|it| it.time).max().unwrap_or_default();
        let nanos = all.into_iter().flat_map(|it| it.nanos).collect();
        Self { nanos, time }
    }
}

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// Access tokens are looked up and validated.
    Lookups,
    /// Every twentieth call stores a token.
    Mix,
    /// Every call stores a token.
    Saves,
}

impl Load {
    /// As the report has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lookups => "lookups",
            Self::Mix => "95 % lookups, 5 % saves",
            Self::Saves => "saves",
        }
    }
}

/// A thread's calls, one after another. It presents tokens of `rows` loaded ones.
pub struct Caller {
    way: Box<dyn PooledWay>,
    load: Load,
    presented: Vec<String>,
    made: usize,
}

impl Caller {
    /// Calls over the way; `seed` tells one caller's tokens from another's.
    pub fn new(way: Box<dyn PooledWay>, load: Load, rows: u64, seed: u64) -> Self {
        let number = |at| mix(seed << 32 | at) % (rows / 2) * 2;
        let presented = (0..4_000).map(|at| format!("Bearer {}", access_token(number(at))));
        Self {
            way,
            load,
            presented: presented.collect(),
            made: 0,
        }
    }

    /// The next call.
    pub fn call(&mut self) {
        self.made += 1;
        let saves = match self.load {
            Load::Lookups => false,
            Load::Mix => self.made % 20 == 0,
            Load::Saves => true,
        };
        if saves {
            self.way.save();
        } else {
            assert!(
                self.way
                    .look_up(&self.presented[self.made % self.presented.len()])
            );
        }
    }
}

/// Lets so many threads call over the way's pool for so long.
pub fn of_threads(
    way: &dyn PooledWay,
    load: Load,
    threads: usize,
    rows: u64,
    time: Duration,
) -> Latencies {
    let barrier = Barrier::new(threads);
    let all = thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|thread| {
                let mut caller = Caller::new(way.another(), load, rows, thread as u64);
                let barrier = &barrier;
                scope.spawn(move || {
                    // Makes the pool's connections, and prepares their statements.
                    let mut samples = Samples::default();
                    samples.collect(time / 5, || caller.call());
                    barrier.wait();
                    let mut samples = Samples::default();
                    samples.collect(time, || caller.call());
                    samples
                })
            })
            .collect();
        started
            .into_iter()
            .map(|thread| thread.join().expect("calls"))
            .collect()
    });
    Samples::together(all).latencies()
}

/// Calls in turns without and with something beside them, so that both see the same machine.
#[derive(Default)]
pub struct Turns {
    alone: Samples,
    beside: Samples,
}

impl Turns {
    /// Takes an even number of turns of so long each. `switch` turns the other thing on and off.
    pub fn take(
        &mut self,
        turns: usize,
        time: Duration,
        switch: impl Fn(bool),
        mut call: impl FnMut(),
    ) {
        for turn in 0..turns {
            let is_beside = turn % 2 == 1;
            switch(is_beside);
            // What was begun before the switch is over by then.
            Samples::default().collect(time / 10, &mut call);
            let samples = if is_beside {
                &mut self.beside
            } else {
                &mut self.alone
            };
            samples.collect(time, &mut call);
        }
    }

    /// Without and with it.
    pub fn latencies(&self) -> (Latencies, Latencies) {
        (self.alone.latencies(), self.beside.latencies())
    }
}
