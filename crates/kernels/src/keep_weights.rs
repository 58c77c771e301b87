//! Many passes of one network.

/// Runs `passes`, within which the weights of convolutions with batch norm in evaluation are prepared once, not at every
/// call.
///
/// On the CPU such a convolution folds the norm into its weights and transforms them (see
/// [`conv3d_norm_relu`](crate::conv3d_norm_relu)), which takes some 6 % of a pass of a V-Net with 16 filters over
/// 112×112×80 voxels. Within `passes` the results are kept, for a V-Net about three times the size of its weights, and used again by
/// calls on this thread with the same tensors, so the results are those without it: a changed weight or statistic is another
/// tensor. All versions that were used stay in memory until `passes` ends, in each thread its own. On other backends this
/// only runs `passes`.
///
/// # Examples
///
/// ```
/// use burn::nn::BatchNormConfig;
/// use burn::prelude::*;
/// use semivox_kernels::{conv3d_norm_relu, keep_weights};
///
/// let device = Device::flex();
/// let norm = BatchNormConfig::new(1).with_epsilon(1e-9).init(&device);
/// let weight = Tensor::<5>::ones([1, 1, 3, 3, 3], &device);
/// let sums = keep_weights(|| {
///     [1.0, 2.0].map(|value| {
///         let input = Tensor::<5>::full([1, 1, 3, 3, 3], value, &device);
///         conv3d_norm_relu(input, weight.clone(), None, &norm).max().into_scalar::<f32>()
///     })
/// });
/// assert!((sums[0] - 27.0).abs() < 1e-4 && (sums[1] - 54.0).abs() < 1e-4);
/// ```
pub fn keep_weights<T>(passes: impl FnOnce() -> T) -> T {
    #[cfg(feature = "flex")]
    let _scope = crate::flex::KeptWeights::begin();
    passes()
}
