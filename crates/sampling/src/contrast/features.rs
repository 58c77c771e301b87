//! Feature vectors and class means of selected voxels.

use burn::prelude::*;
use burn::tensor::DType;

/// Gathers the feature vectors of single voxels; differentiable.
///
/// # Shapes
///
/// - `maps`: `[batch, d, spatial…]`
/// - `voxels`: `[drawn]`; index `n` is voxel `n mod s` of sample `n / s`, with `s` voxels per sample
/// - output: `[drawn, d]`
///
/// # Panics
///
/// If there are more than 2^31 - 1 elements.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_sampling::voxel_features;
///
/// let device = Device::flex();
/// let maps = Tensor::<3>::from_floats([[[1., 2., 3.], [4., 5., 6.]]], &device);
/// let voxels = Tensor::from_ints([2, 0], &device);
/// let found = voxel_features(maps, voxels).into_data().try_to_vec::<f32>()?;
/// assert_eq!(found, [3., 6., 1., 4.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn voxel_features<const D: usize>(maps: Tensor<D>, voxels: Tensor<1, Int>) -> Tensor<2> {
    let dims = maps.dims();
    let elements: usize = dims.iter().product();
    assert!(
        i32::try_from(elements).is_ok(),
        "expected at most 2^31 - 1 elements, found {elements}"
    );
    let space = dims[2..].iter().product();
    rows(maps.reshape([dims[0], dims[1], space]), voxels)
}

/// Gathers the feature vectors of the given voxels, `[voxels drawn, d]`; differentiable.
///
/// Index `n` is voxel `n mod s` of sample `n / s`. The flat volume is read in place; the backward
/// pass is one scatter.
pub(super) fn rows(features: Tensor<3>, voxels: Tensor<1, Int>) -> Tensor<2> {
    let ([batch, width, space], [count]) = (features.dims(), voxels.dims());
    let sample = voxels.clone() / (space as i64);
    let start = voxels + sample * (space * (width - 1)) as i64; // n -> b d s + n mod s
    let channels = Tensor::<1, Int>::arange(0..width as i64, &features.device());
    let steps = (channels * space as i64).reshape([1, width]);
    let places = (start.reshape([count, 1]) + steps).reshape([count * width]);
    features
        .reshape([batch * width * space])
        .gather(0, places)
        .reshape([count, width])
}

/// Same as [`rows`], for many draws: makes a voxel-major copy if that is smaller than the result, and
/// gathers whole rows from it.
pub(super) fn many_rows(features: Tensor<3>, voxels: Tensor<1, Int>) -> Tensor<2> {
    let ([batch, width, space], [count]) = (features.dims(), voxels.dims());
    if batch * space > count {
        return rows(features, voxels);
    }
    features
        .swap_dims(1, 2)
        .reshape([batch * space, width])
        .select(0, voxels)
}

/// The mean feature vector of each class, `[classes, d]`; zeros for an empty class.
///
/// `members`: `[classes, voxels]` of 0 and 1; `counts`: `[classes]`, their sums. Means of 16-bit features
/// are computed in single precision, because a sum over a volume overflows 16 bits.
pub(super) fn class_means(
    features: Tensor<3>,
    members: Tensor<2, Int>,
    counts: Tensor<1, Int>,
) -> Tensor<2> {
    let ([batch, width, space], [classes, _]) = (features.dims(), members.dims());
    let wide = wide(features.dtype());
    let members = members
        .float()
        .cast(wide)
        .reshape([classes, batch, space])
        .permute([1, 2, 0]);
    let sums = features
        .cast(wide)
        .matmul(members)
        .sum_dim(0)
        .reshape([width, classes]);
    let counts = counts.clamp_min(1).float().cast(wide);
    sums.transpose() / counts.reshape([classes, 1])
}

/// The accumulation format: single precision for 16-bit formats.
fn wide(format: DType) -> DType {
    match format {
        DType::F16 | DType::BF16 => DType::F32,
        wide => wide,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// 70,000 voxels are more than `f16` can count.
    #[test]
    fn a_volume_is_averaged_in_16_bits() {
        let device = Device::flex();
        for format in [DType::F16, DType::BF16] {
            let features = Tensor::<3>::ones([1, 2, 70_000], (&device, format));
            let members = Tensor::<2, Int>::ones([1, 70_000], &device);
            let means = class_means(features, members.clone(), members.sum_dim(1).reshape([1]));
            assert_eq!(means.into_data().try_to_vec::<f32>().unwrap(), [1.0, 1.0]);
        }
    }
}
