//! Sums of volumes.

use burn::prelude::*;

/// Adds two tensors of one shape, on the CPU with all threads.
///
/// # Shapes
///
/// - `a`, `b` and output: any, but equal
///
/// # Panics
///
/// If the shapes cannot be broadcast to one.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::add;
///
/// let device = Device::flex();
/// let ones = Tensor::<5>::ones([1, 1, 1, 1, 2], &device);
/// assert_eq!(add(ones.clone(), ones).into_data().try_to_vec::<f32>()?, [2.0, 2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn add<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let Some(sum) = crate::flex::add(&a, &b) {
        return sum;
    }
    a + b
}
