//! Parts shared by the losses of voxels: flat spatial axes, one-hot labels, sums over voxels.

use burn::prelude::*;
use burn::tensor::DType;
use burn::tensor::kind::Basic;
use semivox_kernels::{VoxelStatistics, voxel_statistics};

/// The label of voxels that take no part in a loss, as PyTorch's `ignore_index`: usually nobody has drawn there.
///
/// [`CrossEntropyLoss`](crate::CrossEntropyLoss), [`DiceLoss`](crate::DiceLoss) and
/// [`DiceCrossEntropyLoss`](crate::DiceCrossEntropyLoss) leave it out unless told otherwise.
pub const IGNORED_LABEL: i64 = -1;

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

/// Sums of the logits' softmax and the labels over all voxels.
pub(crate) fn statistics<const D: usize>(
    logits: Tensor<D>,
    labels: Tensor<D, Int>,
    ignore_label: Option<i64>,
) -> VoxelStatistics {
    check_map("labels", labels.dims(), logits.dims());
    voxel_statistics(flatten_voxels(logits), flatten_voxels(labels), ignore_label)
}

/// 0 or 1 in the given floating-point type.
pub(crate) fn to_float<const D: usize>(mask: Tensor<D, Bool>, dtype: DType) -> Tensor<D> {
    mask.float().cast(dtype)
}

/// Flat labels `[batch, 1, voxels]` as indicators `[batch, class, voxels]` in the type of `like`, which
/// has that shape: all zero where a voxel is ignored or its label is not a class.
pub(crate) fn one_hot(
    labels: Tensor<3, Int>,
    ignore_label: Option<i64>,
    like: &Tensor<3>,
) -> Tensor<3> {
    let (classes, dtype) = (like.dims()[1], like.dtype());
    let labels = labels.without_autodiff();
    let options = (&labels.device(), labels.dtype());
    let index = Tensor::<1, Int>::arange(0..classes as i64, options).reshape([1, classes, 1]);
    let one_hot = to_float(labels.clone().equal(index), dtype);
    match ignore_label {
        Some(ignored) => one_hot * to_float(labels.not_equal_elem(ignored), dtype),
        None => one_hot,
    }
}
