//! Contrastive losses.

use burn::prelude::*;
use semivox_losses::{
    AdaptiveContrastiveInput, AdaptiveContrastiveLossConfig, AnatomicalContrastiveInput,
    AnatomicalContrastiveLossConfig, DenseContrastiveLossConfig, InfoNceLossConfig,
    NtXentLossConfig, PositiveNormalization, PrototypeInput, PrototypeLossConfig, Reduction,
    Similarity, dense_correspondence,
};

use super::{Case, Inputs};

pub const CASES: [Case; 11] = [
    Case {
        name: "InfoNceLoss of both directions",
        loss: |inputs| symmetric(inputs, Similarity::Cosine),
    },
    Case {
        name: "InfoNceLoss with excluded pairs",
        loss: excluding,
    },
    Case {
        name: "InfoNceLoss of correlations",
        loss: |inputs| symmetric(inputs, Similarity::Correlation),
    },
    Case {
        name: "InfoNceLoss of groups",
        loss: groups,
    },
    Case {
        name: "dense_correspondence in DenseContrastiveLoss",
        loss: |inputs| dense(inputs, false),
    },
    Case {
        name: "DenseContrastiveLoss among a queue",
        loss: |inputs| dense(inputs, true),
    },
    Case {
        name: "NtXentLoss",
        loss: views,
    },
    Case {
        name: "PrototypeLoss",
        loss: prototypes,
    },
    Case {
        name: "AnatomicalContrastiveLoss",
        loss: anatomical,
    },
    Case {
        name: "AdaptiveContrastiveLoss of the code",
        loss: |inputs| adaptive(inputs, PositiveNormalization::Code),
    },
    Case {
        name: "AdaptiveContrastiveLoss of the paper",
        loss: |inputs| adaptive(inputs, PositiveNormalization::Paper),
    },
];

fn symmetric(inputs: &mut Inputs, similarity: Similarity) -> Tensor<1> {
    let (queries, keys) = (inputs.variable([5, 6]), inputs.constant([5, 6]));
    let config = InfoNceLossConfig::new().with_similarity(similarity);
    let loss = config.with_symmetric(true).init();
    loss.forward(queries, keys, None)
}

/// Computes the loss with each item's second neighbor excluded from its negatives.
fn excluding(inputs: &mut Inputs) -> Tensor<1> {
    let (queries, keys) = (inputs.variable([5, 6]), inputs.constant([5, 6]));
    let column = Tensor::<1, Int>::arange(0..5, inputs.device()).reshape([1, 5]);
    let row = column.clone().reshape([5, 1]);
    let excluded = column.sub(row).equal_elem(2);
    InfoNceLossConfig::new()
        .init()
        .forward(queries, keys, Some(excluded))
}

fn groups(inputs: &mut Inputs) -> Tensor<1> {
    let (queries, keys) = (inputs.variable([2, 5, 4]), inputs.constant([2, 5, 4]));
    let config = InfoNceLossConfig::new().with_temperature(1.0);
    let loss = config.with_reduction(Reduction::Sum).init();
    loss.forward(queries, keys, None)
}

fn dense(inputs: &mut Inputs, among_queue: bool) -> Tensor<1> {
    let shape = [2, 4, 2, 2, 2];
    let (queries, keys) = (inputs.variable(shape), inputs.constant(shape));
    let [query, key] = [inputs.constant(shape), inputs.constant(shape)];
    let queue = among_queue.then(|| inputs.constant([6, 4]));
    let correspondence = dense_correspondence(query, key);
    DenseContrastiveLossConfig::new()
        .init()
        .forward(queries, keys, correspondence, queue)
}

fn views(inputs: &mut Inputs) -> Tensor<1> {
    let [first, second] = [[2, 3, 4]; 2].map(|shape| inputs.variable(shape));
    NtXentLossConfig::new().init().forward(first, second)
}

/// Computes the loss of three valid classes, the last of which has no query.
fn prototypes(inputs: &mut Inputs) -> Tensor<1> {
    let input = PrototypeInput {
        features: inputs.variable([5, 6]),
        scores: inputs.variable([5, 1]),
        prototypes: inputs.constant([4, 6]),
        prototype_scores: inputs.variable([4, 1]),
    };
    PrototypeLossConfig::new().init().forward(input)
}

fn anatomical(inputs: &mut Inputs) -> Tensor<1> {
    let input = AnatomicalContrastiveInput {
        queries: inputs.variable([3, 2, 4]),
        positive_keys: inputs.constant([3, 4]),
        negatives: inputs.constant([3, 2, 5, 4]),
        valid: Tensor::ones([3], inputs.device()),
        queried: Tensor::from_floats([1.0, 1.0, 0.0], inputs.device()),
    };
    AnatomicalContrastiveLossConfig::new().init().forward(input)
}

fn adaptive(inputs: &mut Inputs, form: PositiveNormalization) -> Tensor<1> {
    let input = AdaptiveContrastiveInput {
        features: inputs.variable([5, 4]),
        teacher: inputs.constant([5, 4]),
        labels: inputs.integers([5], 0, 3),
        queue: inputs.constant([7, 4]),
        queue_labels: inputs.integers([7], -1, 3),
        centers: inputs.constant([3, 4]),
    };
    let config = AdaptiveContrastiveLossConfig::new().with_normalization(form);
    config.init().forward(input)
}
