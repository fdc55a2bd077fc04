//! The databases: a fresh one for each run, gone after it, and what differs between them.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;

use diesel::r2d2::{ConnectionManager, Pool};
use diesel_oauth2::migrations::MigrationTarget;
use diesel_oauth2::pool::{DatabaseConnection, PoolBuilder, Synchronous};

use crate::explain::{Plan, Sent};
use crate::plans::RareCall;
use crate::results::TableSize;
use crate::store::PooledWay;
use crate::ways::driver::Driver;

/// A fresh, empty database.
pub struct Fresh {
    /// Where it is.
    pub url: String,
    _gone_after_it: Box<dyn std::any::Any>,
}

/// Diesel's pool.
pub type DieselPool<D> = Pool<ConnectionManager<D>>;

/// Prunes, calling back after each batch. Tells how many tokens are gone.
pub type Prune = Box<dyn Fn(&mut dyn FnMut()) -> usize + Send + Sync>;

/// A database that is measured, named by its connection type.
pub trait Db: DatabaseConnection + MigrationTarget {
    /// Its name for people.
    const NAME: &'static str;
    /// Its name in files and variables.
    const KEY: &'static str;
    /// Whether there are round trips.
    const IS_SERVER: bool;
    /// What [`PoolBuilder`] sets on its connections, for everybody else's.
    const SETTINGS: &'static [&'static str];
    /// Its driver.
    type Driver: Driver;

    /// A fresh database. `None` where the variable that tells the server is not set.
    fn create() -> Option<Fresh>;
    /// Its URL for SQLAlchemy.
    fn python_url(url: &str) -> String;

    /// This crate on the pool; with tokens in plain, or as digests.
    fn ours(pool: DieselPool<Self>, digests: bool) -> Box<dyn PooledWay>;
    /// The best Diesel by hand on the pool.
    fn best(pool: DieselPool<Self>) -> Box<dyn PooledWay>;
    /// Diesel by hand as its guides have it.
    fn idiomatic(pool: DieselPool<Self>) -> Box<dyn PooledWay>;

    /// This crate's pruner on the pool, of models that store tokens in plain.
    fn pruner(pool: DieselPool<Self>) -> Prune;
    /// This crate's other calls, for their statements.
    fn rare_calls(pool: DieselPool<Self>) -> Vec<RareCall>;

    /// The server's or library's version.
    fn version(driver: &mut Self::Driver) -> String;
    /// Settings that its speed depends on.
    fn told_settings(driver: &mut Self::Driver) -> Vec<(String, String)>;
    /// Whether rows are loaded in the text form of PostgreSQL's COPY instead of as VALUES.
    const COPIES: bool = false;
    /// Loads rows: `into` is `table (columns)`.
    fn load(driver: &mut Self::Driver, into: &str, rows: &str) {
        driver.run(&format!("INSERT INTO {into} VALUES {rows}"));
    }
    /// Makes ready for many rows. Gives the statements to run when they are there.
    fn before_load(driver: &mut Self::Driver) -> Vec<String>;
    /// Collects statistics.
    fn analyze(driver: &mut Self::Driver);
    /// What the tables and their indexes take on the disk.
    fn sizes(driver: &mut Self::Driver) -> Vec<TableSize>;
    /// How a statement would be run.
    fn explain(driver: &mut Self::Driver, sent: &Sent) -> Plan;
}

/// A database with the tables.
pub struct Migrated<D: Db> {
    /// A connection beside those that are measured, with nothing prepared.
    pub driver: D::Driver,
    /// The database, gone after this.
    pub fresh: Fresh,
}

/// A fresh database with the tables. `None` where its server is not known.
pub fn migrated<D: Db>() -> Option<Migrated<D>> {
    let fresh = D::create()?;
    let mut connection = D::establish(&fresh.url).expect("connects");
    for sql in D::SETTINGS {
        connection.batch_execute(sql).expect("settings");
    }
    diesel_oauth2::migrations::run(&mut connection).expect("migrates");
    let driver = D::Driver::open(&fresh.url, D::SETTINGS);
    Some(Migrated { driver, fresh })
}

/// A pool as this crate makes it.
pub fn our_pool<D: Db>(url: &str, connections: u32) -> DieselPool<D> {
    PoolBuilder::new(url)
        .max_size(connections)
        .synchronous(Synchronous::Normal)
        .build()
        .expect("the database answers")
}

/// The ways of one connection type, which cannot be generic over it.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
macro_rules! ways {
    ($module:ident) => {
        fn ours(pool: DieselPool<Self>, digests: bool) -> Box<dyn PooledWay> {
            use diesel_oauth2::models;
            if digests {
                Box::new(ours::store::<models::Token, models::AuthorizationCode, _>(
                    pool,
                ))
            } else {
                Box::new(ours::store::<rows::Row, rows::Code, _>(pool))
            }
        }

        fn pruner(pool: DieselPool<Self>) -> crate::databases::Prune {
            let pruner = diesel_oauth2::lifecycle::create_pruner::<rows::Code, rows::Row, _>(pool)
                .clock(|| crate::input::PRUNED_BEFORE)
                .retention(0);
            Box::new(move |after_each| {
                let progress = |_: &_| {
                    after_each();
                    std::ops::ControlFlow::Continue(())
                };
                pruner.prune(progress).expect("prunes").tokens
            })
        }

        fn rare_calls(pool: DieselPool<Self>) -> Vec<crate::plans::RareCall> {
            use diesel_oauth2::models::{AuthorizationCode, Token};
            crate::plans::rare_calls::<Token, AuthorizationCode, _>(pool)
        }

        fn best(pool: DieselPool<Self>) -> Box<dyn PooledWay> {
            Box::new(by_hand::$module::Best(pool))
        }

        fn idiomatic(pool: DieselPool<Self>) -> Box<dyn PooledWay> {
            Box::new(by_hand::$module::Idiomatic(pool))
        }
    };
}
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use ways;
