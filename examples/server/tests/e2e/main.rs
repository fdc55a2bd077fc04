//! End to end over HTTP: the example, started as a process on a free port, and clients that others wrote.
//!
//! Each on SQLite, and on the servers that `DIESEL_OAUTH2_TEST_POSTGRES_URL` and `DIESEL_OAUTH2_TEST_MYSQL_URL` name.
//! What is missing on the machine skips a test, which says so, unless `DIESEL_OAUTH2_TEST_REQUIRE_ALL` is set: then it
//! fails. `DIESEL_OAUTH2_TEST_LONG=1` runs load and outage as long as a release wants them.

/// Without the features for them, the core's awaited functions ask nothing of a database.
#[allow(dead_code)]
#[path = "../../../../tests/it/awaited/bounds.rs"]
mod awaited_bounds;
mod browser;
mod flows;
mod load;
#[cfg(feature = "postgres")]
mod outage;
mod printed;
mod python;
mod refusals;
mod server;
#[allow(dead_code)] // shared with the tests of diesel_oauth2, which use all of it
#[path = "../../../../tests/it/support/mod.rs"]
mod support;
mod awaited {
    pub(crate) use crate::awaited_bounds as bounds;
}
mod user;

use std::time::Duration;

/// Whether what is missing is a failure; else the test is skipped with this message.
fn skip(missing: &str) {
    assert!(
        std::env::var_os("DIESEL_OAUTH2_TEST_REQUIRE_ALL").is_none(),
        "{missing}, and everything is asked for"
    );
    eprintln!("skipped: {missing}");
}

/// How long a run takes: usually, and for a release.
fn how_long(usually: u64, long: u64) -> Duration {
    let is_long = std::env::var("DIESEL_OAUTH2_TEST_LONG").is_ok_and(|value| value == "1");
    Duration::from_secs(if is_long { long } else { usually })
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}
