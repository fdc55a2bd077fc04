//! Guessing is slowed down: so many tries in a while for each name, and then 429 (RFC 6585) until the while is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderValue;
use axum::http::header::RETRY_AFTER;
use axum::response::Response;
use diesel_oauth2::clock::Clock;
use sha2::{Digest, Sha256};

/// How many names are remembered: more than that, and the oldest is forgotten.
const CAPACITY: usize = 10_000;

/// Counts tries by name.
pub(crate) struct Throttle {
    limit: u32,
    /// In seconds.
    window: i64,
    clock: Arc<dyn Clock>,
    // By digest, so that long names take no more room.
    tries: Mutex<HashMap<[u8; 32], Tries>>,
}

#[derive(Clone, Copy)]
struct Tries {
    since: i64,
    count: u32,
}

impl Tries {
    /// Whether there may be another one now.
    fn check(self, throttle: &Throttle, now: i64) -> Result<(), TooMany> {
        let left = self.left(throttle, now);
        if self.count >= throttle.limit && left > 0 {
            return Err(TooMany(left));
        }
        Ok(())
    }

    /// For how many seconds more they count.
    fn left(self, throttle: &Throttle, now: i64) -> i64 {
        self.since.saturating_add(throttle.window) - now
    }
}

/// Too many tries: after so many seconds there may be another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TooMany(i64);

impl Throttle {
    pub(crate) fn new(limit: u32, window: i64, clock: impl Clock) -> Self {
        Self {
            limit,
            window,
            clock: Arc::new(clock),
            tries: Mutex::default(),
        }
    }

    /// Whether another try is allowed now.
    pub(crate) fn check(&self, name: &str) -> Result<(), TooMany> {
        let now = self.clock.now();
        let key: [u8; 32] = Sha256::digest(name).into();
        let all = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&key).map_or(Ok(()), |tries| tries.check(self, now))
    }

    /// Counts a try that failed, unless it was one too many.
    pub(crate) fn count(&self, name: &str) -> Result<(), TooMany> {
        let now = self.clock.now();
        let key = Sha256::digest(name).into();
        let mut all = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CAPACITY && !all.contains_key(&key) {
            all.retain(|_, tries| tries.left(self, now) > 0);
            let oldest = all.iter().min_by_key(|(_, tries)| tries.since);
            if let Some(oldest) = oldest
                .map(|(&key, _)| key)
                .filter(|_| all.len() >= CAPACITY)
            {
                all.remove(&oldest);
            }
        }
        let begun = Tries {
            since: now,
            count: 0,
        };
        let tries = all.entry(key).or_insert(begun);
        if tries.left(self, now) <= 0 {
            *tries = begun;
        }
        tries.check(self, now)?;
        tries.count += 1;
        Ok(())
    }

    /// The try was none of a guesser.
    pub(crate) fn forget(&self, name: &str) {
        let key: [u8; 32] = Sha256::digest(name).into();
        let mut all = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&key);
    }
}

impl TooMany {
    /// Says so in the answer's header.
    pub(crate) fn in_response(self, mut response: Response) -> Response {
        let seconds = HeaderValue::from(self.0);
        response.headers_mut().insert(RETRY_AFTER, seconds);
        response
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[test]
    fn so_many_tries_in_a_while_for_each_name() {
        let now = Arc::new(AtomicI64::new(1_000));
        let clock = Arc::clone(&now);
        let throttle = Throttle::new(2, 60, move || clock.load(Ordering::SeqCst));
        assert_eq!(throttle.count("jane"), Ok(()));
        now.store(1_010, Ordering::SeqCst);
        assert_eq!(throttle.count("jane"), Ok(()));
        assert_eq!(throttle.check("jane"), Err(TooMany(50)));
        assert_eq!(throttle.count("jane"), Err(TooMany(50)));
        assert_eq!(throttle.count("joe"), Ok(()), "is another");
        now.store(1_059, Ordering::SeqCst);
        assert_eq!(throttle.count("jane"), Err(TooMany(1)));
        now.store(1_060, Ordering::SeqCst);
        assert_eq!(throttle.check("jane"), Ok(()));
        assert_eq!(throttle.count("jane"), Ok(()));
        assert_eq!(throttle.count("jane"), Ok(()));
        throttle.forget("jane");
        assert_eq!(throttle.count("jane"), Ok(()));
    }

    #[test]
    fn no_more_names_are_remembered_than_there_is_room_for() {
        let throttle = Throttle::new(1, 60, || 1_000);
        for number in 0..2 * CAPACITY {
            assert_eq!(throttle.count(&number.to_string()), Ok(()));
        }
        assert_eq!(
            throttle.tries.lock().map(|all| all.len()).ok(),
            Some(CAPACITY)
        );
    }
}
