//! Equal seeds give equal networks. Alone in its file, since the device's generator is global to the process.

#![allow(clippy::unwrap_used)]

use burn::module::{ModuleVisitor, Param};
use burn::prelude::*;
use semivox_models::{RepresentationHeadConfig, VNetConfig};

#[derive(Default)]
struct Values(Vec<f32>);

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0
            .extend(param.val().into_data().try_to_vec::<f32>().unwrap());
    }
}

fn values(seed: u64) -> Vec<f32> {
    let device = Device::flex().autodiff();
    device.seed(seed);
    let model = VNetConfig::new(1, 2).with_filters(2).init(&device);
    let head = RepresentationHeadConfig::new(32)
        .with_width(4)
        .init(&device);
    let mut values = Values::default();
    // The order of use must not matter: the head is read first.
    head.visit(&mut values);
    model.visit(&mut values);
    values.0
}

#[test]
fn equal_seeds_give_equal_networks() {
    let first = values(3);
    assert_eq!(first, values(3));
    assert_ne!(first, values(4));
}
