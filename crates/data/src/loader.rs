//! Ordered loading of batches by worker threads.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Number of worker threads and of prefetched batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoaderConfig {
    /// Worker threads; with 0, each batch is made on request in the calling thread.
    pub workers: usize,
    /// Number of batches prefetched beyond those handed out, at least 1.
    pub prefetch: usize,
}

impl Default for LoaderConfig {
    fn default() -> Self {
        Self {
            workers: 2,
            prefetch: 3,
        }
    }
}

/// The reason why a step has no batch.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoaderError<E> {
    /// Making the batch failed.
    #[error("cannot make the batch of step {step}: {source}")]
    Make {
        /// The step.
        step: u64,
        /// The error.
        source: E,
    },
    /// Making the batch panicked.
    #[error(
        "expected a batch for step {step}, found a panic: {message}; this is a bug, please report it"
    )]
    Panicked {
        /// The step.
        step: u64,
        /// The message of the panic.
        message: String,
    },
}

/// An iterator over steps whose items are made by worker threads.
///
/// Items are returned in step order for any number of workers. If `make` depends only on its step (see
/// [`keyed`](crate::rng::keyed)), the training is therefore reproducible. At most `prefetch` items are
/// made or in progress beyond those handed out. An error or panic in `make` becomes the item of its step,
/// and later steps still follow. Dropping the loader stops each worker after its current item. Items are
/// in host memory; the consumer moves them to a device.
///
/// # Examples
///
/// ```
/// use semivox_data::loader::{LoaderConfig, OrderedLoader};
///
/// let make = |step: u64| Ok::<_, std::convert::Infallible>(step * step);
/// let loader = OrderedLoader::new(3..6, LoaderConfig { workers: 2, prefetch: 2 }, make);
/// let squares: Result<Vec<u64>, _> = loader.collect();
/// assert_eq!(squares, Ok(vec![9, 16, 25]));
/// ```
pub struct OrderedLoader<T, E> {
    shared: Arc<Shared<T, E>>,
    workers: Vec<JoinHandle<()>>,
    waited: Duration,
}

/// State shared by the consumer and the workers.
struct Shared<T, E> {
    make: Box<dyn Fn(u64) -> Result<T, E> + Send + Sync>,
    end: u64,
    prefetch: u64,
    state: Mutex<State<T, E>>,
    /// Signals that a worker may have work, or must stop.
    work: Condvar,
    /// Signals that an item is finished.
    made: Condvar,
}

type Item<T, E> = Result<T, LoaderError<E>>;

struct State<T, E> {
    /// The first step that no worker has started.
    begin: u64,
    /// The next step to hand out.
    next: u64,
    ready: BTreeMap<u64, Item<T, E>>,
    stopped: bool,
}

impl<T: Send + 'static, E: Send + 'static> OrderedLoader<T, E> {
    /// Creates a loader and starts its workers.
    pub fn new<F>(steps: Range<u64>, config: LoaderConfig, make: F) -> Self
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
        let shared = Arc::new(Shared {
            make: Box::new(make),
            end: steps.end,
            prefetch: config.prefetch.max(1) as u64,
            state: Mutex::new(state),
            work: Condvar::new(),
            made: Condvar::new(),
        });
        // A thread that cannot be started is skipped; without any thread the consumer makes the items itself.
        let start = |i: usize| {
            let shared = Arc::clone(&shared);
            let thread = Builder::new().name(format!("semivox-loader-{i}"));
            thread.spawn(move || shared.work_until_stopped()).ok()
        };
        let workers = (0..config.workers).map_while(start).collect();
        Self {
            shared,
            workers,
            waited: Duration::ZERO,
        }
    }
}

impl<T, E> OrderedLoader<T, E> {
    /// Seconds that the consumer has waited for items so far. Without workers, the time to make them.
    pub fn wait_seconds(&self) -> f64 {
        self.waited.as_secs_f64()
    }

    fn hand_out(&self) -> Option<Item<T, E>> {
        let mut state = self.shared.lock();
        let step = state.next;
        if step >= self.shared.end {
            return None;
        }
        state.next += 1;
        if self.workers.is_empty() {
            drop(state);
            return Some(self.shared.make_item(step));
        }
        self.shared.work.notify_all();
        loop {
            if let Some(item) = state.ready.remove(&step) {
                return Some(item);
            }
            state = self
                .shared
                .made
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T, E> Iterator for OrderedLoader<T, E> {
    type Item = Item<T, E>;

    fn next(&mut self) -> Option<Self::Item> {
        let asked = Instant::now();
        let item = self.hand_out();
        self.waited += asked.elapsed();
        item
    }
}

impl<T, E> Drop for OrderedLoader<T, E> {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.work.notify_all();
        for worker in self.workers.drain(..) {
            // Panics in `make` were caught already, so the result is irrelevant.
            let _ = worker.join();
        }
    }
}

impl<T, E> Shared<T, E> {
    fn lock(&self) -> MutexGuard<'_, State<T, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work_until_stopped(&self) {
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

#[cfg(test)]
mod tests;
