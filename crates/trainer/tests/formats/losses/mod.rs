//! Every public loss in every number format against `f64` and, in a build with the feature `ndarray`, on both CPU
//! backends.

mod consistency;
mod contrast;
#[cfg(feature = "ndarray")]
mod devices;
mod distillation;
mod segmentation;

use std::collections::BTreeSet;

use burn::prelude::*;
use burn::tensor::DType;
use semivox_inference::device;

use super::inputs::{Inputs, Outcome};
use super::report::{Row, rounding};

/// Error of computing in `f32`, in addition to the rounding of results: sums of some hundred terms in another order,
/// times 100 where a temperature is 0.01.
const SINGLE: f64 = 1e-5;

/// A loss by its public name, with small inputs for which every term of it matters.
struct Case {
    name: &'static str,
    loss: fn(&mut Inputs) -> Tensor<1>,
}

const GROUPS: [(&str, &[Case]); 4] = [
    ("segmentation losses", &segmentation::CASES),
    ("consistency losses", &consistency::CASES),
    ("distillation losses", &distillation::CASES),
    ("contrast losses", &contrast::CASES),
];

fn computed(case: &Case, device: &Device, format: DType) -> Outcome {
    let mut inputs = Inputs::new(device, format);
    let loss = (case.loss)(&mut inputs);
    inputs.outcome(loss)
}

/// Returns the tolerance in a format. In 16 bits, the value and each gradient are rounded once, after a computation in
/// `f32`.
fn tolerance(format: DType) -> f64 {
    match format {
        DType::F32 => SINGLE,
        half => rounding(half) + SINGLE,
    }
}

/// Returns the names of the losses that the crate exports.
fn exported() -> BTreeSet<&'static str> {
    let source = include_str!("../../../../losses/src/lib.rs");
    let names = source.split("\npub use ").skip(1);
    let names = names.flat_map(|rest| rest.split_once(';').unwrap().0.split("::").last());
    let names = names.flat_map(|list| list.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let function = |name: &str| name.starts_with(|c: char| c.is_lowercase());
    names
        .filter(|name| name.ends_with("Loss") || function(name))
        .collect()
}

#[test]
fn every_public_loss_is_in_the_table() {
    let cases = GROUPS.iter().flat_map(|(_, cases)| *cases);
    // A name may be followed by the form of the loss.
    let names = cases.flat_map(|case| case.name.split_whitespace().next());
    let exported = exported();
    assert!(exported.len() >= 20, "{exported:?}");
    assert_eq!(names.collect::<BTreeSet<_>>(), exported);
}

#[test]
fn losses_in_every_format() {
    let cpu = device::by_name("cpu").unwrap();
    for (group, cases) in GROUPS {
        let mut row = Row::default();
        for case in cases {
            row.compare(case.name, tolerance, |format| computed(case, &cpu, format));
        }
        row.print(group);
    }
}
