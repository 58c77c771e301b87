//! Losses that compare class probabilities.

use burn::prelude::*;
use semivox_losses::{
    ConsistencyLossConfig, DiceConsistencyLossConfig, DiceForm, DualTaskConsistencyLossConfig,
    EntropyLossConfig, MutualConsistencyLossConfig, PyramidConsistencyLossConfig,
    UncertaintyConsistencyLossConfig, predictive_entropy,
};

use super::{Case, Inputs};

/// `[batch, class, depth, height, width]`.
const LOGITS: [usize; 5] = [2, 3, 4, 3, 2];

pub const CASES: [Case; 9] = [
    Case {
        name: "ConsistencyLoss",
        loss: consistency,
    },
    Case {
        name: "UncertaintyConsistencyLoss",
        loss: uncertainty_consistency,
    },
    Case {
        name: "DiceConsistencyLoss of all classes",
        loss: |inputs| dice_consistency(inputs, DiceForm::Joint),
    },
    Case {
        name: "DiceConsistencyLoss of each class",
        loss: |inputs| dice_consistency(inputs, DiceForm::PerClass),
    },
    Case {
        name: "EntropyLoss",
        loss: entropy,
    },
    Case {
        name: "DualTaskConsistencyLoss",
        loss: dual_task_consistency,
    },
    Case {
        name: "PyramidConsistencyLoss",
        loss: pyramid_consistency,
    },
    Case {
        name: "MutualConsistencyLoss",
        loss: mutual_consistency,
    },
    Case {
        name: "predictive_entropy",
        loss: entropy_of_a_voxel,
    },
];

fn consistency(inputs: &mut Inputs) -> Tensor<1> {
    let (student, teacher) = (inputs.variable(LOGITS), inputs.constant(LOGITS));
    ConsistencyLossConfig::new()
        .init()
        .forward(student, teacher)
}

fn dice_consistency(inputs: &mut Inputs, form: DiceForm) -> Tensor<1> {
    let (student, teacher) = (inputs.variable(LOGITS), inputs.constant(LOGITS));
    let loss = DiceConsistencyLossConfig::new().with_form(form).init();
    loss.forward(student, teacher)
}

/// Computes the loss of a teacher that is certain for half of the voxels.
fn uncertainty_consistency(inputs: &mut Inputs) -> Tensor<1> {
    let (student, teacher) = (inputs.variable(LOGITS), inputs.constant(LOGITS));
    let uncertainty = inputs.constant([2, 1, 4, 3, 2]);
    let loss = UncertaintyConsistencyLossConfig::new().init();
    loss.forward(student, teacher, uncertainty, 0.01)
}

fn entropy(inputs: &mut Inputs) -> Tensor<1> {
    EntropyLossConfig::new()
        .init()
        .forward(inputs.variable(LOGITS))
}

/// Computes the loss of distances so close to the surface that the steep sigmoid is not saturated.
fn dual_task_consistency(inputs: &mut Inputs) -> Tensor<1> {
    let logits = inputs.variable(LOGITS);
    let near = inputs.scaled([2, 2, 4, 3, 2], 1.0 / 512.0);
    let near = inputs.track(near);
    DualTaskConsistencyLossConfig::new()
        .init()
        .forward(logits, near)
}

fn pyramid_consistency(inputs: &mut Inputs) -> Tensor<1> {
    let scales = [LOGITS; 3].map(|shape| inputs.variable(shape));
    PyramidConsistencyLossConfig::new().init().forward(&scales)
}

fn mutual_consistency(inputs: &mut Inputs) -> Tensor<1> {
    let predictions = [LOGITS; 3].map(|shape| inputs.variable(shape));
    MutualConsistencyLossConfig::new()
        .init()
        .forward(&predictions)
}

/// Computes the entropy of one voxel, one of whose probabilities is 0.
fn entropy_of_a_voxel(inputs: &mut Inputs) -> Tensor<1> {
    let zero = Tensor::zeros_like(&inputs.constant([1, 1, 1]));
    let others = inputs.scaled([1, 2, 1], 0.5).add_scalar(0.5);
    let others = inputs.track(others);
    predictive_entropy(Tensor::cat(vec![zero, others], 1)).reshape([1])
}
