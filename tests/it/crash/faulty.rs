//! A pool whose user comes to harm between two statements.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(any(feature = "postgres", feature = "mysql"))]
use diesel::connection::Connection;
use diesel::connection::InstrumentationEvent;
use diesel::r2d2::{ConnectionManager, Pool};
#[allow(unused_imports)]
use diesel::{
    RunQueryDsl,
    dsl::sql,
    sql_types::{BigInt, Integer},
};
use diesel_oauth2::Error;
use diesel_oauth2::pool::{ConnectionPool, DatabaseConnection, Intent};

/// What ends at the point that was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Killed {
    /// The thread ends: its connection is closed in the middle of whatever it was doing.
    Thread,
    /// The database ends the session, and the thread goes on to find out.
    Session,
    /// The process tells its parent, and goes no further.
    Process,
}

/// Between which statements of all connections together, BEGIN and COMMIT included. Counted from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Point {
    /// Before this one is sent.
    Before(usize),
    /// After this one is done, before anybody has its answer.
    After(usize),
}

/// With what a thread ends.
#[derive(Debug)]
pub struct Ended;

/// A pool that brings harm at one point.
pub struct FaultyPool<C: DatabaseConnection> {
    pool: Pool<ConnectionManager<C>>,
    fault: Arc<Fault>,
}

struct Fault {
    harm: Killed,
    point: Point,
    begun: AtomicUsize,
    done: AtomicUsize,
    url: String,
}

impl<C: DatabaseConnection> Clone for FaultyPool<C> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            fault: Arc::clone(&self.fault),
        }
    }
}

impl<C: Session> FaultyPool<C> {
    pub fn new(pool: Pool<ConnectionManager<C>>, url: String, harm: Killed, point: Point) -> Self {
        let fault = Fault {
            harm,
            point,
            begun: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            url,
        };
        Self {
            pool,
            fault: Arc::new(fault),
        }
    }

    /// Whether there was such a point.
    pub fn has_harmed(&self) -> bool {
        match self.fault.point {
            Point::Before(statement) => self.fault.begun.load(Ordering::SeqCst) > statement,
            Point::After(statement) => self.fault.done.load(Ordering::SeqCst) > statement,
        }
    }
}

impl Fault {
    fn notice<C: Session>(&self, event: &InstrumentationEvent<'_>, session: Option<i64>) {
        let point = match event {
            InstrumentationEvent::StartQuery { .. } => {
                Point::Before(self.begun.fetch_add(1, Ordering::SeqCst))
            }
            InstrumentationEvent::FinishQuery { .. } => {
                Point::After(self.done.fetch_add(1, Ordering::SeqCst))
            }
            _ => return,
        };
        if point != self.point {
            return;
        }
        match self.harm {
            // Like a panic, without its message.
            Killed::Thread => resume_unwind(Box::new(Ended)),
            Killed::Session => C::end(&self.url, session.expect("a server's session")),
            Killed::Process => {
                println!("\nat the point");
                loop {
                    std::thread::park();
                }
            }
        }
    }
}

impl<C: Session> ConnectionPool for FaultyPool<C> {
    type Connection = C;

    fn run<T>(
        &self,
        intent: Intent,
        mut work: impl FnMut(&mut C) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.pool.run(intent, |conn| {
            let session = conn.id()?;
            let fault = Arc::clone(&self.fault);
            conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                fault.notice::<C>(&event, session);
            });
            let result = work(conn);
            conn.set_instrumentation(|_: InstrumentationEvent<'_>| {});
            result
        })
    }
}

/// A connection whose session can be ended from outside.
pub trait Session: DatabaseConnection {
    /// Its name on the server. `None` where there is no server.
    fn id(&mut self) -> Result<Option<i64>, Error>;

    /// Ends it, and returns when it is gone.
    fn end(url: &str, id: i64);
}

#[cfg(feature = "sqlite")]
impl Session for diesel::SqliteConnection {
    fn id(&mut self) -> Result<Option<i64>, Error> {
        Ok(None)
    }

    fn end(_: &str, id: i64) {
        unreachable!("SQLite has no session {id}");
    }
}

#[cfg(feature = "postgres")]
impl Session for diesel::PgConnection {
    fn id(&mut self) -> Result<Option<i64>, Error> {
        let id = diesel::select(sql::<Integer>("pg_backend_pid()")).get_result::<i32>(self)?;
        Ok(Some(id.into()))
    }

    fn end(url: &str, id: i64) {
        let mut admin = Self::establish(url).expect("the server answers");
        // It waits for the session's end.
        let query = format!("SELECT CAST(pg_terminate_backend({id}, 10000) AS INTEGER)");
        assert_eq!(number::<crate::support::Postgres>(&mut admin, &query), 1);
    }
}

#[cfg(feature = "mysql")]
impl Session for diesel::MysqlConnection {
    fn id(&mut self) -> Result<Option<i64>, Error> {
        let id = diesel::select(sql::<BigInt>("CONNECTION_ID()")).get_result::<i64>(self)?;
        Ok(Some(id))
    }

    fn end(url: &str, id: i64) {
        use crate::support::TestDatabase;

        let mut admin = Self::establish(url).expect("the server answers");
        crate::support::Mysql::execute(&mut admin, &format!("KILL {id}"));
        let query = format!("SELECT count(*) FROM information_schema.processlist WHERE id = {id}");
        for _ in 0..10_000 {
            if number::<crate::support::Mysql>(&mut admin, &query) == 0 {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        panic!("session {id} does not end");
    }
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn number<D: crate::support::TestDatabase>(conn: &mut D::Conn, query: &str) -> i64 {
    D::number(conn, query)
}
