//! Pooling with stride = kernel.

use burn::prelude::*;

use crate::resample::split_windows;

/// Takes the largest value of every window; the stride is the window.
///
/// As in PyTorch, voxels beyond the last whole window are cut, and the gradient goes to the first
/// voxel that holds the largest value.
///
/// # Shapes
///
/// - `input`: `[batch, channel, depth, height, width]`
/// - output: the sides divided by the window's, rounded down
///
/// # Panics
///
/// If a side is shorter than the window's.
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
    let (windows, shape) = flat_windows(input, window);
    windows.max_dim(5).reshape(shape)
}

/// Takes the mean of every window; the stride is the window.
///
/// As in PyTorch, voxels beyond the last whole window are cut.
///
/// # Shapes
///
/// - `input`: `[batch, channel, depth, height, width]`
/// - output: the sides divided by the window's, rounded down
///
/// # Panics
///
/// If a side is shorter than the window's.
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
    let (windows, shape) = flat_windows(input, window);
    windows.mean_dim(5).reshape(shape)
}

/// The windows' voxels as a last axis, and the shape of the pooled volume.
fn flat_windows(input: Tensor<5>, window: [usize; 3]) -> (Tensor<6>, [usize; 5]) {
    let windows = split_windows(input, window);
    let [batch, channels, depth, kd, height, kh, width, kw] = windows.dims();
    let windows = windows.permute([0, 1, 2, 4, 6, 3, 5, 7]);
    let flat = windows.reshape([batch, channels, depth, height, width, kd * kh * kw]);
    (flat, [batch, channels, depth, height, width])
}
