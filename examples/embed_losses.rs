//! Uses two losses in a custom Burn model, without the trainer and the data crate.
//!
//! ```sh
//! cargo run --release --example embed_losses
//! ```

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{PaddingConfig2d, Relu};
use burn::optim::{AdamConfig, GradientsParams};
use burn::prelude::*;
use burn::tensor::Distribution;
use semivox::losses::{DiceCrossEntropyLossConfig, InfoNceLossConfig};

/// A custom network: one convolution for features and one for logits.
#[derive(Module, Debug)]
struct Net {
    body: Conv2d,
    head: Conv2d,
}

fn main() {
    let device = Device::flex().autodiff();
    device.seed(0);
    let conv = |i, o| Conv2dConfig::new([i, o], [5, 5]).with_padding(PaddingConfig2d::Same);
    let (body, head) = (conv(1, 8).init(&device), conv(8, 2).init(&device));
    let mut net = Net { body, head };
    let mut optimizer = AdamConfig::new().init();
    let supervised = DiceCrossEntropyLossConfig::new().init();
    let contrast = InfoNceLossConfig::new().init();

    // Images of a disk with noise.
    let disk = |i: usize| (i / 32).abs_diff(12).pow(2) + (i % 32).abs_diff(20).pow(2) < 64;
    let labels: Vec<i32> = (0..32 * 32).map(|i| i32::from(disk(i))).collect();
    let labels = TensorData::new(labels, [1, 1, 32, 32]);
    let labels = Tensor::<4, Int>::from_data(labels, &device);
    let clean = labels.clone().float();
    let noisy = || clean.clone() + clean.random_like(Distribution::Normal(0.0, 0.5));
    for step in 0..=100 {
        let features = |images| Relu::new().forward(net.body.forward(images));
        let logits = net.head.forward(features(noisy()));
        let segmentation = supervised.forward(logits, labels.clone());
        // InfoNCE needs no labels: the positive of each pixel is the same pixel with other noise.
        let rows = |map: Tensor<4>| map.permute([0, 2, 3, 1]).reshape([32 * 32, 8]);
        let views = [rows(features(noisy())), rows(features(noisy()))];
        let [student, teacher] = views;
        let alike = contrast.forward(student, teacher, None);
        if step % 25 == 0 {
            let value = |t: &Tensor<1>| t.clone().into_scalar::<f32>();
            let (a, b) = (value(&segmentation), value(&alike));
            println!("step {step}: segmentation {a:.4}, contrast {b:.4}");
        }
        let loss = segmentation + alike * 0.1;
        let gradients = GradientsParams::from_grads(loss.backward(), &net);
        net = optimizer.step(0.01, net, gradients);
    }
}
