//! Initialization of parameters at a defined time and in a defined order.

use burn::module::{ModuleVisitor, Param};
use burn::prelude::*;

/// Initializes every parameter of a module now, in the order of its fields.
///
/// Burn initializes a parameter at its first use. Without this call, the order of use decides which
/// random numbers a parameter gets, and a seed set before `init` does not determine the network. Every
/// `init` of this crate ends with it.
///
/// # Examples
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::prelude::*;
/// use semivox_models::materialize;
///
/// let device = Device::flex();
/// device.seed(7);
/// let first = materialize(LinearConfig::new(2, 2).init(&device));
/// device.seed(7);
/// let second = materialize(LinearConfig::new(2, 2).init(&device));
/// assert_eq!(first.weight.val().into_data(), second.weight.val().into_data());
/// ```
pub fn materialize<M: Module>(module: M) -> M {
    module.visit(&mut Draw);
    module
}

struct Draw;

impl ModuleVisitor for Draw {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        param.val();
    }
}

/// Counts the trainable parameters of a module, without running statistics and frozen parameters.
///
/// On a device without autodiff nothing is trainable, and the count is 0.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::{VNetConfig, trainable_parameters};
///
/// let model = VNetConfig::new(1, 2).with_filters(1).init(&Device::flex().autodiff());
/// assert_eq!(trainable_parameters(&model.no_grad()), 0);
/// ```
pub fn trainable_parameters<M: Module>(module: &M) -> usize {
    let mut count = Count(0);
    module.visit(&mut count);
    count.0
}

struct Count(usize);

impl ModuleVisitor for Count {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            self.0 += param.shape().num_elements();
        }
    }
}
