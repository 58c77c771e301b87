//! Norm and scaling of gradients.

use burn::prelude::*;

/// Returns the sum of the squares of all elements, `[1]`.
///
/// # Shapes
///
/// - `tensor`: any shape
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::squared_norm;
///
/// let tensor = Tensor::<1>::from_floats([3.0, -4.0], &Device::flex());
/// assert_eq!(squared_norm(tensor).into_scalar::<f32>(), 25.0);
/// ```
pub fn squared_norm<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    #[cfg(feature = "flex")]
    if let Some(norm) = crate::flex::squared_norm(&tensor) {
        return norm;
    }
    tensor.square().sum()
}

/// Multiplies a tensor by a number.
///
/// # Shapes
///
/// - `tensor` and result: any shape
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::scale;
///
/// let tensor = Tensor::<1>::from_floats([3.0], &Device::flex());
/// assert_eq!(scale(tensor, 0.5).into_scalar::<f32>(), 1.5);
/// ```
pub fn scale<const D: usize>(tensor: Tensor<D>, factor: f64) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if let Some(scaled) = crate::flex::scale(&tensor, factor) {
        return scaled;
    }
    tensor.mul_scalar(factor)
}
