//! A check for weights that are infinite or not a number.

use burn::module::{Module, ModuleVisitor, Param};
use burn::prelude::*;

/// Returns whether all floating-point parameters are finite, with a single read from the device.
pub fn is_finite<M: Module>(module: &M) -> bool {
    let mut sum = Sum(None);
    module.visit(&mut sum);
    sum.0.is_none_or(|sum| sum.into_scalar::<f32>().is_finite())
}

/// Sum of all parameters, which is not finite if one of them is not.
struct Sum(Option<Tensor<1>>);

impl ModuleVisitor for Sum {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let sum = param.val().detach().sum();
        self.0 = Some(match self.0.take() {
            Some(others) => others + sum,
            None => sum,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::LinearConfig;

    #[test]
    fn one_value_is_enough() {
        let device = crate::testing::device();
        let mut module = LinearConfig::new(2, 2).init(&device);
        assert!(is_finite(&module));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let values = Tensor::from_floats([[0.0, bad], [1.0, 2.0]], &device);
            module.weight = Param::from_tensor(values);
            assert!(!is_finite(&module));
        }
    }
}
