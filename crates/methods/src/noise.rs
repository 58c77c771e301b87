//! Gaussian noise on a network's input.

use burn::prelude::*;
use burn::tensor::Distribution;

/// Adds clipped Gaussian noise, `clip(σ·N(0, 1), −2σ, 2σ)`, to every voxel, as the mean-teacher family does.
///
/// # Examples
/// ```
/// use burn::prelude::*;
/// use semivox_methods::noise::clipped_noise;
/// let noisy = clipped_noise(Tensor::<5>::zeros([1, 1, 8, 8, 8], &Device::flex()), 0.1);
/// let most = noisy.abs().max().into_scalar::<f32>();
/// assert!(most > 0.1 && most <= 0.2);
/// ```
pub fn clipped_noise(images: Tensor<5>, sigma: f64) -> Tensor<5> {
    let noise = images.random_like(Distribution::Normal(0.0, sigma));
    images + noise.clamp(-2.0 * sigma, 2.0 * sigma)
}
