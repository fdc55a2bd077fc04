//! A PostgreSQL with a streaming replica, both of the tests' own, which share the pair and take turns on it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use diesel::{Connection, PgConnection};

use super::private_server::{PrivatePostgres, Stop};
use super::{Postgres, TestDatabase};

/// A primary and its hot standby.
pub struct Pair {
    primary: PrivatePostgres,
    standby: PrivatePostgres,
}

/// Every statement is written to the log, so that a test sees which server was asked.
const SETTINGS: [&str; 2] = ["log_statement=all", "wal_retrieve_retry_interval=100ms"];

/// The servers, which stop when the last test that waits for them is done; `None` where their programs are missing.
pub fn pair() -> Option<Arc<Mutex<Pair>>> {
    static SHARED: Mutex<Weak<Mutex<Pair>>> = Mutex::new(Weak::new());

    let mut shared = SHARED.lock().expect("the servers start");
    if let Some(pair) = shared.upgrade().filter(|pair| !pair.is_poisoned()) {
        return Some(pair);
    }
    let primary = PrivatePostgres::start(&SETTINGS)?;
    let standby = PrivatePostgres::new(&SETTINGS)?;
    let (data, port) = (standby.data(), primary.port().to_string());
    let data = data.to_str().expect("a path of text");
    standby.run(
        "pg_basebackup",
        &[
            "-D",
            data,
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "postgres",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
        ],
    );
    standby.up();
    let pair = Arc::new(Mutex::new(Pair { primary, standby }));
    *shared = Arc::downgrade(&pair);
    Some(pair)
}

/// A database of one test's own on both servers, with the bundled tables.
pub struct Replicated<'p> {
    pair: MutexGuard<'p, Pair>,
    name: String,
}

/// Which of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Primary,
    Standby,
}

impl<'p> Replicated<'p> {
    pub fn create(pair: &'p Mutex<Pair>) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);

        let pair = pair.lock().expect("no test before has left them halfway");
        let name = format!("test_{}", COUNTER.fetch_add(1, Ordering::Relaxed));
        let replicated = Self { pair, name };
        let mut admin = replicated.admin(On::Primary);
        Postgres::execute(&mut admin, &format!("CREATE DATABASE {}", replicated.name));
        let mut conn = PgConnection::establish(&replicated.url(On::Primary)).expect("connects");
        diesel_oauth2::migrations::run(&mut conn).expect("migrates");
        // The test before may have left it paused.
        replicated.resume();
        replicated
    }

    pub fn url(&self, on: On) -> String {
        self.server(on).url_of(&self.name)
    }

    /// What the standby knows stays as it is, until [`resume`](Self::resume).
    pub fn pause(&self) {
        let mut conn = self.admin(On::Standby);
        Postgres::execute(&mut conn, "SELECT pg_wal_replay_pause()");
        self.wait_until("it is paused", || {
            Postgres::strings(&mut conn, "SELECT pg_get_wal_replay_pause_state() AS value")
                == ["paused"]
        });
    }

    /// Goes on, and waits until the standby knows what the primary does.
    pub fn resume(&self) {
        Postgres::execute(
            &mut self.admin(On::Standby),
            "SELECT pg_wal_replay_resume()",
        );
        self.catch_up();
    }

    fn catch_up(&self) {
        let position = "SELECT pg_current_wal_flush_lsn()::text AS value";
        let position = Postgres::strings(&mut self.admin(On::Primary), position).remove(0);
        let mut conn = self.admin(On::Standby);
        let reached = format!("SELECT (pg_last_wal_replay_lsn() >= '{position}')::text AS value");
        self.wait_until("it has caught up", || {
            Postgres::strings(&mut conn, &reached) == ["true"]
        });
    }

    pub fn down(&self, on: On) {
        self.server(on).down(Stop::Crash);
    }

    pub fn up(&self, on: On) {
        self.server(on).up();
    }

    /// How often each of the two was asked for what is in a table of this crate, while `work` was done.
    pub fn asked<T>(&self, work: impl FnOnce() -> T) -> (T, Asked) {
        let before = self.count();
        let value = work();
        let after = self.count();
        let asked = Asked {
            primary: after.primary - before.primary,
            standby: after.standby - before.standby,
        };
        (value, asked)
    }

    fn count(&self) -> Asked {
        let count = |on| {
            let log = self.server(on).log();
            log.lines()
                .filter(|line| line.contains("LOG:") && line.contains("oauth2_"))
                .count()
        };
        Asked {
            primary: count(On::Primary),
            standby: count(On::Standby),
        }
    }

    /// Waits, with a limit, for what two servers do on their own.
    pub fn wait_until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !is_so() {
            assert!(
                Instant::now() < deadline,
                "{what}: not within 30 s\n{}",
                self.server(On::Standby).log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn admin(&self, on: On) -> PgConnection {
        PgConnection::establish(&self.server(on).url()).expect("the server answers")
    }

    fn server(&self, on: On) -> &PrivatePostgres {
        match on {
            On::Primary => &self.pair.primary,
            On::Standby => &self.pair.standby,
        }
    }
}

/// Statements that the two servers were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub primary: usize,
    pub standby: usize,
}
