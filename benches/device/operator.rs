//! Benchmark of the operators of a V-Net at each of its levels.
//!
//! | name | operator | parts |
//! |---|---|---|
//! | `conv` | 3×3×3 convolution | forward, input gradient, weight gradient |
//! | `down` | 2×2×2 convolution, stride 2, to the level below | forward, backward |
//! | `up` | transposed 2×2×2 convolution, stride 2, from the level below | forward, backward |
//! | `norm` | batch norm and ReLU in training | forward, backward |
//!
//! Gradients are timed alone: the forward pass has finished before the clock starts. The gradient of the output is 1
//! everywhere.

use burn::nn::{BatchNorm, BatchNormConfig};
use burn::prelude::*;
use burn::tensor::{Distribution, Gradients};
use semivox::kernels::{batch_norm_relu, conv3d, down_conv3d, up_conv3d};

use super::Work;
use super::clock::Clock;

const NAMES: [&str; 4] = ["conv", "down", "up", "norm"];
const LEVELS: usize = 5;

/// Times one operator, or all, and prints a line for every part and level.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("all", arguments),
    };
    if name != "all" && !NAMES.contains(&name) {
        let known = NAMES.join(", ");
        return Err(format!("unknown operator '{name}': expected all, {known}"));
    }
    let work = Work::read(rest)?;
    work.device.seed(0);
    for level in 0..LEVELS {
        for operator in NAMES.into_iter().filter(|n| name == "all" || name == *n) {
            measure(&work, operator, level)?;
        }
    }
    Ok(())
}

/// An operator with its input and its weight; batch norm has parameters of its own.
struct Operator {
    input: Tensor<5>,
    weight: Tensor<5>,
    apply: fn(Tensor<5>, Tensor<5>, &BatchNorm) -> Tensor<5>,
    norm: BatchNorm,
}

impl Operator {
    /// Creates the operator of this name at a level; `None` if it needs a level below and there is none.
    fn new(work: &Work, name: &str, level: usize) -> Option<Self> {
        let device = work.device.clone().autodiff();
        let [batch, _, sides @ ..] = work.shape;
        let at = |level: usize| (work.filters << level, sides.map(|side| side >> level));
        let ((wide, [d, h, w]), (below, [bd, bh, bw])) = (at(level), at(level + 1));
        let random =
            |shape: [usize; 5]| Tensor::<5>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        let (input, weight, apply): (_, _, fn(Tensor<5>, Tensor<5>, &BatchNorm) -> Tensor<5>) =
            match name {
                "down" => (wide, [below, wide, 2, 2, 2], |x, w, _| {
                    down_conv3d(x, w, None)
                }),
                "up" => (below, [below, wide, 2, 2, 2], |x, w, _| {
                    up_conv3d(x, w, None)
                }),
                "norm" => (wide, [1; 5], |x, _, norm| batch_norm_relu(x, norm)),
                _ => (wide, [wide, wide, 3, 3, 3], |x, w, _| conv3d(x, w, None)),
            };
        let needs_below = name == "down" || name == "up";
        let sides = if name == "up" {
            [bd, bh, bw]
        } else {
            [d, h, w]
        };
        (!needs_below || level + 1 < LEVELS).then(|| Self {
            input: random([batch, input, sides[0], sides[1], sides[2]]),
            weight: random(weight),
            apply,
            norm: BatchNormConfig::new(wide).init(&device),
        })
    }

    /// Computes the output, tracking gradients of input and weight as marked.
    fn forward(&self, [input, weight]: [bool; 2]) -> Tensor<5> {
        let marked = |x: &Tensor<5>, mark| match mark {
            true => x.clone().require_grad(),
            false => x.clone(),
        };
        let (input, weight) = (marked(&self.input, input), marked(&self.weight, weight));
        (self.apply)(input, weight, &self.norm)
    }
}

fn measure(work: &Work, name: &str, level: usize) -> Result<(), String> {
    let Some(operator) = Operator::new(work, name, level) else {
        return Ok(());
    };
    let gradients: &[(&str, [bool; 2])] = match name {
        "conv" => &[
            ("input gradient", [true, false]),
            ("weight gradient", [false, true]),
        ],
        "norm" => &[("backward", [true, false])],
        _ => &[("backward", [true, true])],
    };
    let mut clock = Clock::new(&work.device);
    for _ in 0..=work.steps {
        drop(clock.time(|| operator.forward([name == "norm", false]))?);
    }
    tell(&operator, name, "forward", level, &clock);
    for (part, marks) in gradients {
        let mut clock = Clock::new(&work.device);
        for _ in 0..=work.steps {
            let output = operator.forward(*marks);
            let gradients: Gradients = clock.time(|| output.backward())?;
            drop(gradients);
        }
        tell(&operator, name, part, level, &clock);
    }
    Ok(())
}

fn tell(operator: &Operator, name: &str, part: &str, level: usize, clock: &Clock) {
    let [shape, weight] = [&operator.input, &operator.weight].map(Tensor::dims);
    let found = clock.json(1);
    println!(
        "{{\"operator\": \"{name}\", \"part\": \"{part}\", \"level\": {level}, \"input\": {shape:?}, \
         \"weight\": {weight:?}, {found}}}"
    );
}
