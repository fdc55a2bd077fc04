use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::Error;

/// The replicas of a primary, in turns, without those that rest because they were gone.
pub(super) struct Replicas<P> {
    all: Vec<Replica<P>>,
    next: AtomicUsize,
    rest: Duration,
    begun: Instant,
}

struct Replica<P> {
    pool: P,
    /// By [`Replicas::now`]; 0 where it answers.
    rests_until: AtomicU64,
}

impl<P> Replicas<P> {
    pub(super) fn new(pools: impl IntoIterator<Item = P>, rest: Duration) -> Self {
        let replica = |pool| Replica {
            pool,
            rests_until: AtomicU64::new(0),
        };
        Self {
            all: pools.into_iter().map(replica).collect(),
            next: AtomicUsize::new(0),
            rest,
            begun: Instant::now(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn rest(&self) -> Duration {
        self.rest
    }

    pub(super) fn pools(&self) -> impl Iterator<Item = &P> {
        self.all.iter().map(|replica| &replica.pool)
    }

    /// The replica whose turn it is; none where all rest.
    pub(super) fn turn(&self) -> Option<Turn<'_, P>> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        (0..self.all.len())
            .map(|offset| &self.all[first.wrapping_add(offset) % self.all.len()])
            .find(|replica| self.may_be_asked(replica))
            .map(|replica| Turn {
                replica,
                replicas: self,
            })
    }

    /// Whether it does not rest. Of those who find its rest over, one asks it; to the others it rests once more until then,
    /// because to ask one that is still gone can take as long as to wait for a connection.
    fn may_be_asked(&self, replica: &Replica<P>) -> bool {
        let until = replica.rests_until.load(Ordering::Relaxed);
        if until == 0 {
            return true;
        }
        let now = self.now();
        now >= until
            && replica
                .rests_until
                .compare_exchange(
                    until,
                    self.rested_after(now),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok()
    }

    /// Milliseconds, never 0.
    fn now(&self) -> u64 {
        millis(self.begun.elapsed()).saturating_add(1)
    }

    fn rested_after(&self, now: u64) -> u64 {
        now.saturating_add(millis(self.rest))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A replica whose turn it is to answer a look-up.
#[must_use]
pub struct Turn<'p, P> {
    replica: &'p Replica<P>,
    replicas: &'p Replicas<P>,
}

impl<P> Turn<'_, P> {
    pub(crate) fn pool(&self) -> &P {
        &self.replica.pool
    }

    /// Takes note of the replica's answer: one that is gone rests.
    pub(crate) fn settle<T>(self, answer: &Result<T, Error>) {
        let rests_until = &self.replica.rests_until;
        match answer {
            Err(Error::Unreachable | Error::ConnectionLost) => {
                let until = self.replicas.rested_after(self.replicas.now());
                rests_until.store(until, Ordering::Relaxed);
            }
            // It is there, but too busy to tell more.
            Err(Error::PoolExhausted) => {}
            _ if rests_until.load(Ordering::Relaxed) == 0 => {}
            _ => rests_until.store(0, Ordering::Relaxed),
        }
    }
}

impl<P> std::fmt::Debug for Turn<'_, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Turn(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    /// The replica whose turn it is, which answers so.
    fn ask(replicas: &Replicas<char>, answer: Result<(), Error>) -> Option<char> {
        let turn = replicas.turn()?;
        let name = *turn.pool();
        turn.settle(&answer);
        Some(name)
    }

    #[test]
    fn they_take_turns() {
        let replicas = Replicas::new(['a', 'b'], HOUR);
        let asked = [(); 4].map(|()| ask(&replicas, Ok(())));
        assert_eq!(asked, [Some('a'), Some('b'), Some('a'), Some('b')]);
        assert_eq!(ask(&Replicas::new([], HOUR), Ok(())), None);
    }

    #[test]
    fn one_that_is_gone_rests() {
        for gone in [Error::Unreachable, Error::ConnectionLost] {
            let replicas = Replicas::new(['a', 'b'], HOUR);
            assert_eq!(ask(&replicas, Err(gone)), Some('a'));
            let asked = [(); 4].map(|()| ask(&replicas, Ok(())));
            assert_eq!(asked, [Some('b'); 4]);
            assert_eq!(ask(&replicas, Err(Error::Unreachable)), Some('b'));
            assert_eq!(ask(&replicas, Ok(())), None, "all rest");
        }
    }

    #[test]
    fn one_that_answers_with_an_error_of_another_kind_does_not_rest() {
        let replicas = Replicas::new(['a'], HOUR);
        for error in [Error::PoolExhausted, Error::ReadOnly, Error::LockTimeout] {
            assert_eq!(ask(&replicas, Err(error)), Some('a'));
        }
        assert_eq!(ask(&replicas, Ok(())), Some('a'));
    }

    #[test]
    fn after_its_rest_one_asks_it_and_the_others_when_it_has_answered() {
        let replicas = Replicas::new(['a'], HOUR);
        assert_eq!(ask(&replicas, Err(Error::Unreachable)), Some('a'));
        // Its rest is over.
        let replica = &replicas.all[0];
        replica.rests_until.store(1, Ordering::Relaxed);
        let turn = replicas.turn().expect("one may ask");
        assert!(replicas.turn().is_none(), "the others wait for the answer");
        turn.settle(&Ok(()));
        assert!(replicas.turn().is_some());
        assert!(replicas.turn().is_some());
    }

    #[test]
    fn without_a_rest_it_is_asked_each_time() {
        let replicas = Replicas::new(['a'], Duration::ZERO);
        for _ in 0..3 {
            assert_eq!(ask(&replicas, Err(Error::Unreachable)), Some('a'));
        }
    }
}
