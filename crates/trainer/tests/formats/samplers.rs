//! Samplers that take tensors, in every number format.

use burn::prelude::*;
use burn::tensor::DType;
use semivox_inference::device;
use semivox_sampling::{
    ContrastConfig, ContrastInput, ContrastSampler, ContrastSamples, FeatureQueue, LabeledQueue,
    pooled_patches, voxel_features,
};

use super::inputs::{Inputs, Outcome, values};
use super::report::{Row, rounding};

/// `[batch, features, depth, height, width]`.
const MAPS: [usize; 5] = [2, 4, 4, 3, 2];
const LABELS: [usize; 5] = [2, 1, 4, 3, 2];

/// Returns the tolerance of means and gradients of up to some dozen numbers, summed in at least single precision or
/// pairwise.
fn tolerance(format: DType) -> f64 {
    4.0 * rounding(format)
}

fn inputs(format: DType) -> Inputs {
    Inputs::new(&device::by_name("cpu").unwrap(), format)
}

/// Returns a scalar to differentiate; its factor of two thirds makes results inexact in every format.
fn weighted<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    tensor.square().sum().div_scalar(1.5)
}

fn drawn(format: DType, inputs: &mut Inputs) -> ContrastSamples {
    let representations = inputs.variable(MAPS);
    let labels = inputs.integers(LABELS, -1, 4);
    let config = ContrastConfig {
        queries: 5,
        negatives: 6,
        ..ContrastConfig::default()
    };
    let sampler = ContrastSampler::new(config, 4, 7).unwrap();
    let input = ContrastInput {
        representations,
        valid: labels.clone().greater_equal_elem(0),
        probability: inputs.scaled(LABELS, 0.5).add_scalar(0.5),
        labels,
    };
    let samples = sampler.sample(input, 0).unwrap();
    let formats = [
        samples.queries.dtype(),
        samples.positives.dtype(),
        samples.negatives.dtype(),
        samples.class_weights().dtype(),
    ];
    assert_eq!(formats, [format; 4], "the samples' formats");
    samples
}

fn contrast(format: DType) -> Outcome {
    let mut inputs = inputs(format);
    let samples = drawn(format, &mut inputs);
    let constants = [
        ("positives", values(samples.positives.clone())),
        ("negatives", values(samples.negatives.clone())),
        ("class weights", values(samples.class_weights())),
    ];
    let gradients = inputs.outcome(weighted(samples.queries));
    constants.into_iter().chain(gradients).collect()
}

fn features(format: DType) -> Outcome {
    let mut inputs = inputs(format);
    let (maps, voxels) = (inputs.variable(MAPS), inputs.integers([6], 0, 48));
    inputs.outcome(weighted(voxel_features(maps, voxels)))
}

fn pooled(format: DType) -> Outcome {
    let mut inputs = inputs(format);
    let maps = inputs.variable([1, 2, 12, 6, 6]);
    let patches = pooled_patches(maps, [6; 3], [3; 3], [2; 3]).unwrap();
    assert_eq!(patches.dtype(), format, "the patches' format");
    inputs.outcome(weighted(patches))
}

#[test]
fn samplers_in_every_format() {
    let mut row = Row::default();
    row.compare("ContrastSampler", tolerance, contrast);
    row.compare("voxel_features", tolerance, features);
    row.compare("pooled_patches", tolerance, pooled);
    row.print("samplers");
}

/// A memory bank stays in `f32` and takes entries of every format.
#[test]
fn queues_take_every_format() {
    for format in [DType::F64, DType::F32, DType::F16, DType::BF16] {
        let mut inputs = inputs(format);
        let batch = inputs.constant([2, 3]);
        let expected = values(batch.clone());
        let device = inputs.device();
        let mut queue = FeatureQueue::new(2, &[3], 1, "features", device).unwrap();
        queue.enqueue(batch.clone()).unwrap();
        let mut labeled = LabeledQueue::new(2, 3, 1, "features", device).unwrap();
        labeled.enqueue(batch, &[0, 1]).unwrap();
        for entries in [queue.entries::<2>(), labeled.features().entries()] {
            assert_eq!(entries.dtype(), DType::F32, "{format:?}");
            assert_eq!(values(entries), expected, "{format:?}");
        }
    }
}
