use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Lets a bounded number of threads in at once; the others wait their turn.
pub(crate) struct Gate {
    state: Mutex<State>,
    left: Condvar,
}

struct State {
    /// `None`: as many as the machine runs at once.
    limit: Option<usize>,
    inside: usize,
    #[cfg(test)]
    waiting: usize,
}

/// A thread's place inside.
struct Place<'g>(&'g Gate);

impl Gate {
    pub(crate) const fn new(limit: Option<usize>) -> Self {
        Self {
            state: Mutex::new(State {
                limit,
                inside: 0,
                #[cfg(test)]
                waiting: 0,
            }),
            left: Condvar::new(),
        }
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.lock().limit = Some(limit.max(1));
        self.left.notify_all();
    }

    pub(crate) fn limit(&self) -> usize {
        let mut state = self.lock();
        *state.limit.get_or_insert_with(|| {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        })
    }

    /// Does the work as soon as there is a place inside.
    pub(crate) fn pass<T>(&self, work: impl FnOnce() -> T) -> T {
        let _place = self.enter();
        work()
    }

    fn enter(&self) -> Place<'_> {
        self.limit();
        let mut state = self.lock();
        #[cfg(test)]
        {
            state.waiting += 1;
        }
        while state.limit.is_some_and(|limit| state.inside >= limit) {
            state = self
                .left
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        #[cfg(test)]
        {
            state.waiting -= 1;
        }
        state.inside += 1;
        Place(self)
    }

    // Nothing that can panic is done under the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().inside -= 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
impl Gate {
    /// Returns when so many threads wait.
    pub(crate) fn await_waiting(&self, count: usize) {
        while self.lock().waiting != count {
            std::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn of_many_threads_at_once_no_more_than_the_limit_are_inside() {
        const LIMIT: usize = 3;
        let gate = Gate::new(Some(LIMIT));
        let (inside, most, done) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        // Each meets as many as may be inside, so that all places are seen taken.
        let full = Barrier::new(LIMIT);
        std::thread::scope(|scope| {
            for _ in 0..8 * LIMIT {
                scope.spawn(|| {
                    gate.pass(|| {
                        let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        full.wait();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    });
                    done.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(done.into_inner(), 8 * LIMIT);
        assert_eq!(most.into_inner(), LIMIT);
    }

    #[test]
    fn a_panic_gives_the_place_back_and_a_limit_can_be_raised() {
        let gate = Gate::new(Some(1));
        let panic = catch_unwind(AssertUnwindSafe(|| {
            gate.pass(|| std::panic::resume_unwind(Box::new(())))
        }));
        assert!(panic.is_err());
        assert_eq!(gate.pass(|| 7), 7);
        std::thread::scope(|scope| {
            gate.pass(|| {
                let second = scope.spawn(|| gate.pass(|| 8));
                gate.await_waiting(1);
                gate.set_limit(2);
                assert_eq!(second.join().ok(), Some(8));
            });
        });
        assert!(Gate::new(None).limit() >= 1);
        gate.set_limit(0);
        assert_eq!(
            gate.limit(),
            1,
            "with no place at all nobody would ever get in"
        );
    }
}
