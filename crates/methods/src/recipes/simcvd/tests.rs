//! Unit tests of SimCVD.
#![allow(clippy::unwrap_used)]

use burn::tensor::Distribution;
use semivox_models::NetworkConfig;

use super::*;
use crate::method::Running;
use crate::testing::{batch, begun, context, first_step, off_average, run_steps, taught};

/// Begins the method on a student with a signed distance head.
fn running(config: SimCvdConfig, context: &mut MethodContext) -> Running<SimCvd> {
    let classes = context.network.classes;
    context.network.signed_distance = config.needs_distance_head().then_some(classes - 1);
    begun(SimCvd::new(config, classes), context)
}

/// Checks which part learns from which term, and that the teacher learns from none: its gradients would appear as
/// the student's, whose parameters have the same ids.
#[test]
fn terms_teach_the_parts_of_the_paper() {
    let network = NetworkConfig::new(1, 3).with_filters(2);
    let mut context = context(network.with_dropout(0.0), [32, 32, 16]);
    let config = SimCvdConfig {
        pooled: 16,
        ..SimCvdConfig::new(10)
    };
    let running = running(config, &mut context);
    let student = &running.state().student;
    let parts = ["encoder", "ups", "segmentation", "signed_distance", "heads"];
    // The backward pass consumes the graph, so each term needs its own forward pass.
    let taught = |name: &str| {
        let batch = batch([2, 2], &context, 0);
        let at = first_step(&context);
        let mut state = running.state().clone();
        let terms = running.stage.terms(&mut state, batch, &at).unwrap();
        taught(&terms.term(name), student, &parts)
    };
    assert_eq!(taught("supervised"), ["encoder", "ups", "segmentation"]);
    assert_eq!(
        taught("signed_distance"),
        ["encoder", "ups", "signed_distance"]
    );
    assert_eq!(
        taught("contrast"),
        ["encoder", "ups", "signed_distance", "heads"]
    );
    assert_eq!(taught("pairwise"), ["encoder"]);
    assert_eq!(taught("consistency"), ["encoder", "ups", "segmentation"]);
}

/// `m_0 = min(1 − 1/1, m) = 0`: after the first step the teacher is the student.
#[test]
fn after_the_first_step_the_teacher_is_the_student() {
    let network = NetworkConfig::new(1, 2).with_filters(2);
    let mut context = context(network, [16; 3]);
    let config = SimCvdConfig {
        pooled: 16,
        ..SimCvdConfig::new(10)
    };
    let mut running = running(config, &mut context);
    let before = running.state().student.clone();
    run_steps(&mut running, 0..1, &context);
    let StudentTeacher { student, teacher } = running.state();
    assert_eq!(off_average(teacher, [student, student], 0.5), 0.0);
    assert!(off_average(teacher, [&before, &before], 0.5) > 1e-5);
}

/// The distance from the logits is positive, i.e. outside, where the background is more probable.
#[test]
fn the_distance_from_logits_is_positive_outside() {
    let network = NetworkConfig::new(1, 2).with_filters(2);
    let mut context = context(network, [16; 3]);
    let config = SimCvdConfig {
        distance_head: DistanceHead::Logits,
        ..SimCvdConfig::new(10)
    };
    let running = running(config, &mut context);
    let images = batch([1, 0], &context, 0).labeled.weak;
    let network = &running.state().student.network;
    let output = NetworkOutput {
        logits: Tensor::from_floats([[[[[3.0]]], [[[-1.0]]]]], &context.device),
        ..network.forward(images)
    };
    let found = running.stage.distance(&output).into_scalar::<f32>();
    assert!((found - 4f32.tanh()).abs() < 1e-6, "{found}");
}

/// Dropped channels are 0 in the map after dropout only.
#[test]
fn the_pairwise_distillation_compares_the_map_that_was_asked_for() {
    let network = NetworkConfig::new(1, 2).with_filters(4).with_dropout(0.5);
    let context = context(network, [16; 3]);
    let images = Tensor::random([2, 1, 32, 32, 16], Distribution::Default, &context.device);
    let dead = |pairwise_map| {
        let config = SimCvdConfig {
            pairwise_map,
            ..SimCvdConfig::new(10)
        };
        let method = SimCvd {
            losses: Losses::new(&config),
            config,
            classes: 2,
        };
        let student = context.student();
        let output = method.forward(&student, images.clone());
        let channels = output.bottleneck.abs().sum_dim(2).sum_dim(3).sum_dim(4);
        let expected = student.encode(images.clone())[4].clone();
        let alive = expected
            .abs()
            .sum_dim(2)
            .sum_dim(3)
            .sum_dim(4)
            .greater_elem(0.0);
        let dead = channels.equal_elem(0.0).bool_and(alive);
        dead.int().sum().into_scalar::<i32>()
    };
    assert_eq!(dead(PairwiseMap::BeforeDropout), 0);
    assert!(dead(PairwiseMap::AfterDropout) > 0);
}
