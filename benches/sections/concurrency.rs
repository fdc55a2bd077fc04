//! What 1 to 64 threads get out of a pool, and lookups beside a writer that never rests.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use diesel_oauth2_benches::databases::{Db, Migrated, migrated, our_pool};
use diesel_oauth2_benches::latencies::{Caller, Load, Turns, of_threads};
use diesel_oauth2_benches::results::{Concurrency, Latencies, Series};
use diesel_oauth2_benches::section::{self, Section};
use diesel_oauth2_benches::store::PooledWay;
use diesel_oauth2_benches::supply::Supply;
use diesel_oauth2_benches::ways::{BEST, IDIOMATIC, OURS, by_hand};
use diesel_oauth2_benches::{load, settings};

/// The pool's size, whatever the number of threads.
const CONNECTIONS: u32 = 16;

struct Threads;

impl Section for Threads {
    const NAME: &'static str = "concurrency";
    type Results = Concurrency;

    fn run<D: Db>() -> Option<Concurrency> {
        let Migrated { mut driver, fresh } = migrated::<D>()?;
        let tokens = settings::tokens();
        load::tokens::<D>(&mut driver, 0..tokens);
        let driver = RefCell::new(driver);
        let supply = Supply::new(tokens, false, &driver);
        let by_hand = |tested| by_hand::pool::<D>(&fresh.url, D::SETTINGS, tested, CONNECTIONS);
        let ways: [(&str, Box<dyn PooledWay>); 3] = [
            (OURS, D::ours(our_pool(&fresh.url, CONNECTIONS), false)),
            (BEST, D::best(by_hand(false))),
            (IDIOMATIC, D::idiomatic(by_hand(true))),
        ];
        let (threads, time): (&[usize], _) = match settings::is_quick() {
            true => (&[1, 3], Duration::from_millis(20)),
            false => (&[1, 2, 4, 8, 16, 32, 64], Duration::from_millis(1_000)),
        };
        let mut series = Vec::new();
        for load in [Load::Lookups, Load::Mix] {
            eprintln!("{}: {}", D::NAME, load.name());
            let mut points: Vec<Vec<(usize, Latencies)>> = vec![Vec::new(); ways.len()];
            for &threads in threads {
                for ((_, way), points) in ways.iter().zip(&mut points) {
                    points.push((threads, of_threads(&**way, load, threads, tokens, time)));
                }
            }
            for ((way, _), points) in ways.iter().zip(points) {
                let (way, load) = ((*way).to_owned(), load.name().to_owned());
                series.push(Series { way, load, points });
            }
            supply.forget();
        }
        let (beside_writer, written) = beside_writer(&*ways[0].1, tokens, time * 3);
        Some(Concurrency {
            database: D::NAME.to_owned(),
            connections: CONNECTIONS,
            seconds: time.as_secs_f64(),
            series,
            beside_writer,
            written,
        })
    }

    fn tell(results: &Concurrency) {
        println!("\n{}: calls a second by threads", results.database);
        for series in &results.series {
            let points = series
                .points
                .iter()
                .map(|(threads, it)| format!("  {threads}: {:.0}", it.per_second));
            println!(
                "  {:24} {:18}{}",
                series.load,
                series.way,
                points.collect::<String>()
            );
        }
        for (beside, it) in &results.beside_writer {
            println!(
                "  lookups, {beside}: {:.0} a second, median {:.1}, p99 {:.1} microseconds",
                it.per_second, it.p50_micros, it.p99_micros
            );
        }
        println!("  the writer stored {:.0} tokens a second", results.written);
    }
}

/// One thread's lookups, without and with a thread that stores tokens in a loop, in turns.
fn beside_writer(
    ours: &dyn PooledWay,
    tokens: u64,
    time: Duration,
) -> (Vec<(String, Latencies)>, f64) {
    let (writes, stops) = (AtomicBool::new(false), AtomicBool::new(false));
    let written = AtomicU64::new(0);
    let mut writer = Caller::new(ours.another(), Load::Saves, tokens, 1);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stops.load(SeqCst) {
                if writes.load(SeqCst) {
                    writer.call();
                    written.fetch_add(1, SeqCst);
                } else {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        });
        let mut turns = Turns::default();
        let mut reader = Caller::new(ours.another(), Load::Lookups, tokens, 2);
        let began = Instant::now();
        turns.take(
            6,
            time / 3,
            |is_beside| writes.store(is_beside, SeqCst),
            || reader.call(),
        );
        stops.store(true, SeqCst);
        let seconds = began.elapsed().as_secs_f64() / 2.0;
        let (alone, beside) = turns.latencies();
        let found = vec![
            ("alone".to_owned(), alone),
            ("beside a writer".to_owned(), beside),
        ];
        (found, written.load(SeqCst) as f64 / seconds)
    })
}

fn main() {
    section::main::<Threads>();
}
