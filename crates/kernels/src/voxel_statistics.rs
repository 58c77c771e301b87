//! Sums over all voxels of a softmax and its labels, the basis of voxel losses.

use burn::prelude::*;
use burn::tensor::activation::log_softmax;

/// Sums over all voxels of a softmax and its labels, without ignored voxels.
///
/// With `p` the softmax of the logits over the classes and `g` the one-hot labels:
#[derive(Debug, Clone)]
pub struct VoxelStatistics {
    /// `−Σ g_c log p_c` over voxels and classes, `[1]`.
    pub cross_entropy: Tensor<1>,
    /// `Σ p_c g_c` over voxels, `[class]`.
    pub intersection: Tensor<1>,
    /// `Σ p_c²` over voxels, `[class]`.
    pub squares: Tensor<1>,
    /// `Σ g_c` over voxels, `[class]`; not differentiable.
    pub labeled: Tensor<1>,
    /// Number of voxels that are not ignored, `[1]`; not differentiable.
    pub counted: Tensor<1>,
}

/// Sums a softmax and its labels over all voxels; on the CPU one pass each for forward and backward.
///
/// A label that is neither a class nor the ignored one counts as a voxel of no class.
///
/// # Shapes
///
/// - `logits`: `[batch, class, voxels]`
/// - `labels`: `[batch, 1, voxels]`
///
/// # Panics
///
/// If the shapes are inconsistent.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::voxel_statistics;
///
/// let device = Device::flex();
/// let logits = Tensor::<3>::zeros([1, 2, 3], &device); // p = 1/2 everywhere
/// let labels = Tensor::<3, Int>::from_ints([[[1, 0, -1]]], &device);
/// let sums = voxel_statistics(logits, labels, Some(-1));
/// assert_eq!(sums.counted.into_scalar::<f32>(), 2.0);
/// assert_eq!(sums.squares.into_data().try_to_vec::<f32>()?, [0.5, 0.5]);
/// assert!((sums.cross_entropy.into_scalar::<f32>() - 2.0 * 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn voxel_statistics(
    logits: Tensor<3>,
    labels: Tensor<3, Int>,
    ignored: Option<i64>,
) -> VoxelStatistics {
    let [batch, classes, voxels] = logits.dims();
    assert_eq!(
        labels.dims(),
        [batch, 1, voxels],
        "voxel_statistics: labels do not match logits of {:?}",
        logits.dims()
    );
    #[cfg(feature = "flex")]
    if let Some([sums, counts]) = crate::flex::voxel_statistics(&logits, &labels, ignored) {
        return VoxelStatistics {
            cross_entropy: sums.clone().narrow(0, 0, 1),
            intersection: sums.clone().narrow(0, 1, classes),
            squares: sums.narrow(0, 1 + classes, classes),
            counted: counts.clone().narrow(0, 0, 1),
            labeled: counts.narrow(0, 1, classes),
        };
    }
    composition(logits, labels, ignored)
}

/// The same, composed of Burn's operators.
pub(crate) fn composition(
    logits: Tensor<3>,
    labels: Tensor<3, Int>,
    ignored: Option<i64>,
) -> VoxelStatistics {
    let (classes, dtype) = (logits.dims()[1], logits.dtype());
    let labels = labels.without_autodiff();
    let options = (&labels.device(), labels.dtype());
    let index = Tensor::<1, Int>::arange(0..classes as i64, options).reshape([1, classes, 1]);
    let counts = match ignored {
        Some(ignored) => labels.clone().not_equal_elem(ignored),
        None => labels.clone().equal(labels.clone()),
    };
    let counts = counts.float().cast(dtype); // [batch, 1, voxels]
    let one_hot = labels.equal(index).float().cast(dtype) * counts.clone();
    let log_probabilities = log_softmax(logits, 1);
    let probabilities = log_probabilities.clone().exp();
    let class_sums = |map: Tensor<3>| map.sum_dim(0).sum_dim(2).reshape([classes]);
    VoxelStatistics {
        cross_entropy: (log_probabilities * one_hot.clone()).sum().neg(),
        intersection: class_sums(probabilities.clone() * one_hot.clone()),
        squares: class_sums(probabilities.square() * counts.clone()),
        labeled: class_sums(one_hot),
        counted: counts.sum(),
    }
}
