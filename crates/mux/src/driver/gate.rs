//! The lock of a session, and the one place where the driver goes to sleep.
//!
//! Whoever changes the core does it through [`Gate::with`]; if there is work afterwards and the
//! driver is idle, the driver is woken, once, outside the lock. The driver sleeps only by
//! [`Gate::park`], which looks for work and marks it idle *under the same lock*: between looking
//! and sleeping nothing can be pushed, so no wake-up is lost. The loom model below proves it, and
//! shows that it fails as soon as the look is taken before the lock.

use std::task::Waker;

#[cfg(loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
use std::sync::{Mutex, MutexGuard};

/// What a gate guards.
pub(crate) trait Work {
    /// True if the driver has something to do.
    fn has_work(&self) -> bool;
}

#[derive(Debug)]
pub(crate) struct Gate<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    core: T,
    idle: bool,
    driver: Option<Waker>,
}

impl<T: Work> Gate<T> {
    pub(crate) fn new(core: T) -> Self {
        Self {
            state: Mutex::new(State {
                core,
                idle: false,
                driver: None,
            }),
        }
    }

    /// Changes the core, and wakes the driver if that made work for it.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state.core);
        let wake = if state.idle && state.core.has_work() {
            state.idle = false;
            state.driver.clone()
        } else {
            None
        };
        drop(state);
        if let Some(driver) = wake {
            driver.wake();
        }
        result
    }

    /// The driver's own access: it is awake, nobody needs to wake it.
    pub(crate) fn drive<R>(&self, step: impl FnOnce(&mut T) -> R) -> R {
        let mut state = self.lock();
        state.idle = false;
        step(&mut state.core)
    }

    /// The driver goes to sleep unless there is work. `Some`: it sleeps; the value of `last`,
    /// computed under the same lock, comes back.
    pub(crate) fn park<R>(&self, driver: &Waker, last: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut state = self.lock();
        if state.core.has_work() {
            return None;
        }
        match &mut state.driver {
            Some(known) => known.clone_from(driver),
            None => state.driver = Some(driver.clone()),
        }
        state.idle = true;
        Some(last(&mut state.core))
    }

    /// A panic elsewhere under the lock (out of memory, say) must not take the other streams of
    /// the session with it: the core is left consistent between its calls.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(all(test, loom))]
mod model {
    //! Run with `RUSTFLAGS="--cfg loom" cargo test -p adit-mux --lib --release`, in a target
    //! directory of its own.

    use std::{
        sync::atomic::{AtomicBool, Ordering},
        task::{Wake, Waker},
    };

    use loom::{sync::Arc, thread};

    use super::{Gate, Work};

    /// Two pushes are expected; the driver takes what is there.
    #[derive(Default)]
    struct Queue {
        pushed: usize,
    }

    impl Work for Queue {
        fn has_work(&self) -> bool {
            self.pushed > 0
        }
    }

    /// Whether the sleeping driver was woken.
    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    /// Two tasks push while the driver takes what is there and goes to sleep. In the end nothing
    /// may lie there of which the sleeping driver was not told.
    fn run(park: fn(&Gate<Queue>, &Waker) -> bool) {
        loom::model(move || {
            let gate = Arc::new(Gate::new(Queue::default()));
            let pushers: Vec<_> = (0..2)
                .map(|_| {
                    let gate = gate.clone();
                    thread::spawn(move || gate.with(|queue| queue.pushed += 1))
                })
                .collect();
            let woken = std::sync::Arc::new(Woken::default());
            let waker = Waker::from(woken.clone());
            loop {
                gate.drive(|queue| queue.pushed = 0);
                if park(&gate, &waker) {
                    break;
                }
            }
            for pusher in pushers {
                pusher.join().unwrap();
            }
            let left = gate.lock().core.pushed;
            let told = woken.0.load(Ordering::SeqCst);
            assert!(left == 0 || told, "the driver sleeps over a push");
        });
    }

    #[test]
    fn no_wake_up_is_lost() {
        run(|gate, waker| gate.park(waker, |_| ()).is_some());
    }

    /// The same driver with the look for work moved out of the lock: loom finds the interleaving
    /// in which it sleeps over a push.
    #[test]
    #[should_panic(expected = "the driver sleeps over a push")]
    fn looking_before_the_lock_loses_one() {
        run(|gate, waker| {
            if gate.drive(|queue| queue.has_work()) {
                return false;
            }
            let mut state = gate.lock();
            state.driver = Some(waker.clone());
            state.idle = true;
            true
        });
    }
}
