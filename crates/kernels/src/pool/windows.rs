//! Pooling with stride = kernel.

use burn::prelude::*;

use crate::composition::whole_windows;

/// Max pooling with stride = window.
///
/// As in PyTorch, voxels beyond the last complete window are ignored, and the gradient goes to the first
/// voxel with the maximum.
///
/// # Shapes
///
/// - `input`: `[batch, channel, depth, height, width]`
/// - output: the sides divided by the window's, rounded down
///
/// # Panics
///
/// If a side is shorter than that of the window.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::max_pool3d;
///
/// let device = Device::flex();
/// let input = Tensor::<1>::from_floats([1.0, 4.0, 3.0, 2.0, 9.0], &device);
/// let pooled = max_pool3d(input.reshape([1, 1, 1, 1, 5]), [1, 1, 2]);
/// assert_eq!(pooled.into_data().try_to_vec::<f32>()?, [4.0, 3.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn max_pool3d(input: Tensor<5>, window: [usize; 3]) -> Tensor<5> {
    #[cfg(feature = "flex")]
    if let Some(output) = crate::flex::max_pool(&input, window) {
        return output;
    }
    along_axes(input, window, |windows| windows.max_dim(1))
}

/// Average pooling with stride = window.
///
/// As in PyTorch, voxels beyond the last complete window are ignored.
///
/// # Shapes
///
/// - `input`: `[batch, channel, depth, height, width]`
/// - output: the sides divided by the window's, rounded down
///
/// # Panics
///
/// If a side is shorter than that of the window.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::avg_pool3d;
///
/// let device = Device::flex();
/// let input = Tensor::<1>::from_floats([1.0, 4.0, 3.0, 2.0, 9.0], &device);
/// let pooled = avg_pool3d(input.reshape([1, 1, 1, 1, 5]), [1, 1, 2]);
/// assert_eq!(pooled.into_data().try_to_vec::<f32>()?, [2.5, 2.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn avg_pool3d(input: Tensor<5>, window: [usize; 3]) -> Tensor<5> {
    along_axes(input, window, |windows| windows.mean_dim(1))
}

/// Reduces windows along one axis after the other, the last first, with a function from
/// `[outer, window, inner]` to `[outer, 1, inner]`. No voxel is moved.
fn along_axes(
    input: Tensor<5>,
    window: [usize; 3],
    reduced: impl Fn(Tensor<3>) -> Tensor<3>,
) -> Tensor<5> {
    let mut volume = whole_windows(input, window);
    for axis in (0..3).rev().filter(|&axis| window[axis] > 1) {
        let mut shape = volume.dims();
        shape[axis + 2] /= window[axis];
        let outer = shape[..axis + 3].iter().product();
        let inner = shape[axis + 3..].iter().product();
        volume = reduced(volume.reshape([outer, window[axis], inner])).reshape(shape);
    }
    volume
}
