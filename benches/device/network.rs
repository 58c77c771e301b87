//! Benchmark of one network.
//!
//! A width of 1 selects images and the U-Net, any other volumes and the V-Net. A training step is forward,
//! cross-entropy and Dice loss, backward and SGD with momentum and weight decay, dropout off. `window` is
//! sliding-window inference over a volume of the size given, window 112×112×80, stride 18/18/4.

use burn::prelude::*;
use burn::tensor::Distribution;
use ndarray::Array3;
use semivox::inference::{Blend, SlidingWindow};
use semivox::losses::DiceCrossEntropyLossConfig;
use semivox::methods::optimizer::OptimizerConfig;
use semivox::methods::step_context::StepContext;
use semivox::methods::terms::LossTerms;
use semivox::models::{Architecture, Network, NetworkConfig};

use super::Work;
use super::clock::Clock;

/// Runs the benchmark that the arguments select and prints one line.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let (mode, rest) = match arguments.split_first() {
        Some((mode, rest)) => (mode.as_str(), rest),
        None => ("train", arguments),
    };
    let work = Work::read(rest)?;
    // The first step allocates memory, and compiles kernels on a GPU; a sliding window has many steps.
    let found = match mode {
        "train" => train(&work)?.json(1),
        "infer" => infer(&work)?.json(1),
        "window" => window(&work)?.json(0),
        other => {
            return Err(format!(
                "unknown network mode '{other}': expected train, infer or window"
            ));
        }
    };
    println!("{{{found}}}");
    Ok(())
}

/// Creates the network for patches of this width, without dropout.
fn network(work: &Work, device: &Device) -> Network {
    device.seed(0);
    let architecture = match work.shape[4] {
        1 => Architecture::UNet,
        _ => Architecture::VNet,
    };
    NetworkConfig::new(1, 2)
        .with_architecture(architecture)
        .with_filters(work.filters)
        .with_dropout(0.0)
        .init(device)
}

fn train(work: &Work) -> Result<Clock, String> {
    let device = work.device.clone().autodiff();
    let mut model = network(work, &device);
    let mut optimizer = OptimizerConfig::default().init();
    let loss = DiceCrossEntropyLossConfig::new().init();
    let x = Tensor::<5>::random(work.shape, Distribution::Normal(0.0, 1.0), &device);
    let labels = x.clone().inner().greater_elem(0.5).int();
    let mut clock = Clock::new(&work.device);
    for step in 0..=work.steps as u64 {
        let stepped = clock.time(|| {
            let logits = model.forward(x.clone()).logits;
            let terms = LossTerms::new().with("loss", 1.0, loss.forward(logits, labels.clone()));
            let at = StepContext {
                step,
                steps: work.steps as u64 + 1,
                stage_step: step,
                stage_steps: work.steps as u64 + 1,
                seed: 0,
                device: device.clone(),
            };
            terms.descend(&mut model, &mut optimizer, &at)
        })?;
        stepped.map_err(|error| error.to_string())?;
    }
    Ok(clock)
}

/// Times forward passes in evaluation mode.
fn infer(work: &Work) -> Result<Clock, String> {
    let model = network(work, &work.device);
    let x = Tensor::<5>::random(work.shape, Distribution::Normal(0.0, 1.0), &work.device);
    let mut clock = Clock::new(&work.device);
    for _ in 0..=work.steps {
        let logits = clock.time(|| model.forward(x.clone()).logits)?;
        assert_eq!(logits.dims()[0], work.shape[0]);
    }
    Ok(clock)
}

/// Times sliding-window inference over volumes.
fn window(work: &Work) -> Result<Clock, String> {
    let model = network(work, &work.device);
    let sliding = SlidingWindow {
        window: [112, 112, 80],
        stride: [18, 18, 4],
        blend: Blend::Uniform,
    };
    let [_, _, d, h, w] = work.shape;
    let value = |(x, y, z)| ((7 * x + 5 * y + 3 * z) % 11) as f32;
    let volume = Array3::from_shape_fn((d, h, w), value);
    let forward = |input| model.forward(input).logits;
    let mut clock = Clock::new(&work.device);
    for _ in 0..work.steps {
        let probabilities =
            clock.time(|| sliding.probabilities(forward, &[volume.view()], &work.device))?;
        let probabilities = probabilities.map_err(|error| error.to_string())?;
        assert_eq!(probabilities.dim(), (2, d, h, w));
    }
    Ok(clock)
}
