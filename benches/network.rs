//! One network, timed alone: the side of `benches/peers/network.py` that is ours.
//!
//! ```sh
//! cargo bench --bench network -- train 1 112 112 80 16 5
//! ```
//!
//! Arguments: `train`, `infer` or `window`, batch, depth, height, width, filters, timed steps. A
//! width of 1 means images and U-Net, any other volumes and V-Net. Prints one line of JSON: seconds of every timed step and the process's peak memory. A training step is forward,
//! cross-entropy and Dice loss, backward and SGD with momentum and weight decay, dropout off. `window` is sliding-window inference over a volume of the size given, window
//! 112×112×80, stride 18/18/4.

use std::time::Instant;

use burn::prelude::*;
use burn::tensor::Distribution;
use ndarray::Array3;
use semivox::losses::DiceCrossEntropyLossConfig;
use semivox::models::{Architecture, Network, NetworkConfig};
use semivox::trainer::inference::{Blend, SlidingWindow};
use semivox::trainer::optimizer::OptimizerConfig;
use semivox::trainer::terms::LossTerms;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let mode = arguments.first().map_or("train", String::as_str);
    let number = |index: usize, fallback: usize| {
        let given = arguments.get(index).and_then(|text| text.parse().ok());
        given.unwrap_or(fallback)
    };
    let shape = [number(1, 1), 1, number(2, 64), number(3, 64), number(4, 32)];
    let (filters, steps) = (number(5, 8), number(6, 5));
    let seconds = match mode {
        "infer" => infer(shape, filters, steps),
        "window" => window(shape, filters, steps),
        _ => train(shape, filters, steps),
    };
    let seconds: Vec<String> = seconds.iter().map(|s| format!("{s:.5}")).collect();
    let peak = peak_bytes().unwrap_or(0);
    println!(
        "{{\"seconds\": [{}], \"peak_bytes\": {peak}}}",
        seconds.join(", ")
    );
}

/// A network for patches of this width, without dropout.
fn network(width: usize, filters: usize, device: &Device) -> Network {
    let architecture = match width {
        1 => Architecture::UNet,
        _ => Architecture::VNet,
    };
    NetworkConfig::new(1, 2)
        .with_architecture(architecture)
        .with_filters(filters)
        .with_dropout(0.0)
        .init(device)
}

/// Seconds per training step; the first, which allocates, is left out.
fn train(shape: [usize; 5], filters: usize, steps: usize) -> Vec<f64> {
    let device = Device::flex().autodiff();
    device.seed(0);
    let mut model = network(shape[4], filters, &device);
    let mut optimizer = OptimizerConfig::default().init(false);
    let loss = DiceCrossEntropyLossConfig::new().init();
    let x = Tensor::<5>::random(shape, Distribution::Normal(0.0, 1.0), &device);
    let labels = x.clone().inner().greater_elem(0.5).int();
    let mut seconds = Vec::new();
    for step in 0..=steps {
        let start = Instant::now();
        let logits = model.forward(x.clone()).logits;
        let terms = LossTerms::new().with("loss", 1.0, loss.forward(logits, labels.clone()));
        let stepped = terms.descend(model, &mut optimizer, 0.01, step as u64);
        (model, _) = stepped.expect("the loss is finite");
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.split_off(1)
}

/// Seconds per forward pass in evaluation mode; the first is left out.
fn infer(shape: [usize; 5], filters: usize, steps: usize) -> Vec<f64> {
    let device = Device::flex();
    device.seed(0);
    let model = network(shape[4], filters, &device);
    let x = Tensor::<5>::random(shape, Distribution::Normal(0.0, 1.0), &device);
    let mut seconds = Vec::new();
    for _ in 0..=steps {
        let start = Instant::now();
        let logits = model.forward(x.clone()).logits;
        assert_eq!(logits.dims()[0], shape[0]);
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.split_off(1)
}

/// Seconds per volume by sliding window.
fn window([_, _, d, h, w]: [usize; 5], filters: usize, steps: usize) -> Vec<f64> {
    let device = Device::flex();
    device.seed(0);
    let model = network(w, filters, &device);
    let sliding = SlidingWindow {
        window: [112, 112, 80],
        stride: [18, 18, 4],
        blend: Blend::Uniform,
    };
    let volume =
        Array3::from_shape_fn((d, h, w), |(x, y, z)| ((7 * x + 5 * y + 3 * z) % 11) as f32);
    let mut seconds = Vec::new();
    for _ in 0..steps {
        let start = Instant::now();
        let probabilities = sliding.probabilities(&model, volume.view(), &device);
        assert_eq!(probabilities.dim(), (2, d, h, w));
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds
}

/// The process's high-water mark of resident memory (Linux only).
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}
