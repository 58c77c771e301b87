//! Ordered loading of batches by worker threads.

mod error;
mod shared;

pub use error::LoaderError;

use std::ops::Range;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use shared::{Item, Shared};

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

impl<T: Send + 'static, E: Send + 'static> OrderedLoader<T, E> {
    /// Creates a loader and starts its workers.
    pub fn new<F>(steps: Range<u64>, config: LoaderConfig, make: F) -> Self
    where
        F: Fn(u64) -> Result<T, E> + Send + Sync + 'static,
    {
        let shared = Arc::new(Shared::new(steps, config.prefetch, make));
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
}

impl<T, E> Iterator for OrderedLoader<T, E> {
    type Item = Item<T, E>;

    fn next(&mut self) -> Option<Self::Item> {
        let asked = Instant::now();
        let item = self.shared.hand_out(self.workers.is_empty());
        self.waited += asked.elapsed();
        item
    }
}

impl<T, E> Drop for OrderedLoader<T, E> {
    fn drop(&mut self) {
        self.shared.stop();
        for worker in self.workers.drain(..) {
            // Panics in `make` were caught already, so the result is irrelevant.
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests;
