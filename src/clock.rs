//! Where "now" comes from, so that tests and replays can choose it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time in whole seconds since 1970-01-01T00:00:00Z, which is the unit of every time in OAuth 2.0.
///
/// ```
/// use diesel_oauth2::clock::{Clock, SystemClock};
///
/// assert!(SystemClock.now() > 1_700_000_000);
/// let frozen = || 1_700_000_000_i64;
/// assert_eq!(frozen.now(), 1_700_000_000);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Seconds since the epoch.
    fn now(&self) -> i64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => {
                i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |secs| -secs)
            }
        }
    }
}

impl<F: Fn() -> i64 + Send + Sync + 'static> Clock for F {
    fn now(&self) -> i64 {
        self()
    }
}

impl Clock for Arc<dyn Clock> {
    fn now(&self) -> i64 {
        (**self).now()
    }
}
