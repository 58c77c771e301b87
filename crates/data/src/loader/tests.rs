//! Unit tests of ordered loading of batches by worker threads.
#![allow(clippy::unwrap_used)]

use super::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;

fn config(workers: usize, prefetch: usize) -> LoaderConfig {
    LoaderConfig { workers, prefetch }
}

#[test]
fn the_number_of_workers_changes_nothing() {
    let run = |workers| -> Vec<u64> {
        let make = |step: u64| {
            // Later steps of a group are faster than earlier ones.
            sleep(Duration::from_micros(500 * (4 - step % 4)));
            Ok::<_, String>(crate::rng::below(
                &mut crate::rng::keyed(3, step, "item"),
                1 << 40,
            ))
        };
        OrderedLoader::new(5..45, config(workers, 3), make)
            .map(Result::unwrap)
            .collect()
    };
    let alone = run(0);
    assert_eq!(alone.len(), 40);
    assert_eq!(run(1), alone);
    assert_eq!(run(4), alone);
}

#[test]
fn no_more_than_the_bound_is_made_ahead() {
    let begun = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&begun);
    let make = move |step: u64| {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok::<_, String>(step)
    };
    let mut loader = OrderedLoader::new(0..100, config(4, 3), make);
    for taken in 0..20 {
        if taken < 3 {
            sleep(Duration::from_millis(20));
            assert_eq!(begun.load(Ordering::SeqCst), taken + 3);
        }
        assert!(begun.load(Ordering::SeqCst) <= taken + 3);
        assert_eq!(loader.next(), Some(Ok(taken)));
    }
}

#[test]
fn errors_and_panics_are_the_items_of_their_steps() {
    for workers in [0, 1, 4] {
        let make = |step: u64| match step {
            2 => Err("no such file".to_string()),
            4 => std::panic::resume_unwind(Box::new(format!("bad index {step}"))),
            _ => Ok(step),
        };
        let items: Vec<_> = OrderedLoader::new(0..6, config(workers, 2), make).collect();
        assert_eq!([&items[0], &items[3], &items[5]], [&Ok(0), &Ok(3), &Ok(5)]);
        assert_eq!(
            items[2],
            Err(LoaderError::Make {
                step: 2,
                source: "no such file".into()
            })
        );
        let message = "bad index 4".to_string();
        assert_eq!(items[4], Err(LoaderError::Panicked { step: 4, message }));
    }
}

#[test]
fn dropping_early_stops_the_workers() {
    let begun = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&begun);
    let make = move |step: u64| {
        counter.fetch_add(1, Ordering::SeqCst);
        sleep(Duration::from_millis(2));
        Ok::<_, String>(step)
    };
    let mut loader = OrderedLoader::new(0..u64::MAX, config(4, 4), make);
    assert_eq!(loader.next(), Some(Ok(0)));
    let dropped = Instant::now();
    drop(loader);
    assert!(dropped.elapsed() < Duration::from_millis(500));
    // All workers have ended and released the counter.
    assert_eq!(Arc::strong_count(&begun), 1);
    assert!(begun.load(Ordering::SeqCst) <= 5);
}

#[test]
fn waiting_is_measured() {
    let make = |step: u64| {
        sleep(Duration::from_millis(10));
        Ok::<_, String>(step)
    };
    let mut loader = OrderedLoader::new(0..3, config(0, 1), make);
    assert_eq!(loader.by_ref().count(), 3);
    assert!(loader.wait_seconds() >= 0.03);
    assert_eq!(loader.next(), None);
}

#[test]
#[allow(clippy::reversed_empty_ranges)]
fn an_empty_range_yields_nothing() {
    for steps in [4..4, 9..4] {
        let mut loader = OrderedLoader::new(steps, config(2, 2), Ok::<_, String>);
        assert_eq!(loader.next(), None);
    }
}
