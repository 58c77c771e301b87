//! Losses that tell items from one another.

use burn::prelude::*;
use semivox_losses::{
    AdaptiveContrastInput, AdaptiveContrastLossConfig, AnatomicalContrastInput,
    AnatomicalContrastLossConfig, DenseContrastLossConfig, FeatureContrastLossConfig,
    PositionContrastLossConfig, PositiveNormalization, SliceContrastLossConfig,
    ViewContrastLossConfig, dense_correspondence,
};

use super::{Case, Inputs};

pub const CASES: [Case; 9] = [
    Case {
        name: "SliceContrastLoss",
        loss: slices,
    },
    Case {
        name: "PositionContrastLoss",
        loss: positions,
    },
    Case {
        name: "FeatureContrastLoss",
        loss: features,
    },
    Case {
        name: "dense_correspondence in DenseContrastLoss",
        loss: |inputs| dense(inputs, false),
    },
    Case {
        name: "DenseContrastLoss among a queue",
        loss: |inputs| dense(inputs, true),
    },
    Case {
        name: "ViewContrastLoss",
        loss: views,
    },
    Case {
        name: "AnatomicalContrastLoss",
        loss: anatomical,
    },
    Case {
        name: "AdaptiveContrastLoss of the code",
        loss: |inputs| adaptive(inputs, PositiveNormalization::Code),
    },
    Case {
        name: "AdaptiveContrastLoss of the paper",
        loss: |inputs| adaptive(inputs, PositiveNormalization::Paper),
    },
];

fn slices(inputs: &mut Inputs) -> Tensor<1> {
    let (student, teacher) = (inputs.variable([5, 6]), inputs.constant([5, 6]));
    SliceContrastLossConfig::new()
        .init()
        .forward(student, teacher)
}

/// Each position leaves its second neighbor out.
fn positions(inputs: &mut Inputs) -> Tensor<1> {
    let (student, teacher) = (inputs.variable([5, 6]), inputs.constant([5, 6]));
    let column = Tensor::<1, Int>::arange(0..5, inputs.device()).reshape([1, 5]);
    let row = column.clone().reshape([5, 1]);
    let excluded = column.sub(row).equal_elem(2);
    PositionContrastLossConfig::new()
        .init()
        .forward(student, teacher, Some(excluded))
}

fn features(inputs: &mut Inputs) -> Tensor<1> {
    let (student, teacher) = (inputs.variable([6, 5]), inputs.constant([6, 5]));
    FeatureContrastLossConfig::new()
        .init()
        .forward(student, teacher)
}

fn dense(inputs: &mut Inputs, among_queue: bool) -> Tensor<1> {
    let shape = [2, 4, 2, 2, 2];
    let (queries, keys) = (inputs.variable(shape), inputs.constant(shape));
    let [query, key] = [inputs.constant(shape), inputs.constant(shape)];
    let queue = among_queue.then(|| inputs.constant([6, 4]));
    let correspondence = dense_correspondence(query, key);
    DenseContrastLossConfig::new()
        .init()
        .forward(queries, keys, correspondence, queue)
}

fn views(inputs: &mut Inputs) -> Tensor<1> {
    let [first, second] = [[2, 3, 4]; 2].map(|shape| inputs.variable(shape));
    ViewContrastLossConfig::new().init().forward(first, second)
}

/// All three classes are there; the last one has no query.
fn anatomical(inputs: &mut Inputs) -> Tensor<1> {
    let input = AnatomicalContrastInput {
        queries: inputs.variable([3, 2, 4]),
        positive_keys: inputs.constant([3, 4]),
        negatives: inputs.constant([3, 2, 5, 4]),
        valid: Tensor::ones([3], inputs.device()),
        queried: Tensor::from_floats([1.0, 1.0, 0.0], inputs.device()),
    };
    AnatomicalContrastLossConfig::new().init().forward(input)
}

fn adaptive(inputs: &mut Inputs, form: PositiveNormalization) -> Tensor<1> {
    let input = AdaptiveContrastInput {
        features: inputs.variable([5, 4]),
        teacher: inputs.constant([5, 4]),
        labels: inputs.integers([5], 0, 3),
        queue: inputs.constant([7, 4]),
        queue_labels: inputs.integers([7], -1, 3),
        centers: inputs.constant([3, 4]),
    };
    let config = AdaptiveContrastLossConfig::new().with_normalization(form);
    config.init().forward(input)
}
