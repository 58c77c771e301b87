//! Devices compute what the CPU computes: logits in evaluation, losses of the first training steps.
//!
//! `SEMIVOX_DEVICE=cuda cargo test --features cuda --test devices` names the device to compare; without
//! it, the GPU backend compiled in last. A build with the feature `ndarray` compares burn-ndarray too, all methods.

#![allow(clippy::unwrap_used)]

use semivox_inference::device;
use semivox_trainer::agreement;

/// The GPU to compare, if there is one in this build.
fn gpu() -> Option<String> {
    let others = || {
        let names = device::compiled_in().into_iter();
        names
            .map(String::from)
            .rfind(|name| !["cpu", "ndarray"].contains(&name.as_str()))
    };
    std::env::var("SEMIVOX_DEVICE").ok().or_else(others)
}

fn assert_agreement(device: &str, methods: &[String]) {
    let mut rows = agreement::logits(device).unwrap();
    rows.extend(agreement::gradients(device).unwrap());
    for method in methods {
        rows.extend(agreement::steps(device, method).unwrap());
    }
    rows.iter().for_each(|row| println!("{device}: {row}"));
    let wrong: Vec<_> = rows.iter().filter(|row| !row.holds()).collect();
    assert!(wrong.is_empty(), "{device}: {wrong:#?}");
}

/// A software device is slow: two methods, of which SimCVD has heads beside its network.
#[test]
fn the_gpu_agrees_with_the_cpu() {
    if let Some(gpu) = gpu() {
        assert_agreement(&gpu, &["supervised".into(), "simcvd".into()]);
    }
}

#[cfg(feature = "ndarray")]
#[test]
fn every_method_agrees_on_ndarray() {
    assert_agreement("ndarray", &agreement::methods());
}
