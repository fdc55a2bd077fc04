//! What the sections of the report have in common: one run on each database, its results kept.

use std::time::Instant;

use serde::Serialize;

use crate::databases::Db;
use crate::{results, settings};

/// A part of the report that every database has.
pub trait Section {
    /// Its name in files.
    const NAME: &'static str;
    /// What it finds out.
    type Results: Serialize;

    /// Measures. `None` where the database's server is not known.
    fn run<D: Db>() -> Option<Self::Results>;

    /// Tells the results in short.
    fn tell(results: &Self::Results);

    /// Whether results from before can stay.
    fn is_there<D: Db>() -> bool {
        settings::results()
            .join(format!("{}.json", Self::file::<D>()))
            .exists()
    }

    /// The name of its results.
    fn file<D: Db>() -> String {
        format!("{}-{}", Self::NAME, D::KEY)
    }
}

/// Runs a section on every database there is.
pub fn main<S: Section>() {
    #[cfg(feature = "sqlite")]
    on::<S, diesel::SqliteConnection>();
    #[cfg(feature = "postgres")]
    on::<S, diesel::PgConnection>();
    #[cfg(feature = "mysql")]
    on::<S, diesel::MysqlConnection>();
}

fn on<S: Section, D: Db>() {
    if !settings::is_wanted(D::KEY) {
        return;
    }
    if settings::is_resuming() && S::is_there::<D>() {
        eprintln!("{} on {}: measured before", S::NAME, D::NAME);
        return;
    }
    eprintln!("{} on {}", S::NAME, D::NAME);
    let began = Instant::now();
    let Some(found) = S::run::<D>() else {
        eprintln!(
            "{} on {}: left out, its variable is not set",
            S::NAME,
            D::NAME
        );
        return;
    };
    S::tell(&found);
    // A few calls are no figures to keep.
    if !settings::is_quick() {
        results::write(&S::file::<D>(), &found);
    }
    eprintln!(
        "{} on {}: done in {:.0} s",
        S::NAME,
        D::NAME,
        began.elapsed().as_secs_f64()
    );
}
