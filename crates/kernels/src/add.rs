//! Element-wise sum.

use burn::prelude::*;

/// Adds two tensors of the same shape; multithreaded on the CPU.
///
/// # Shapes
///
/// - `a`, `b` and output: any shape, the same for all
///
/// # Panics
///
/// If the shapes cannot be broadcast.
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
