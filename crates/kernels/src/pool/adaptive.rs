//! Average pooling to a wanted size.

use burn::prelude::*;
use burn::tensor::module::adaptive_avg_pool3d as burn_adaptive_avg_pool3d;

/// Averages windows so that the output has the wanted size.
///
/// Window `i` of an axis reaches from `floor(i * in / out)` to `ceil((i + 1) * in / out)`, as in
/// PyTorch; windows may overlap by a voxel where the sizes do not divide.
///
/// # Shapes
///
/// - `input`: `[batch, channel, depth, height, width]`
/// - output: `[batch, channel, size[0], size[1], size[2]]`
///
/// # Panics
///
/// If a wanted side is zero.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::adaptive_avg_pool3d;
///
/// let device = Device::flex();
/// let input = Tensor::<5>::ones([1, 2, 5, 6, 7], &device);
/// assert_eq!(adaptive_avg_pool3d(input, [4, 4, 4]).dims(), [1, 2, 4, 4, 4]);
/// ```
pub fn adaptive_avg_pool3d(input: Tensor<5>, size: [usize; 3]) -> Tensor<5> {
    burn_adaptive_avg_pool3d(input, size)
}
