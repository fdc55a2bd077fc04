//! Counts beside time, made only while somebody asks for them: statements and round trips.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use diesel::Connection;
use diesel::connection::InstrumentationEvent;

static STATEMENTS: AtomicU64 = AtomicU64::new(0);
static PREPARED: AtomicU64 = AtomicU64::new(0);
static ROUND_TRIPS: AtomicU64 = AtomicU64::new(0);

/// So many in all.
#[derive(Clone, Copy, Default, Debug)]
pub struct Counts {
    /// Statements that Diesel sent over connections that are [listened to](listen); BEGIN and its like are some too.
    pub statements: u64,
    /// How many of them it prepared for that.
    pub prepared: u64,
    /// Round trips through a [`Relay`](crate::round_trips::Relay).
    pub round_trips: u64,
}

impl Counts {
    /// Until now.
    pub fn now() -> Self {
        Self {
            statements: STATEMENTS.load(SeqCst),
            prepared: PREPARED.load(SeqCst),
            round_trips: ROUND_TRIPS.load(SeqCst),
        }
    }
}

impl std::ops::Sub for Counts {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            statements: self.statements - before.statements,
            prepared: self.prepared - before.prepared,
            round_trips: self.round_trips - before.round_trips,
        }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.statements += other.statements;
        self.prepared += other.prepared;
        self.round_trips += other.round_trips;
    }
}

/// Counts what the connection sends from now on.
pub fn listen(connection: &mut impl Connection) {
    connection.set_instrumentation(|event: InstrumentationEvent<'_>| {
        match event {
            InstrumentationEvent::StartQuery { .. } => STATEMENTS.fetch_add(1, SeqCst),
            InstrumentationEvent::CacheQuery { .. } => PREPARED.fetch_add(1, SeqCst),
            _ => 0,
        };
    });
}

/// Notes a round trip.
pub(crate) fn round_trip() {
    ROUND_TRIPS.fetch_add(1, SeqCst);
}
