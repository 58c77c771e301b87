//! Unit tests of SS-Net.
#![allow(clippy::unwrap_used)]

use semivox_losses::{DiceForm, PrototypeInput, PrototypeLossConfig};
use semivox_models::{Architecture, NetworkConfig};

use super::*;
use crate::adversarial::unit_rows;
use crate::method::AnyStage;
use crate::method_settings::MethodSettings;
use crate::optimizer::OptimizerConfig;
use crate::schedule::LearningRate;
use crate::testing::{batch, begun, begun_on, buffers, context, first_step, off_descent};

/// Settings for slices of 32×32 with three classes and a tiny U-Net without dropout.
fn slices() -> (SsNetConfig, MethodContext) {
    let config = SsNetConfig {
        batch: [2, 2],
        smoothness_weight: 0.7,
        separation_weights: [0.3, 0.2],
        width: 4,
        prototypes: 3,
        background: true,
        optimizer: OptimizerConfig {
            learning_rate: 1.0,
            momentum: 0.0,
            weight_decay: 0.0,
            clip_norm: None,
            schedule: LearningRate::Constant,
            ..OptimizerConfig::default()
        },
        ..SsNetConfig::new(10)
    };
    let network = NetworkConfig::new(1, 3).with_filters(4).with_dropout(0.0);
    let network = network.with_architecture(Architecture::UNet);
    (config, context(network, [32, 32, 1]))
}

/// Returns a new state, with features `[2, 4, 2, 2, 1]` and the classes of their eight voxels.
fn small(config: &SsNetConfig, context: &MethodContext) -> (Separated, Tensor<5>, Vec<i32>) {
    let networks = Handover::new(context.student());
    let state = Separated::new(networks, config, context).unwrap();
    let values: Vec<f32> = (0..32).map(|i| (i as f32 * 1.7).sin()).collect();
    let features = TensorData::new(values, [2, 4, 2, 2, 1]);
    let features = Tensor::from_data(features, &context.device);
    (state, features, vec![0, 1, 1, -1, 2, 1, 1, 0])
}

fn rows(features: &Tensor<5>, voxels: &[usize]) -> Tensor<2> {
    let rows = features.clone().permute([0, 2, 3, 4, 1]).reshape([8, 4]);
    let rows = voxels.iter().map(|&voxel| rows.clone().narrow(0, voxel, 1));
    Tensor::cat(rows.collect(), 0)
}

fn stored(state: &Separated, class: usize) -> Vec<f32> {
    let bank = &state.prototypes[class];
    let entries: Vec<f32> = bank.entries::<2>().into_data().iter().collect();
    entries[..4 * bank.filled()].to_vec()
}

/// Compares a step with the gradients of the weighted terms, in which clean predictions, perturbations and prototypes
/// are constants; the smoothness is computed anew with the network itself.
#[test]
fn a_step_descends_on_its_terms_by_their_weights() {
    let (config, context) = slices();
    let mut running = begun(SsNet::new(config), &context);
    let before = running.state().clone();
    let batch = batch([2, 2], &context, 0);
    // The weights rise until step 4 of 10.
    let at = StepContext {
        stage_step: 3,
        ..first_step(&context)
    };
    let stage = &running.stage;
    // The step embeds prototypes with running statistics, which a clone would share.
    let mut copy = Separated {
        student: with_own_statistics(&before.student),
        prototypes: before.prototypes.clone(),
    };
    let terms = stage.terms(&mut copy, batch.clone(), &at).unwrap();
    let (network, [images, _]) = (&before.student.network, batch.clone().views());
    let clean = network.forward(images.clone()).logits.detach();
    let mut rng = keyed(at.seed, at.step, "adversarial direction");
    let r = stage
        .adversary
        .perturbation(network, &images, &clean, &mut rng);
    let perturbed = network.forward(images + r).logits;
    let smoothness = stage.adversary.distance.forward(perturbed, clean);

    let [supervised, labeled, unlabeled] =
        ["supervised", "separation_labeled", "separation_unlabeled"].map(|name| terms.term(name));
    let values = [&smoothness, &labeled, &unlabeled].map(|t| t.clone().into_scalar::<f32>());
    assert!(values.iter().all(|value| *value > 1e-4), "{values:?}");
    let separation = labeled * 0.3 + unlabeled * 0.2;
    let loss = supervised + (smoothness * 0.7 + separation) * at.ramp_over(0.4);
    running.step(batch, &at).unwrap();
    let off = off_descent(&before.student, &running.state().student, loss);
    assert!(off < 1e-5, "{off}");
}

/// A step updates the network's running statistics as a single pass of the images does.
#[test]
fn adversarial_passes_leave_running_statistics_alone() {
    let (config, context) = slices();
    // Both begin with the same weights and the same statistics, but not with the same tensors.
    let student = context.student();
    let [stepped, passed] = [true, false].map(|step| {
        let networks = Handover::new(student.valid().train());
        let mut running = begun_on(networks, SsNet::new(config.clone()), &context);
        let batch = batch([2, 2], &context, 0);
        if step {
            running.step(batch, &first_step(&context)).unwrap();
        } else {
            let [images, _] = batch.views();
            running.state().student.network.forward(images);
        }
        buffers(&running.state().student.network)
    });
    assert!(!stepped.is_empty());
    assert_eq!(stepped, passed);
}

