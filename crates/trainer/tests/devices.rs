//! A GPU computes what the CPU computes: logits in evaluation, losses of the first training steps.
//!
//! `SEMIVOX_DEVICE=cuda cargo test --features cuda --test devices` names the device to compare; without
//! it, the first one compiled in beside the CPU. Nothing is compared in a build for the CPU alone.

#![cfg(any(feature = "cuda", feature = "wgpu"))]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use burn::module::Module;
use burn::prelude::*;
use semivox_data::phantom::PhantomConfig;
use semivox_models::{Architecture, Network, NetworkConfig};
use semivox_trainer::config::RunConfig;
use semivox_trainer::device;
use semivox_trainer::method::MethodConfig;
use semivox_trainer::presets::preset;
use semivox_trainer::run::metrics_log;
use semivox_trainer::session::Session;

/// Logits are of the order of 1; operators sum up to 27·16·8 products in another order.
const LOGITS: f64 = 1e-3;

/// Relative difference of loss terms; the first step sees equal weights, later ones what the
/// differences of gradients made of them.
const LOSSES: [f64; 3] = [1e-3, 1e-2, 2e-2];

fn name() -> String {
    let others = || {
        device::compiled_in()
            .into_iter()
            .rfind(|&name| name != "cpu")
    };
    std::env::var("SEMIVOX_DEVICE").unwrap_or_else(|_| others().unwrap().into())
}

fn logits(network: &Network, shape: [usize; 3], device: &Device) -> Vec<f32> {
    let values: Vec<f32> = (0..shape.iter().product::<usize>())
        .map(|i| ((i * 7919) % 201) as f32 / 100.0 - 1.0)
        .collect();
    let [x, y, z] = shape;
    let input = Tensor::<5>::from_data(TensorData::new(values, [1, 1, x, y, z]), device);
    let logits = network.valid().forward(input).logits;
    logits.into_data().try_into_vec::<f32>().unwrap()
}

#[test]
fn logits_agree_with_the_cpu() {
    let (cpu, other) = (
        device::by_name("cpu").unwrap(),
        device::by_name(&name()).unwrap(),
    );
    for (architecture, shape) in [
        (Architecture::VNet, [32, 32, 16]),
        (Architecture::UNet, [32, 48, 1]),
    ] {
        cpu.seed(3);
        let config = NetworkConfig::new(1, 3).with_filters(4);
        let network = config.with_architecture(architecture).init(&cpu);
        let expected = logits(&network, shape, &cpu);
        let found = logits(&network.clone().to_device(&other), shape, &other);
        let pairs = expected.iter().zip(&found);
        let most = pairs
            .map(|(a, b)| f64::from((a - b).abs()))
            .fold(0.0, f64::max);
        println!(
            "{architecture:?} on {}: logits differ by {most:.1e} at most",
            name()
        );
        assert!(most < LOGITS, "{architecture:?}: {most}");
        assert!(
            expected.iter().any(|x| x.abs() > 0.05),
            "logits that say something"
        );
    }
}

/// A run small enough for a software device; without dropout and noise, which each device draws itself.
fn config(device: &str, method: &str) -> RunConfig {
    let mut config = preset("smoke", method).unwrap();
    config.device = device.into();
    config.method = config.method.with_iterations(3);
    if let MethodConfig::SimCvd(simcvd) = &mut config.method {
        simcvd.noise = 0.0;
        simcvd.head_dropout = 0.0;
        simcvd.pooled = 16;
    }
    config.patch = [16; 3];
    config.inference.window = [16; 3];
    config.inference.stride = [16; 3];
    config.network.filters = 2;
    config.network.dropout = 0.0;
    config.data.phantoms = [4, 0];
    config.data.labeled = 2.into();
    config.data.phantom = PhantomConfig {
        shape: [24; 3],
        shape_jitter: [0; 3],
        ..config.data.phantom
    };
    config
}

/// Losses of three steps from the same weights, which follow from the seed on every device.
fn losses(device: &str, method: &str) -> Vec<BTreeMap<String, f64>> {
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let config = config(device, method);
    let session = Session::start(config, folder.path().join("run"), &()).unwrap();
    session.run(&mut (), &stop).unwrap();
    let rows = metrics_log::read(folder.path().join("run/metrics.jsonl")).unwrap();
    rows.into_iter().map(|row| row.losses).collect()
}

/// SimCVD has heads beside its network, which follow from the seed as well.
#[test]
fn losses_of_three_steps_agree_with_the_cpu() {
    for method in ["supervised", "simcvd"] {
        let (expected, found) = (losses("cpu", method), losses(&name(), method));
        println!("{method} on the CPU {expected:?}, on {} {found:?}", name());
        for ((expected, found), tolerance) in expected.iter().zip(&found).zip(LOSSES) {
            assert!(expected.keys().eq(found.keys()));
            for (term, expected) in expected {
                let difference = (expected - found[term]).abs() / expected.abs().max(1e-3);
                assert!(
                    difference < tolerance,
                    "{method} {term}: {expected} and {}",
                    found[term]
                );
            }
        }
    }
}
