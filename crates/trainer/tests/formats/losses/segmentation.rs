//! Losses against labels, pseudo-labels and signed distances.

use burn::prelude::*;
use semivox_losses::{
    CrossEntropyLossConfig, CrossPseudoSupervisionLossConfig, DiceCrossEntropyLossConfig,
    DiceLossConfig, SignedDistanceLossConfig, UnsupervisedCrossEntropyLossConfig,
};

use super::{Case, Inputs};

/// `[batch, class, depth, height, width]`.
const LOGITS: [usize; 5] = [2, 3, 4, 3, 2];
const LABELS: [usize; 5] = [2, 1, 4, 3, 2];

pub const CASES: [Case; 7] = [
    Case {
        name: "CrossEntropyLoss",
        loss: cross_entropy,
    },
    Case {
        name: "CrossEntropyLoss of voxels",
        loss: cross_entropy_of_voxels,
    },
    Case {
        name: "DiceLoss",
        loss: dice,
    },
    Case {
        name: "DiceCrossEntropyLoss",
        loss: dice_cross_entropy,
    },
    Case {
        name: "CrossPseudoSupervisionLoss",
        loss: cross_pseudo,
    },
    Case {
        name: "UnsupervisedCrossEntropyLoss",
        loss: unsupervised_cross_entropy,
    },
    Case {
        name: "SignedDistanceLoss",
        loss: signed_distance,
    },
];

/// Computes the loss with some of the voxels ignored.
fn cross_entropy(inputs: &mut Inputs) -> Tensor<1> {
    let (logits, labels) = (inputs.variable(LOGITS), inputs.integers(LABELS, -1, 3));
    let config = CrossEntropyLossConfig::new().with_ignore_label(Some(-1));
    config.init().forward(logits, labels)
}

fn cross_entropy_of_voxels(inputs: &mut Inputs) -> Tensor<1> {
    let (logits, labels) = (inputs.variable(LOGITS), inputs.integers(LABELS, 0, 3));
    let losses = CrossEntropyLossConfig::new()
        .init()
        .forward_no_reduction(logits, labels);
    losses.slice([0..1, 0..1, 1..2, 2..3, 1..2]).reshape([1])
}

fn dice(inputs: &mut Inputs) -> Tensor<1> {
    let (logits, labels) = (inputs.variable(LOGITS), inputs.integers(LABELS, 0, 3));
    let config = DiceLossConfig::new().with_include_background(false);
    config.init().forward(logits, labels)
}

fn dice_cross_entropy(inputs: &mut Inputs) -> Tensor<1> {
    let (logits, labels) = (inputs.variable(LOGITS), inputs.integers(LABELS, 0, 3));
    DiceCrossEntropyLossConfig::new()
        .init()
        .forward(logits, labels)
}

/// Computes the loss with some of the pseudo-labels below the threshold.
fn cross_pseudo(inputs: &mut Inputs) -> Tensor<1> {
    let (first, second) = (inputs.variable(LOGITS), inputs.variable(LOGITS));
    let config = CrossPseudoSupervisionLossConfig::new().with_threshold(0.6);
    config.init().forward(first, second)
}

/// Computes the loss with confidences in 0..1, half of them above the threshold.
fn unsupervised_cross_entropy(inputs: &mut Inputs) -> Tensor<1> {
    let (logits, labels) = (inputs.variable(LOGITS), inputs.integers(LABELS, -1, 3));
    let confidence = inputs.scaled(LABELS, 0.5).add_scalar(0.5);
    let config = UnsupervisedCrossEntropyLossConfig::new().with_confidence_threshold(0.6);
    config.init().forward(logits, labels, confidence)
}

fn signed_distance(inputs: &mut Inputs) -> Tensor<1> {
    let (predicted, target) = (inputs.variable(LOGITS), inputs.constant(LOGITS));
    SignedDistanceLossConfig::new()
        .init()
        .forward(predicted, target)
}
