//! Unit tests of FixMatch, against its formula voxel by voxel.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::method::AnyStage;
use crate::testing::{
    assert_guard, batch, begun as begun_stage, context, first_step, off_descent, plain_descent,
    segmentation_losses,
};
use burn::module::Module;
use semivox_losses::IGNORED_LABEL;
use semivox_models::NetworkConfig;

const PATCH: [usize; 3] = [16, 16, 32];
const CLASSES: usize = 3;
fn small() -> MethodContext {
    let network = NetworkConfig::new(1, CLASSES).with_filters(2);
    context(network.with_dropout(0.0), PATCH)
}

fn config() -> FixMatchConfig {
    FixMatchConfig {
        threshold: 0.4,
        pseudo_weight: 0.7,
        pseudo_guard: false,
        mixing: Mixing::None,
        optimizer: plain_descent(),
        ..FixMatchConfig::new(10)
    }
}

/// Late in the stage, where pseudo-labels count.
fn late(context: &MethodContext) -> StepContext {
    StepContext {
        stage_step: 5,
        ..first_step(context)
    }
}

/// Sees the patches until the running statistics are those of the batch, so that a further pass does not change what
/// the network predicts in evaluation mode.
fn settle(network: &Network, batch: &Batch) {
    let unlabeled = batch.unlabeled.clone().unwrap();
    let images = Tensor::cat(vec![batch.labeled.weak.clone(), unlabeled.strong], 0);
    for _ in 0..200 {
        let _ = network.forward(images.clone());
    }
}

/// Softmax, its largest value and the class of that, of each voxel.
fn predicted(logits: &[f32], patches: usize) -> Vec<(i64, f64)> {
    let voxels = logits.len() / CLASSES / patches;
    let mut found = Vec::new();
    for patch in logits.chunks(CLASSES * voxels) {
        for v in 0..voxels {
            let e: Vec<f64> = (0..CLASSES)
                .map(|c| f64::from(patch[c * voxels + v]).exp())
                .collect();
            let (class, &most) = e
                .iter()
                .enumerate()
                .max_by(|a, b| a.1.total_cmp(b.1))
                .unwrap();
            found.push((class as i64, most / e.iter().sum::<f64>()));
        }
    }
    found
}

#[test]
fn confident_predictions_for_weak_views_label_strong_ones() {
    let context = small();
    let mut network = context.student();
    let batch = batch([1, 2], &context, 0);
    let unlabeled = batch.unlabeled.clone().unwrap();
    settle(&network, &batch);
    let values = |x: Tensor<5>| -> Vec<f32> { x.into_data().iter().collect() };

    let weak = network.valid().forward(unlabeled.weak.inner()).logits;
    let predictions = predicted(&values(weak), 2);
    let mut confidences: Vec<f64> = predictions
        .iter()
        .map(|(_, confidence)| *confidence)
        .collect();
    confidences.sort_by(f64::total_cmp);
    // Between two neighbors, so that rounding moves no voxel across it.
    let middle = confidences.len() / 2;
    let threshold = (confidences[middle] + confidences[middle + 1]) / 2.0;
    let label = |&(class, confidence): &(i64, f64)| match confidence < threshold {
        true => IGNORED_LABEL,
        false => class,
    };
    let pseudo: Vec<i64> = predictions.iter().map(label).collect();

    let images = Tensor::cat(vec![batch.labeled.weak.clone(), unlabeled.strong], 0);
    let logits = values(network.forward(images).logits);
    let (_, strong) = logits.split_at(logits.len() / 3);
    let [entropy, dice] = segmentation_losses(strong, &pseudo, [2, CLASSES]);

    let stage = FixMatch::new(FixMatchConfig {
        batch: [1, 2],
        threshold,
        ..config()
    });
    let terms = stage.terms(&mut network, batch, &late(&context)).unwrap();
    let found = f64::from(terms.term("pseudo").into_scalar::<f32>());
    let expected = 0.5 * (entropy + dice);
    assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    let foreground: Vec<f64> = predictions
        .iter()
        .filter(|(class, _)| *class > 0)
        .map(|(_, confidence)| *confidence)
        .collect();
    let mean = foreground.iter().sum::<f64>() / foreground.len() as f64;
    let found = f64::from(terms.term("foreground_confidence").into_scalar::<f32>());
    assert!((found - mean).abs() < 1e-5, "{found} {mean}");
}

/// A step is the gradient of the weighted terms.
#[test]
fn a_step_descends_on_its_terms_by_their_weights() {
    let context = small();
    // An untrained network gives less than half of the foreground its class.
    for (stage_step, pseudo_guard, weight) in [(1, false, 0.0), (5, true, 0.0), (5, false, 0.7)] {
        let config = FixMatchConfig {
            pseudo_guard,
            ..config()
        };
        let mut running = begun_stage(FixMatch::new(config), &context);
        let before = running.state().clone();
        let batch = batch([2, 2], &context, 0);
        settle(&before, &batch);
        let at = StepContext {
            stage_step,
            ..first_step(&context)
        };
        let terms = || {
            let stage = &running.stage;
            stage
                .terms(&mut before.clone(), batch.clone(), &at)
                .unwrap()
        };
        let weighted = terms();
        let loss = weighted.term("supervised") + weighted.term("pseudo").mul_scalar(weight);
        let supervised = terms().term("supervised");
        running.step(batch, &at).unwrap();
        assert!(
            off_descent(&before, running.state(), loss) < 1e-5,
            "step {stage_step}"
        );
        let alone = off_descent(&before, running.state(), supervised) < 1e-5;
        assert_eq!(alone, weight == 0.0, "step {stage_step}");
    }
}

#[test]
fn the_guard_follows_the_labeled_foreground() {
    let stage = FixMatch::new(FixMatchConfig {
        pseudo_guard: true,
        ..config()
    });
    assert_guard(&stage, &small(), &[("pseudo", 0.7)]);
}