#[test]
fn prototypes_are_the_embeddings_of_correct_voxels_and_stay_where_there_are_none() {
    let (mut config, context) = slices();
    config.background = false;
    let (mut state, features, truth) = small(&config, &context);
    let observe = |state: &mut Separated, predicted: &[i32]| {
        let labeled = Voxels {
            features: features.clone(),
            classes: &truth,
        };
        let mut rng = keyed(1, 0, "test");
        state
            .observe(&labeled, predicted, &config, &mut rng)
            .unwrap();
    };
    // Voxels 1 and 6 of class 1 are right, 4 of class 2 is wrong, 0 of class 0 is right but background.
    observe(&mut state, &[0, 1, 2, 1, 0, 0, 1, 1]);
    let embedded = |voxels: &[usize]| -> Vec<f32> {
        let projection = state.student.heads.projection.valid();
        let rows = projection.forward_rows(rows(&features, voxels).inner());
        rows.into_data().iter().collect()
    };
    let (first, second) = (embedded(&[1, 6]), embedded(&[4]));
    assert_eq!(stored(&state, 1), first);
    assert!(stored(&state, 0).is_empty() && stored(&state, 2).is_empty());
    observe(&mut state, &[1, 2, 2, 1, 2, 0, 0, 1]);
    assert_eq!((stored(&state, 1), stored(&state, 2)), (first, second));
}

#[test]
fn of_many_embeddings_those_with_the_highest_attention_become_prototypes() {
    let (config, context) = slices();
    let (mut state, features, truth) = small(&config, &context);
    let labeled = Voxels {
        features: features.clone(),
        classes: &truth,
    };
    let mut rng = keyed(1, 0, "test");
    state.observe(&labeled, &truth, &config, &mut rng).unwrap();
    let heads = &state.student.heads;
    let four = rows(&features, &[1, 2, 5, 6]).inner();
    let embedded = Tensor::from_inner(heads.projection.valid().forward_rows(four));
    let scores = heads.selectors[1].forward_rows(embedded.clone());
    let scores: Vec<f32> = scores.into_data().iter().collect();
    let lowest = (0..4).min_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let embedded: Vec<f32> = embedded.into_data().iter().collect();
    let dropped = &embedded[4 * lowest.unwrap()..][..4];
    let found = stored(&state, 1);
    assert_eq!(found.len(), 12);
    assert!(found.chunks(4).all(|row| row != dropped));
    assert!(
        found
            .chunks(4)
            .all(|row| embedded.chunks(4).any(|e| e == row))
    );
}

#[test]
fn the_distance_is_a_mean_over_classes_of_voxels_with_a_label() {
    let (config, context) = slices();
    let (mut state, features, truth) = small(&config, &context);
    let patches = |classes| Voxels {
        features: features.clone(),
        classes,
    };
    let mut rng = keyed(1, 0, "test");
    let none = state.distance(patches(&truth), &config, &mut rng);
    assert_eq!(none.into_scalar::<f32>(), 0.0, "no class has prototypes");
    state
        .observe(&patches(&truth), &truth, &config, &mut rng)
        .unwrap();
    // Only class 1 has two voxels.
    let classes = [0, 1, -1, -1, 2, 1, 1, -1];
    let found = state.distance(patches(&classes), &config, &mut rng);
    let heads = &state.student.heads;
    let map = heads.projection.forward(features.clone());
    let queries = rows(&heads.prediction.forward(map), &[1, 5, 6]);
    let prototypes = unit_rows(state.prototypes[1].entries());
    let expected = PrototypeLossConfig::new().init().forward(PrototypeInput {
        features: queries.clone(),
        scores: heads.selectors[1].forward_rows(queries),
        prototype_scores: heads.memory_selectors[1].forward_rows(prototypes.clone()),
        prototypes,
    });
    let (found, expected) = (
        found.into_scalar::<f32>(),
        expected.into_scalar::<f32>() / 3.0,
    );
    assert!((found - expected).abs() < 1e-6, "{found} {expected}");
}

/// The passes of the smoothness and the prototypes are left out with their terms.
#[test]
fn terms_of_weight_0_are_neither_computed_nor_logged() {
    type Change = fn(&mut SsNetConfig);
    let cases: [(Change, &[&str]); 3] = [
        (
            |c| c.ablate("without_smoothness").unwrap(),
            &["supervised", "separation_labeled", "separation_unlabeled"],
        ),
        (
            |c| c.ablate("without_separation").unwrap(),
            &["supervised", "smoothness"],
        ),
        (
            |c| c.separation_weights[0] = 0.0,
            &["supervised", "smoothness", "separation_unlabeled"],
        ),
    ];
    for (change, expected) in cases {
        let (mut config, context) = slices();
        change(&mut config);
        let mut running = begun(SsNet::new(config), &context);
        let at = first_step(&context);
        let values = running.step(batch([2, 2], &context, 0), &at).unwrap();
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, expected);
        let separates = expected.contains(&"separation_unlabeled");
        let banks = &running.state().prototypes;
        assert_eq!(banks.iter().any(|bank| bank.filled() > 0), separates);
    }
}

#[test]
fn impossible_settings_are_refused_by_name() {
    type Change = fn(&mut SsNetConfig);
    let changes: [(&str, Change); 6] = [
        ("smoothness_weight", |c| c.smoothness_weight = -1.0),
        ("separation_weights", |c| c.separation_weights[1] = f64::NAN),
        ("magnitude", |c| c.magnitude = f64::INFINITY),
        ("probe", |c| c.probe = 0.0),
        ("power_iterations", |c| c.power_iterations = 0),
        ("prototypes", |c| c.prototypes = 1),
    ];
    for (key, change) in changes {
        let mut config = SsNetConfig::new(10);
        change(&mut config);
        let message = config.check([16; 3]).unwrap_err().to_string();
        assert!(message.contains(&format!("method.{key}")), "{message}");
    }
    assert!(SsNetConfig::official_2d(10).check([32, 32, 1]).is_ok());
    assert_eq!(SsNetConfig::official_2d(10).distance, DiceForm::PerClass);
}
