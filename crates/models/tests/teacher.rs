//! A teacher with its own batch norm statistics.

#![allow(clippy::unwrap_used)]

use burn::module::{ModuleVisitor, Param};
use burn::prelude::*;
use burn::tensor::Distribution;
use semivox_models::{VNet, VNetConfig, trainable_parameters};

/// All parameters and running statistics, in field order.
#[derive(Default)]
struct State(Vec<Vec<f32>>);

impl ModuleVisitor for State {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.val().into_data().try_to_vec().unwrap());
    }
}

fn state(model: &VNet) -> Vec<Vec<f32>> {
    let mut state = State::default();
    // `valid` applies pending updates of the running statistics.
    model.valid().visit(&mut state);
    state.0
}

fn noise(device: &Device) -> Tensor<5> {
    Tensor::random([2, 1, 16, 16, 16], Distribution::Normal(0.5, 2.0), device)
}

fn student(device: &Device) -> VNet {
    VNetConfig::new(1, 2).with_filters(1).init(device)
}

#[test]
fn a_teacher_built_through_valid_has_buffers_of_its_own() {
    let device = Device::flex().autodiff();
    let student = student(&device);
    let teacher = student.clone().valid().train().no_grad();
    let before = state(&teacher);
    assert_eq!(before, state(&student));
    student.forward(noise(&device));
    assert_eq!(
        state(&teacher),
        before,
        "the student's step reached the teacher"
    );
    assert_ne!(
        state(&student),
        before,
        "the student's statistics did not move"
    );
    let after = state(&student);
    teacher.forward(noise(&device));
    assert_eq!(
        state(&student),
        after,
        "the teacher's step reached the student"
    );
    assert_ne!(
        state(&teacher),
        before,
        "the teacher is not in training mode"
    );
}

#[test]
fn a_plain_clone_shares_its_buffers() {
    let device = Device::flex().autodiff();
    let student = student(&device);
    let clone = student.clone();
    let before = state(&clone);
    student.forward(noise(&device));
    assert_ne!(
        state(&clone),
        before,
        "Burn has changed: clones no longer share running statistics"
    );
}

#[test]
fn the_teacher_is_outside_of_the_graph() {
    let device = Device::flex().autodiff();
    let teacher = student(&device).valid().train().no_grad();
    assert_eq!(trainable_parameters(&teacher), 0);
    assert!(!teacher.forward(noise(&device)).logits.is_tracked());
}

#[test]
fn dropout_is_active_in_training_only() {
    let device = Device::flex().autodiff();
    let config = VNetConfig::new(1, 2).with_filters(2).with_dropout(0.9);
    let model = config.init(&device);
    let input = noise(&device);
    let dropped = model.forward(input.clone()).bottleneck;
    let zero_channels = |map: Tensor<5>| {
        let values: Vec<f32> = map.into_data().try_to_vec().unwrap();
        values.iter().filter(|v| **v == 0.0).count() as f64 / values.len() as f64
    };
    assert!(zero_channels(dropped) > 0.7);
    let valid = model.valid();
    let plain = input.clone().inner();
    let first = valid.forward(plain.clone()).logits.into_data();
    assert_eq!(first, valid.forward(plain).logits.into_data());
    // A teacher in training mode applies dropout as well.
    let teacher = model.valid().train().no_grad();
    assert!(zero_channels(teacher.forward(input).bottleneck) > 0.7);
}
