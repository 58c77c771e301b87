//! Both networks in every number format: logits in evaluation mode, loss and gradients of a training step.

use burn::module::{Module, ModuleVisitor, Param};
use burn::prelude::*;
use burn::tensor::{DType, Gradients};
use semivox_inference::device;
use semivox_losses::DiceCrossEntropyLossConfig;
use semivox_models::{Architecture, Network, NetworkConfig, cast};

use super::alone::alone;
use super::inputs::{Inputs, Outcome, values};
use super::report::{COMPARED, Row, rounding};

/// Number of successive convolutions from input to logits; each rounds its feature map, as do its batch
/// normalization and its ReLU.
const DEPTH: f64 = 22.0;

/// Returns the tolerance of logits: the rounding errors of all layers, assuming that no layer amplifies earlier errors.
fn forward(format: DType) -> f64 {
    DEPTH * rounding(format)
}

/// Returns the tolerance of gradients. Where the error of an activation changes its sign, ReLU passes or stops a
/// whole gradient. In each layer the share of such activations is about [`forward`], so the gradient's relative error
/// is the root of that; the layers add in quadrature: `DEPTH * sqrt(rounding)`. An error as large as the gradient
/// itself shows nothing, hence the upper bound.
fn backward(format: DType) -> f64 {
    (DEPTH * forward(format)).sqrt().min(0.95)
}

/// For a V-Net in `bf16` this reaches the norm of the gradient itself, as was measured: the test claims only that
/// the gradients are numbers.
fn backward_of_vnet(format: DType) -> f64 {
    match format {
        DType::BF16 => f64::INFINITY,
        other => backward(other),
    }
}

/// Factor of the loss, so that the gradients of single voxels do not underflow in `f16`.
const SCALE: f64 = 1024.0;

/// Probability of dropout, so small that every channel is kept although masks are drawn.
const DROPOUT: f64 = 1e-12;

/// Seeds of the weights. The lowest level of the V-Net has eight voxels, where one activation whose sign changes moves
/// the gradient by percents, so the median over draws is compared with the tolerance, which is an error to expect.
const DRAWS: [u64; 5] = [5, 6, 7, 8, 9];

type Tolerance = fn(DType) -> f64;

const SHAPES: [(Architecture, [usize; 5]); 2] = [
    (Architecture::VNet, [2, 1, 32, 32, 16]),
    (Architecture::UNet, [8, 1, 48, 48, 1]),
];

/// Collects the gradients of all parameters in one list.
struct Collect<'a>(&'a Gradients, DType, Vec<f64>);

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            let gradient = param.val().grad(self.0).expect("a gradient");
            assert_eq!(gradient.dtype(), self.1, "a gradient's format");
            self.2.extend(values(gradient));
        }
    }
}

/// Makes a network in `format`, with weights that every format represents exactly.
fn network(architecture: Architecture, format: DType, draw: u64) -> Network {
    let device = device::by_name("cpu").unwrap().autodiff();
    device.seed(draw);
    let config = NetworkConfig::new(1, 3)
        .with_architecture(architecture)
        .with_filters(4)
        .with_dropout(DROPOUT);
    let network = config.init(&device);
    cast(cast(network, DType::BF16), format)
}

fn evaluated(architecture: Architecture, shape: [usize; 5], format: DType, draw: u64) -> Outcome {
    let network = network(architecture, format, draw).valid();
    let mut inputs = Inputs::new(&device::by_name("cpu").unwrap(), format);
    let logits = network.forward(inputs.constant(shape).inner()).logits;
    assert_eq!(logits.dtype(), format, "the logits' format");
    vec![("logits", values(logits))]
}

fn trained(architecture: Architecture, shape: [usize; 5], format: DType, draw: u64) -> Outcome {
    let network = network(architecture, format, draw);
    let mut inputs = Inputs::new(&device::by_name("cpu").unwrap(), format);
    let input = inputs.constant(shape);
    // Labels that follow from the intensities: with random labels, gradients would be sums of noise that nearly cancel.
    let [low, high] = [-0.7, 0.6].map(|limit| input.clone().greater_elem(limit).int());
    let logits = network.forward(input).logits;
    let loss = DiceCrossEntropyLossConfig::new()
        .init()
        .forward(logits, low + high);
    let loss = loss.mul_scalar(SCALE);
    let mut collect = Collect(&loss.backward(), format, Vec::new());
    network.visit(&mut collect);
    vec![("loss", values(loss)), ("gradients", collect.2)]
}

#[test]
fn vnet_in_every_format() {
    alone("networks::vnet_in_every_format", || {
        in_every_format(SHAPES[0], backward_of_vnet);
    });
}

#[test]
fn unet_in_every_format() {
    alone("networks::unet_in_every_format", || {
        in_every_format(SHAPES[1], backward);
    });
}

fn in_every_format((architecture, shape): (Architecture, [usize; 5]), backward: Tolerance) {
    let mut row = Row::default();
    let name = format!("{architecture}, logits in evaluation");
    row.compare_draws(&name, forward, &DRAWS, |format, draw| {
        evaluated(architecture, shape, format, draw)
    });
    row.print(&name);
    let mut steps = Vec::new();
    for format in [DType::F64].into_iter().chain(COMPARED) {
        steps.extend(DRAWS.map(|draw| {
            let step = trained(architecture, shape, format, draw);
            ((format, draw), step)
        }));
    }
    for (result, tolerance) in [("loss", forward as Tolerance), ("gradients", backward)] {
        let mut row = Row::default();
        let name = format!("{architecture}, {result} of a training step");
        row.compare_draws(&name, tolerance, &DRAWS, |format, draw| {
            let step = steps.iter().find(|(of, _)| *of == (format, draw));
            let (_, mut outcome) = step.unwrap().clone();
            outcome.retain(|(name, _)| *name == result);
            outcome
        });
        row.print(&name);
    }
}

#[test]
fn input_of_another_format_is_refused() {
    let formats = [DType::F64, DType::F32, DType::F16, DType::BF16];
    for ((architecture, shape), parameters) in
        SHAPES.iter().flat_map(|pair| formats.map(|f| (*pair, f)))
    {
        let other = if parameters == DType::F32 {
            DType::BF16
        } else {
            DType::F32
        };
        let cause = std::panic::catch_unwind(|| {
            let mut inputs = Inputs::new(&device::by_name("cpu").unwrap(), other);
            network(architecture, parameters, DRAWS[0]).forward(inputs.constant(shape))
        });
        let cause = cause.unwrap_err().downcast::<String>().unwrap();
        let expected =
            format!("{architecture} has parameters in {parameters:?}, got an input in {other:?}");
        assert!(cause.starts_with(&expected), "{cause}");
    }
}
