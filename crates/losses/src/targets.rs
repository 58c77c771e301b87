//! What the voxel losses share: flattening of the spatial axes and one-hot labels.

use burn::prelude::*;
use burn::tensor::DType;
use burn::tensor::kind::Basic;

/// Flattens the spatial axes: `[batch, channel, spatial…]` to `[batch, channel, voxels]`.
pub(crate) fn flatten_voxels<const D: usize, K: Basic>(tensor: Tensor<D, K>) -> Tensor<3, K> {
    let dims = tensor.dims();
    let voxels = dims[2..].iter().product::<usize>();
    tensor.reshape([dims[0], dims[1], voxels])
}

/// Panics unless `map` is `[batch, 1, spatial…]` for logits of shape `[batch, class, spatial…]`.
pub(crate) fn check_map<const D: usize>(name: &str, map: [usize; D], logits: [usize; D]) {
    let matches = D >= 2 && map[0] == logits[0] && map[1] == 1 && map[2..] == logits[2..];
    assert!(
        matches,
        "{name} of shape {map:?} do not fit logits of shape {logits:?}: \
         expected the same shape with 1 in place of the class axis"
    );
}

/// Labels as indicator tensors, constants of the autodiff graph.
pub(crate) struct Targets {
    /// `[batch, class, voxels]`; all zero where a voxel is ignored or its label is not a class.
    pub(crate) one_hot: Tensor<3>,
    /// `[batch, 1, voxels]`, 1 where the voxel counts; `None` if all do.
    pub(crate) valid: Option<Tensor<3>>,
}

impl Targets {
    /// Encodes flat labels `[batch, 1, voxels]` in the floating-point type of the logits.
    pub(crate) fn new(
        labels: Tensor<3, Int>,
        classes: usize,
        ignore_label: Option<i64>,
        dtype: DType,
    ) -> Self {
        let labels = labels.without_autodiff();
        let one_hot = one_hot(labels.clone(), classes, dtype);
        let Some(ignored) = ignore_label else {
            return Self {
                one_hot,
                valid: None,
            };
        };
        let valid = to_float(labels.not_equal_elem(ignored), dtype); // [batch, 1, voxels]
        Self {
            one_hot: one_hot * valid.clone(),
            valid: Some(valid),
        }
    }
}

/// 0 or 1 in the given floating-point type.
pub(crate) fn to_float<const D: usize>(mask: Tensor<D, Bool>, dtype: DType) -> Tensor<D> {
    mask.float().cast(dtype)
}

/// Compares labels with `0..classes`: `[batch, 1, voxels]` to `[batch, classes, voxels]`.
fn one_hot(labels: Tensor<3, Int>, classes: usize, dtype: DType) -> Tensor<3> {
    let options = (&labels.device(), labels.dtype());
    let index = Tensor::<1, Int>::arange(0..classes as i64, options).reshape([1, classes, 1]);
    to_float(labels.equal(index), dtype)
}
