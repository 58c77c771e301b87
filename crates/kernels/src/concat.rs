//! Concatenation of channels.

use burn::prelude::*;

/// Concatenates the channels of two tensors; multithreaded on the CPU.
///
/// # Shapes
///
/// - `a`: `[batch, channels of a, …]`
/// - `b`: `[batch, channels of b, …]`, otherwise of the shape of `a`
/// - output: `[batch, channels of a + channels of b, …]`
///
/// # Panics
///
/// If the shapes differ elsewhere than in the channels.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::concat_channels;
///
/// let device = Device::flex();
/// let (skip, up) = (Tensor::<4>::ones([2, 3, 4, 4], &device), Tensor::zeros([2, 1, 4, 4], &device));
/// assert_eq!(concat_channels(skip, up).dims(), [2, 4, 4, 4]);
/// ```
pub fn concat_channels<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let Some(joined) = crate::flex::concat_channels(&a, &b) {
        return joined;
    }
    Tensor::cat(vec![a, b], 1)
}
