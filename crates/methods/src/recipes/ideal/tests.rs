//! Unit tests of IDEAL's stages.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::method::AnyStage;
use crate::optimizer::OptimizerConfig;
use crate::schedule::LearningRate;
use crate::testing::{batch, begun, context, first_step, off_average, off_descent, run_steps};
use burn::tensor::Distribution;
use semivox_models::NetworkConfig;

/// Views of one geometry that differ in brightness and contrast correspond position by position.
#[test]
fn aligned_views_correspond_to_themselves() {
    let device = Device::flex().autodiff();
    let context = context(NetworkConfig::new(1, 2).with_filters(8), [48, 32, 32]);
    let network = context.student();
    let noise = Distribution::Normal(0.0, 1.0);
    let weak = Tensor::<5>::random([2, 1, 48, 32, 32], noise, &device);
    let strong = weak.clone() * 1.2 + 0.1;
    let [query, key] = [strong, weak].map(|images| lowest(&network, images));
    assert_eq!(query.dims()[2..], [3, 2, 2]);
    let found = dense_correspondence(query, key).into_data();
    let expected: Vec<i64> = (0..12).collect();
    assert_eq!(found.iter::<i64>().collect::<Vec<_>>(), expected.repeat(2));
}

/// After a step, key encoder and key head are averaged with the query's, and the queue holds a new key per image.
#[test]
fn keys_and_queue_follow() {
    const HALF: f64 = 0.5;
    let context = context(NetworkConfig::new(1, 2).with_filters(2), [32; 3]);
    let config = IdealConfig {
        key_momentum: HALF,
        ..IdealConfig::new(8)
    };
    let mut running = begun(DenseContrast::new(config, context.mirrored), &context);
    let before = running.state().clone();
    run_steps(&mut running, 0..1, &context);
    let after = running.state();
    let [old, new] = [&before, after].map(|state| &state.networks);
    let off = |followed| off_average(&new.teacher, [&old.teacher, followed], HALF);
    assert!(off(&new.student) < 1e-6 && off(&old.student) > 1e-5);
    assert_eq!((before.queue.filled(), after.queue.filled()), (0, 4));
}

#[test]
fn negatives_are_what_was_enqueued() {
    let device = Device::flex().autodiff();
    let config = IdealConfig::new(10);
    let context = context(NetworkConfig::new(1, 2).with_filters(1), [16; 3]);
    let stage = DenseContrast::new(config.clone(), context.mirrored);
    let networks = Handover::new(context.student());
    let mut state = stage.begin(networks, &context).unwrap();
    assert!(state.negatives(Negatives::Queue).is_none());
    let map = Tensor::<5>::ones([3, config.embedding, 2, 2, 1], &device) * 0.5;
    state.queue.enqueue(pooled(map)).unwrap();
    let negatives = state.negatives(Negatives::Queue).unwrap();
    assert_eq!(negatives.dims(), [3, config.embedding]);
    assert_eq!(negatives.mean().into_scalar::<f32>(), 0.5);
    assert!(state.negatives(Negatives::Batch).is_none());
}

/// Compares a step with the gradients of the weighted terms; their values alone would not do, as pseudo-labels are
/// constants for the gradient but depend on the weights.
#[test]
fn stage_ii_descends_on_its_terms_by_their_weights() {
    let network = NetworkConfig::new(1, 3).with_filters(2).with_dropout(0.0);
    let context = context(network, [32, 32, 16]);
    let config = IdealConfig {
        fine_tuning_batch: [2, 2],
        cross_weight: 0.7,
        optimizer: OptimizerConfig {
            learning_rate: 1.0,
            momentum: 0.0,
            weight_decay: 0.0,
            clip_norm: None,
            schedule: LearningRate::Constant,
            ..OptimizerConfig::default()
        },
        ..IdealConfig::new(40)
    };
    let mut running = begun(TwoDecoders::new(config), &context);
    let before = running.state().clone();
    let batch = batch([2, 2], &context, 0);
    // Late in the stage, where the ramp is near 1.
    let at = StepContext {
        stage_step: 8,
        ..first_step(&context)
    };
    let terms = running.stage.terms(&mut before.clone(), batch.clone(), &at);
    let terms = terms.unwrap();
    let [one, other, cross] =
        ["supervised", "supervised_second", "cross_pseudo"].map(|name| terms.term(name));
    let loss = one + other + cross.mul_scalar(0.7 * at.ramp());
    running.step(batch, &at).unwrap();
    assert!(off_descent(&before, running.state(), loss) < 1e-5);
}
