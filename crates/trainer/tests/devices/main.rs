//! Agreement of devices with the CPU: logits in evaluation mode, losses of the first training steps.
//!
//! `SEMIVOX_DEVICE=cuda cargo test --features cuda --test devices` names the device to compare; without the
//! variable, it is the last GPU backend that is compiled in. A build with the feature `ndarray` compares burn-ndarray
//! too, with all methods.

// A build for the CPU alone has nothing to compare.
#![cfg(any(feature = "cuda", feature = "wgpu", feature = "ndarray"))]
#![allow(clippy::unwrap_used)]

#[cfg(feature = "ndarray")]
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use semivox_inference::device;
use semivox_trainer::agreement::{self, Agreement};

/// Holds the CPU's generator, from which all threads draw, for one test at a time.
fn generator() -> MutexGuard<'static, ()> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the name of the GPU to compare.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn gpu() -> Option<String> {
    let others = || {
        let names = device::compiled_in().into_iter();
        names
            .map(String::from)
            .rfind(|name| !["cpu", "ndarray"].contains(&name.as_str()))
    };
    std::env::var("SEMIVOX_DEVICE").ok().or_else(others)
}

fn assert_agreement(device: &str, rows: &[Agreement]) {
    rows.iter().for_each(|row| println!("{device}: {row}"));
    let wrong: Vec<_> = rows.iter().filter(|row| !row.holds()).collect();
    assert!(!rows.is_empty() && wrong.is_empty(), "{device}: {wrong:#?}");
}

fn networks(device: &str) -> Vec<Agreement> {
    let mut rows = agreement::logits(device).unwrap();
    rows.extend(agreement::gradients(device).unwrap());
    rows
}

fn steps(device: &str, methods: &[String]) -> Vec<Agreement> {
    let steps = |method: &String| agreement::steps(device, method).unwrap();
    methods.iter().flat_map(steps).collect()
}

/// Two methods are enough for a slow software device; SimCVD has heads in addition to its network.
#[test]
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn the_gpu_agrees_with_the_cpu() {
    let _kept = generator();
    let gpu = gpu().expect("a GPU backend in this build, or SEMIVOX_DEVICE");
    assert_agreement(&gpu, &networks(&gpu));
    assert_agreement(&gpu, &steps(&gpu, &["supervised".into(), "simcvd".into()]));
}

/// Environment variable set in the process that compares every second method.
#[cfg(feature = "ndarray")]
const SECOND: &str = "SEMIVOX_TEST_EVERY_SECOND_METHOD";

/// Runs in two processes at once. A process has one generator per backend, so methods that run in parallel in one
/// process would disturb each other's initial weights.
#[cfg(feature = "ndarray")]
#[test]
fn every_method_agrees_on_ndarray() {
    let _kept = generator();
    let methods = agreement::methods();
    let every_other = |first| -> Vec<_> { methods[first..].iter().step_by(2).cloned().collect() };
    if std::env::var_os(SECOND).is_some() {
        return assert_agreement("ndarray", &steps("ndarray", &every_other(1)));
    }
    let mut second = Command::new(std::env::current_exe().unwrap());
    let arguments = ["--exact", "every_method_agrees_on_ndarray", "--nocapture"];
    let mut second = second.args(arguments).env(SECOND, "1").spawn().unwrap();
    let mut rows = networks("ndarray");
    rows.extend(steps("ndarray", &every_other(0)));
    let second = second.wait().unwrap();
    assert_agreement("ndarray", &rows);
    assert!(second.success(), "every second method: see above");
}
