//! Conversion of networks to other number formats.

use burn::module::{ModuleMapper, Param};
use burn::prelude::*;
use burn::tensor::DType;

/// Converts the parameters and running statistics of a module to another number format.
///
/// The input must have the same format. Clones share the running statistics of batch norm: cast before
/// cloning, or cast a [`duplicate`](crate::duplicate).
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use burn::tensor::DType;
/// use semivox_models::{UNetConfig, cast};
///
/// let device = Device::flex();
/// let network = cast(UNetConfig::new(1, 2).with_filters(1).init(&device), DType::BF16);
/// let image = Tensor::<4>::ones([1, 1, 16, 16], (&device, DType::BF16));
/// assert_eq!(network.forward(image).logits.dtype(), DType::BF16);
/// ```
pub fn cast<M: Module>(module: M, format: DType) -> M {
    module.map(&mut Cast(format))
}

struct Cast(DType);

impl ModuleMapper for Cast {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // Detached on both sides: a parameter must be a leaf of the autodiff graph.
        param.map(|value| {
            let trained = value.is_require_grad();
            let value = value.detach().cast(self.0).detach();
            match trained {
                true => value.require_grad(),
                false => value,
            }
        })
    }
}

/// Panics if the input of a network has another number format than its parameters. Backends detect this
/// late with unclear messages, or compute wrong values.
pub(crate) fn check_format<const D: usize>(network: &str, input: &Tensor<D>, parameters: DType) {
    let found = input.dtype();
    assert!(
        found == parameters,
        "{network} has parameters in {parameters:?}, got an input in {found:?}: \
         cast one of them, both may be F64, F32, F16 or BF16"
    );
}
