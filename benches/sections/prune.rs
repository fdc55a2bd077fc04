//! Lookups while a million dead tokens are pruned.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use diesel_oauth2_benches::databases::{Db, Migrated, migrated, our_pool};
use diesel_oauth2_benches::latencies::{Caller, Load, Turns};
use diesel_oauth2_benches::results::Pruning;
use diesel_oauth2_benches::section::{self, Section};
use diesel_oauth2_benches::{load, settings};

struct Prune;

impl Section for Prune {
    const NAME: &'static str = "prune";
    type Results = Pruning;

    fn run<D: Db>() -> Option<Pruning> {
        let Migrated { mut driver, fresh } = migrated::<D>()?;
        let (live, dead) = (settings::tokens(), settings::prune());
        load::tokens::<D>(&mut driver, 0..live);
        load::dead_tokens::<D>(&mut driver, 1 << 41..(1 << 41) + dead);
        let pool = our_pool::<D>(&fresh.url, 4);
        let prune = D::pruner(pool.clone());
        let mut reader = Caller::new(D::ours(pool, false), Load::Lookups, live, 1);

        let (runs, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        let turn = Duration::from_millis(if settings::is_quick() { 20 } else { 1_000 });
        let mut turns = Turns::default();
        let mut pruning = Duration::ZERO;
        thread::scope(|scope| {
            let pruner = scope.spawn(|| {
                let wait = || {
                    while !runs.load(SeqCst) {
                        thread::sleep(Duration::from_millis(1));
                    }
                };
                wait();
                let pruned = prune(&mut || wait());
                is_over.store(true, SeqCst);
                pruned
            });
            while !is_over.load(SeqCst) {
                let began = Instant::now();
                turns.take(
                    2,
                    turn,
                    |is_beside| runs.store(is_beside, SeqCst),
                    || reader.call(),
                );
                pruning += began.elapsed() / 2;
            }
            let pruned = pruner.join().expect("prunes");
            assert_eq!(pruned as u64, dead);
        });
        let (alone, beside) = turns.latencies();
        Some(Pruning {
            database: D::NAME.to_owned(),
            dead,
            live,
            seconds: pruning.as_secs_f64(),
            alone,
            beside,
        })
    }

    fn tell(results: &Pruning) {
        println!(
            "\n{}: {} tokens pruned in {:.1} s beside {} live ones",
            results.database, results.dead, results.seconds, results.live
        );
        for (when, it) in [
            ("alone", &results.alone),
            ("while pruning", &results.beside),
        ] {
            println!(
                "  lookups, {when}: {:.0} a second, median {:.1}, p99 {:.1}, most {:.0} microseconds",
                it.per_second, it.p50_micros, it.p99_micros, it.most_micros
            );
        }
        println!(
            "  p99, while pruning / alone: {:.2}",
            results.beside.p99_micros / results.alone.p99_micros
        );
    }
}

fn main() {
    section::main::<Prune>();
}
