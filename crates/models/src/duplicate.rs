//! Independent copies of modules.

use burn::module::{ModuleMapper, Param, ParamId};
use burn::prelude::*;

/// Returns a copy with the same values that can be trained independently of its original.
///
/// A plain clone shares with its original the running statistics of batch norm and the parameter
/// identities that an optimizer uses to find gradients. This copy shares neither.
///
/// # Examples
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::prelude::*;
/// use semivox_models::duplicate;
///
/// let first = LinearConfig::new(2, 2).init(&Device::flex().autodiff());
/// let second = duplicate(&first);
/// assert_eq!(first.weight.val().into_data(), second.weight.val().into_data());
/// assert_ne!(first.weight.id, second.weight.id);
/// assert!(second.weight.is_require_grad());
/// ```
pub fn duplicate<M: Module>(module: &M) -> M {
    module.valid().train().map(&mut Rename)
}

struct Rename;

impl ModuleMapper for Rename {
    fn map_float<const D: usize>(&mut self, mut param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.id = ParamId::new();
        param
    }
}
