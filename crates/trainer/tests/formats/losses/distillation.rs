//! Losses that compare distributions of similarities.

use burn::prelude::*;
use semivox_losses::{
    GlobalDistillationLossConfig, LocalDistillationForm, LocalDistillationLossConfig,
};

use super::{Case, Inputs};

pub const CASES: [Case; 3] = [
    Case {
        name: "GlobalDistillationLoss",
        loss: global,
    },
    Case {
        name: "LocalDistillationLoss per location",
        loss: |inputs| local(inputs, LocalDistillationForm::PerLocation),
    },
    Case {
        name: "LocalDistillationLoss of the official code",
        loss: |inputs| local(inputs, LocalDistillationForm::OfficialCode),
    },
];

fn global(inputs: &mut Inputs) -> Tensor<1> {
    let student = inputs.variable([3, 6]);
    let (teacher, anchors) = (inputs.constant([3, 6]), inputs.constant([5, 6]));
    GlobalDistillationLossConfig::new()
        .init()
        .forward(student, teacher, anchors)
}

fn local(inputs: &mut Inputs, form: LocalDistillationForm) -> Tensor<1> {
    let student = inputs.variable([2, 3, 4]);
    let (teacher, bank) = (inputs.constant([2, 3, 4]), inputs.constant([5, 3, 4]));
    let config = LocalDistillationLossConfig::new().with_form(form);
    config.init().forward(student, teacher, bank)
}
