//! What the consumer of batches and the workers share: which steps are begun, made and handed out.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::LoaderError;

/// State shared by the consumer and the workers.
pub(super) struct Shared<T, E> {
    make: Box<dyn Fn(u64) -> Result<T, E> + Send + Sync>,
    end: u64,
    prefetch: u64,
    state: Mutex<State<T, E>>,
    /// Signals that a worker may have work, or must stop.
    work: Condvar,
    /// Signals that an item is finished.
    made: Condvar,
}

/// What a step has: a batch, or the reason why not.
pub(super) type Item<T, E> = Result<T, LoaderError<E>>;

struct State<T, E> {
    /// The first step that no worker has started.
    begin: u64,
    /// The next step to hand out.
    next: u64,
    ready: BTreeMap<u64, Item<T, E>>,
    stopped: bool,
}

impl<T, E> Shared<T, E> {
    pub(super) fn new<F>(steps: Range<u64>, prefetch: usize, make: F) -> Self
    where
        F: Fn(u64) -> Result<T, E> + Send + Sync + 'static,
    {
        let begin = steps.start;
        let state = State {
            begin,
            next: begin,
            ready: BTreeMap::new(),
            stopped: false,
        };
        Self {
            make: Box::new(make),
            end: steps.end,
            prefetch: prefetch.max(1) as u64,
            state: Mutex::new(state),
            work: Condvar::new(),
            made: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the item of the next step, or makes it if the consumer is alone; `None` after the last step.
    pub(super) fn hand_out(&self, alone: bool) -> Option<Item<T, E>> {
        let mut state = self.lock();
        let step = state.next;
        if step >= self.end {
            return None;
        }
        state.next += 1;
        if alone {
            drop(state);
            return Some(self.make_item(step));
        }
        self.work.notify_all();
        loop {
            if let Some(item) = state.ready.remove(&step) {
                return Some(item);
            }
            state = self
                .made
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes the workers stop, each after its current item.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.work.notify_all();
    }

    pub(super) fn work_until_stopped(&self) {
        while let Some(step) = self.claim() {
            let item = self.make_item(step);
            self.lock().ready.insert(step, item);
            self.made.notify_all();
        }
    }

    /// Waits for a step that may be started; `None` if no step is left.
    fn claim(&self) -> Option<u64> {
        let mut state = self.lock();
        loop {
            let step = state.begin;
            if state.stopped || step >= self.end {
                return None;
            }
            if step < state.next.saturating_add(self.prefetch) {
                state.begin += 1;
                return Some(step);
            }
            state = self
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn make_item(&self, step: u64) -> Item<T, E> {
        match catch_unwind(AssertUnwindSafe(|| (self.make)(step))) {
            Ok(made) => made.map_err(|source| LoaderError::Make { step, source }),
            Err(panic) => Err(LoaderError::Panicked {
                step,
                message: message_of(&*panic),
            }),
        }
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_string()
}
