//! Every public loss: both CPU backends agree, and every format with `f64`.

mod consistency;
mod contrast;
mod distillation;
mod segmentation;

use std::collections::BTreeSet;

use burn::prelude::*;
use burn::tensor::DType;
use semivox_inference::device;

use super::inputs::{Inputs, Outcome};
use super::report::{Row, difference, needs_double, rounding};

/// Largest difference of a value or gradient between the CPU backends. In `f32`, sums of some hundred terms in
/// another order, times 100 where a temperature is 0.01. In `f64`, the sigmoid of burn-ndarray, which Burn
/// computes in `f32` for every backend without one of its own.
const DEVICES: [(DType, f64); 2] = [(DType::F32, 1e-5), (DType::F64, 1e-6)];

/// What computing in `f32` adds to the rounding of results: the same sums and temperatures as in [`DEVICES`].
const SINGLE: f64 = 1e-5;

/// A loss by its public name, with small inputs that make every term of it count.
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

/// In 16 bits the value and each gradient are rounded once, after a computation in `f32`.
fn tolerance(format: DType) -> f64 {
    match format {
        DType::F32 => SINGLE,
        half => rounding(half) + SINGLE,
    }
}

/// `Loss` types and functions that the crate exports.
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

#[cfg(feature = "ndarray")]
#[test]
fn losses_agree_between_cpu_and_ndarray() {
    let [cpu, other] = ["cpu", "ndarray"].map(|name| device::by_name(name).unwrap());
    for (format, allowed) in DEVICES {
        let mut most = 0f64;
        for case in GROUPS.iter().flat_map(|(_, cases)| *cases) {
            let expected = computed(case, &cpu, format);
            assert_eq!(
                needs_double(&expected),
                format == DType::F64,
                "{}",
                case.name
            );
            let found = difference(&computed(case, &other, format), &expected);
            assert!(found <= allowed, "{} in {format:?}: {found:.1e}", case.name);
            most = most.max(found);
        }
        println!("losses in {format:?} on ndarray differ from the CPU's by {most:.1e} at most");
    }
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
