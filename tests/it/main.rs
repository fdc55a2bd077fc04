//! The behaviours of the project's checklist, each on every database that is enabled and at hand. A test's name begins
//! with its row.

// The bodies are compiled for the functions that block and for those that are awaited.
#![allow(clippy::duplicate_mod)]

/// The functions under test, where they block; [`awaited`] has its own.
mod api {
    pub use diesel_oauth2::*;

    pub fn run(test: fn()) {
        test();
    }

    /// Pools for a primary and its replica.
    #[cfg(feature = "postgres")]
    pub mod replicated {
        use std::time::Duration;

        use diesel::PgConnection;
        use diesel::r2d2::{ConnectionManager, Pool};
        use diesel_oauth2::pool::{PoolBuilder, ReaderWriterPool};

        pub type One = Pool<ConnectionManager<PgConnection>>;
        pub type Both = ReaderWriterPool<One>;

        pub fn one(url: &str) -> One {
            PoolBuilder::new(url)
                .max_size(2)
                .connection_timeout(Duration::from_millis(500))
                .build()
                .expect("the server answers")
        }

        pub fn both(primary: &str, replica: &str, rest: Duration) -> Both {
            ReaderWriterPool::new(one(primary))
                .reader(one(replica))
                .rest(rest)
        }
    }
}

mod awaited;
mod bearer;
mod bundled_schema;
mod bundled_tables;
mod client;
mod code_store;
// What the compiler lists depends on the features, so the expected texts are those of all of them.
#[cfg(all(
    feature = "sqlite",
    feature = "postgres",
    feature = "mysql",
    feature = "uuid"
))]
mod compile_errors;
mod crash;
mod device_store;
mod faults;
mod fixture;
mod introspection;
mod joining;
mod migrations;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod multi_connection;
mod observers;
mod on_connections;
mod own_schema;
mod prune;
mod python;
mod query_token;
mod refresh_store;
mod registration;
#[cfg(feature = "postgres")]
mod replica;
mod revocation;
mod save_token;
mod secrets;
mod state_machine;
mod support;
#[cfg(feature = "sqlite")]
mod without_challenge;
