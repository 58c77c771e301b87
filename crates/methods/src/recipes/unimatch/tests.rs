//! Unit tests of UniMatch.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::adversarial::with_own_statistics;
use crate::method::AnyStage;
use crate::mixing::{Mixing, PseudoLabeled};
use crate::testing::{
    assert_guard, batch, begun as begun_stage, context, first_step, off_descent, plain_descent,
    segmentation_losses,
};
use semivox_models::NetworkConfig;

const PATCH: [usize; 3] = [16, 16, 32];
const CLASSES: usize = 3;

fn small() -> MethodContext {
    let network = NetworkConfig::new(1, CLASSES).with_filters(2);
    context(network.with_dropout(0.0), PATCH)
}

fn config() -> UniMatchConfig {
    UniMatchConfig {
        threshold: 0.4,
        strong_weights: [0.3, 0.6],
        feature_weight: 0.8,
        pseudo_guard: false,
        mixing: Mixing::None,
        optimizer: plain_descent(),
        ..UniMatchConfig::new(10)
    }
}

/// Settings without randomness.
fn undropped() -> UniMatchConfig {
    UniMatchConfig {
        feature_dropout: 0.0,
        ..config()
    }
}

/// All three terms of unlabeled patches are Dice losses against the confident classes of the weak view; strong views are
/// mixed, each by boxes of its own, with these classes, which are those of the pass in training or of one in evaluation mode.
#[test]
fn three_views_are_compared_with_the_weak_one() {
    let context = small();
    for (mixing, pseudo_mode) in [
        (Mixing::None, TeacherMode::Train),
        (Mixing::Cutmix, TeacherMode::Train),
        (Mixing::Cutmix, TeacherMode::Eval),
    ] {
        let stage = UniMatch::new(UniMatchConfig {
            mixing,
            pseudo_mode,
            ..undropped()
        });
        // Passes in evaluation mode depend on the running statistics that the passes before them leave.
        let student = context.student();
        let [network, mut trained] = [(); 2].map(|()| with_own_statistics(&student));
        let batch = batch([2, 2], &context, 0);
        let unlabeled = batch.unlabeled.clone().unwrap();
        let at = StepContext {
            stage_step: 5,
            ..first_step(&context)
        };
        // Without dropout the perturbed maps are those of the unlabeled patches, which count twice in the decoder's
        // batch statistics.
        let weak = vec![batch.labeled.weak.clone(), unlabeled.weak.clone()];
        let maps = network.encode(Tensor::cat(weak, 0));
        let twice = maps.map(|map| Tensor::cat(vec![map.clone(), map.narrow(0, 2, 2)], 0));
        let logits = network.decode(twice).logits;
        let weak = match pseudo_mode {
            TeacherMode::Train => Predicted::of(logits.clone().narrow(0, 2, 2)),
            TeacherMode::Eval => {
                let images = unlabeled.weak.clone().inner();
                Predicted::of(Tensor::from_inner(network.valid().forward(images).logits))
            }
        };
        let mixed = |images, purpose| {
            let labeled = PseudoLabeled {
                images,
                labels: weak.labels.clone(),
                confidence: weak.confidence.clone(),
            };
            mixing.apply_for(purpose, labeled, &at)
        };
        let [first, second] = [
            mixed(unlabeled.strong, "first"),
            mixed(unlabeled.second, "second"),
        ];
        let images = vec![first.images, second.images];
        let strong = network.forward(Tensor::cat(images, 0)).logits;
        let views = [
            (
                "strong",
                strong.clone().narrow(0, 0, 2),
                first.labels,
                first.confidence,
            ),
            (
                "strong_second",
                strong.narrow(0, 2, 2),
                second.labels,
                second.confidence,
            ),
            (
                "feature",
                logits.narrow(0, 4, 2),
                weak.labels.clone(),
                weak.confidence.clone(),
            ),
        ];
        let terms = stage.terms(&mut trained, batch, &at).unwrap();
        let mut seen = Vec::new();
        for (name, logits, labels, confidence) in views {
            let labels = labels.into_data().iter::<i64>().collect::<Vec<_>>();
            let sure = confidence
                .into_data()
                .iter::<f32>()
                .map(|p| f64::from(p) >= 0.4)
                .collect::<Vec<_>>();
            let counted = labels.into_iter().zip(sure);
            let counted = counted.map(|(label, sure)| if sure { label } else { IGNORED_LABEL });
            let logits: Vec<f32> = logits.into_data().iter().collect();
            let counted: Vec<i64> = counted.collect();
            let [_, expected] = segmentation_losses(&logits, &counted, [2, CLASSES]);
            let found = f64::from(terms.term(name).into_scalar::<f32>());
            assert!(
                (found - expected).abs() < 1e-5,
                "{mixing:?} {pseudo_mode:?} {name}: {found} {expected}"
            );
            seen.push(found);
        }
        assert!(seen[0] != seen[1] && seen[1] != seen[2]);
    }
}

/// Dropped channels change the predictions of unlabeled patches.
#[test]
fn features_of_unlabeled_patches_are_perturbed() {
    let context = small();
    let (network, batch) = (context.student(), batch([2, 2], &context, 0));
    let images = batch.unlabeled.unwrap().weak;
    let logits = |feature_dropout| {
        let stage = UniMatch::new(UniMatchConfig {
            feature_dropout,
            ..config()
        });
        let [labeled, weak, perturbed] =
            stage.weak(&network, batch.labeled.weak.clone(), images.clone());
        assert_eq!(labeled.dims(), weak.dims());
        (weak - perturbed).abs().max().into_scalar::<f32>()
    };
    assert!(logits(0.0) < 1e-6);
    assert!(logits(0.5) > 1e-2);
}

/// A step is the gradient of the weighted terms.
#[test]
fn a_step_descends_on_its_terms_by_their_weights() {
    let context = small();
    // An untrained network gives less than half of the foreground its class.
    for (stage_step, pseudo_guard, counts) in
        [(1, false, false), (5, true, false), (5, false, true)]
    {
        let config = UniMatchConfig {
            pseudo_guard,
            ..undropped()
        };
        let mut running = begun_stage(UniMatch::new(config), &context);
        let before = running.state().clone();
        let batch = batch([2, 2], &context, 0);
        let at = StepContext {
            stage_step,
            ..first_step(&context)
        };
        let terms = running
            .stage
            .terms(&mut before.clone(), batch.clone(), &at)
            .unwrap();
        let weighted = |name: &str, weight: f64| {
            let weight = if counts { weight } else { 0.0 };
            terms.term(name).mul_scalar(weight)
        };
        let loss = terms.term("supervised")
            + weighted("strong", 0.3)
            + weighted("strong_second", 0.6)
            + weighted("feature", 0.8);
        running.step(batch, &at).unwrap();
        assert!(
            off_descent(&before, running.state(), loss) < 1e-5,
            "step {stage_step}"
        );
    }
}

#[test]
fn the_guard_follows_the_labeled_foreground() {
    let stage = UniMatch::new(UniMatchConfig {
        pseudo_guard: true,
        ..undropped()
    });
    assert_guard(
        &stage,
        &small(),
        &[("strong", 0.3), ("strong_second", 0.6), ("feature", 0.8)],
    );
}
