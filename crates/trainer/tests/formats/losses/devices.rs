//! Every public loss on both CPU backends.

use burn::tensor::DType;
use semivox_inference::device;

use super::super::report::{difference, needs_double};
use super::{GROUPS, computed};

/// Tolerance of a value or gradient between the CPU backends, by format. In `f32` it covers sums of some hundred terms
/// in another order, times 100 where a temperature is 0.01; in `f64` the sigmoid of burn-ndarray, which Burn
/// computes in `f32` for every backend without one of its own.
const DEVICES: [(DType, f64); 2] = [(DType::F32, 1e-5), (DType::F64, 1e-6)];

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
