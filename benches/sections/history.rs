//! Criterion's own view of this crate's calls, for following them over time. The ratios that are promised come from
//! `operations`, where the ways take turns.

use std::cell::RefCell;
use std::time::Duration;

use criterion::Criterion;
use diesel_oauth2_benches::databases::{Db, Migrated, migrated, our_pool};
use diesel_oauth2_benches::operation::Operation;
use diesel_oauth2_benches::supply::Supply;
use diesel_oauth2_benches::{load, settings};

fn follow<D: Db>(criterion: &mut Criterion) {
    if !settings::is_wanted(D::KEY) {
        return;
    }
    let Some(Migrated { mut driver, fresh }) = migrated::<D>() else {
        return;
    };
    let tokens = settings::tokens();
    load::tokens::<D>(&mut driver, 0..tokens);
    let driver = RefCell::new(driver);
    let supply = Supply::new(tokens, true, &driver);
    let mut ours = D::ours(our_pool(&fresh.url, 2), true);
    let mut group = criterion.benchmark_group(D::KEY);
    for operation in Operation::ALL {
        group.bench_function(operation.name(), |bencher| {
            bencher.iter_custom(|calls| ours.run(operation, &supply, calls as usize).time);
        });
        supply.forget();
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .configure_from_args();
    #[cfg(feature = "sqlite")]
    follow::<diesel::SqliteConnection>(&mut criterion);
    #[cfg(feature = "postgres")]
    follow::<diesel::PgConnection>(&mut criterion);
    #[cfg(feature = "mysql")]
    follow::<diesel::MysqlConnection>(&mut criterion);
    criterion.final_summary();
}
