//! InfoNCE, the contrastive loss of queries and keys.

use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use crate::format::Format;
use crate::similarity::{check_temperature, exclude, matched};
use crate::{Reduction, Similarity};

/// Configuration of [`InfoNceLoss`].
#[derive(Config, Debug)]
pub struct InfoNceLossConfig {
    /// Temperature of the softmax over the keys.
    #[config(default = 0.1)]
    pub temperature: f64,
    /// Similarity of a query and a key.
    #[config(default = "Similarity::Cosine")]
    pub similarity: Similarity,
    /// Whether each key is also classified among the queries; the loss is then the mean of both directions.
    #[config(default = false)]
    pub symmetric: bool,
    /// Mean or sum over the queries.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
}

impl InfoNceLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if the temperature is not positive and finite.
    pub fn init(&self) -> InfoNceLoss {
        check_temperature("temperature", self.temperature);
        InfoNceLoss {
            temperature: self.temperature,
            similarity: self.similarity,
            symmetric: self.symmetric,
            reduction: self.reduction,
        }
    }
}

/// InfoNCE: cross-entropy of recognizing each query's positive key among all keys of its group.
///
/// ```text
/// S_ij = sim(q_i, k_j) / tau
/// l_i  = log Σ_j exp S_ij − S_ii
/// L    = mean_i l_i                                                      one direction
/// L    = mean_i ½ [ l_i + ( log Σ_j exp S_ji − S_ii ) ]                  symmetric
/// ```
///
/// | symbol | meaning | default |
/// |---|---|---|
/// | q_i, k_i | query i and its positive key, the one in the same row | |
/// | sim | `similarity` | cosine |
/// | tau | `temperature` | 0.1 |
///
/// The other keys of the group are the negatives of query i. Excluded pairs, of which k_i is never one, are left out of
/// the sum over j. With n keys that cannot be told apart the loss is ln n.
///
/// # Shapes
///
/// - queries, keys: `[group…, items, width]`: `[items, width]` without groups
/// - excluded: `[group…, items, items]`, query by key, true where a pair is left out
/// - result of `forward`: `[1]`; of `forward_no_reduction`: `[group…, items, 1]`
///
/// # Notes
///
/// Keys are constants, as those of a momentum encoder: no gradient reaches them. Where both sides learn, take
/// [`NtXentLoss`](crate::NtXentLoss), or add the loss with queries and keys exchanged.
///
/// # References
///
/// - A. van den Oord, Y. Li, O. Vinyals. Representation Learning with Contrastive Predictive Coding. arXiv 1807.03748.
///   Equation 4.
/// - K. He, H. Fan, Y. Wu, S. Xie, R. Girshick. Momentum Contrast for Unsupervised Visual Representation Learning. CVPR
///   2020. arXiv 1911.05722. Equation 1, with the batch's own keys.
///
/// Variants in the methods of this project:
///
/// | method | items | groups | options |
/// |---|---|---|---|
/// | SimCVD, boundary-aware contrast (equations 2, 3) | slices | none | symmetric, temperature 0.5; both directions are added, twice this loss |
/// | SimCVD, pair-wise distillation (equation 4) | positions of the bottleneck | volumes | temperature 1; mean over the positions, or their sum as in the text |
/// | CVRL, contrast along the batch | positions of all volumes | none | neighbors may be excluded |
/// | CVRL, contrast along the features | channels, each a vector over the positions | none | symmetric, correlation |
///
/// - C. You, Y. Zhou, R. Zhao, L. Staib, J. S. Duncan. SimCVD: Simple Contrastive Voxel-Wise Representation
///   Distillation for Semi-Supervised Medical Image Segmentation. IEEE TMI 41(9), 2022. arXiv 2108.06227.
/// - C. You, R. Zhao, L. H. Staib, J. S. Duncan. Momentum Contrastive Voxel-wise Representation Learning for
///   Semi-supervised Volumetric Medical Image Segmentation. MICCAI 2022. arXiv 2105.07059. Known by its abstract alone;
///   the forms are those of K. Chaitanya et al., NeurIPS 2020, arXiv 2006.10511, and, along the features, of T. Nguyen
///   et al., DimCL, IEEE Access 2023.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::{InfoNceLossConfig, Similarity};
///
/// let device = Device::flex();
/// let same = Tensor::<2>::ones([490, 4], &device); // no key can be told from another: ln 490
/// let loss = InfoNceLossConfig::new().init().forward(same.clone(), same, None);
/// assert!((loss.into_scalar::<f32>() - 490f32.ln()).abs() < 1e-4);
///
/// // Two channels over four positions that do not correlate, alike in both networks: ln(e^10 + 1) - 10.
/// let z = Tensor::<2>::from_floats([[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0]], &device);
/// let config = InfoNceLossConfig::new().with_similarity(Similarity::Correlation).with_symmetric(true);
/// let loss = config.init().forward(z.clone(), z, None);
/// assert!((loss.into_scalar::<f32>() - 4.5e-5).abs() < 1e-5);
/// ```
#[derive(Module, Debug)]
pub struct InfoNceLoss {
    /// Temperature of the softmax over the keys.
    pub temperature: f64,
    /// Similarity of a query and a key.
    #[module(skip)]
    pub similarity: Similarity,
    /// Whether each key is also classified among the queries.
    #[module(skip)]
    pub symmetric: bool,
    /// Mean or sum over the queries.
    #[module(skip)]
    pub reduction: Reduction,
}

impl InfoNceLoss {
    /// The loss, reduced over all queries of all groups.
    ///
    /// # Panics
    ///
    /// Panics if the shapes do not agree.
    pub fn forward<const D: usize>(
        &self,
        queries: Tensor<D>,
        keys: Tensor<D>,
        excluded: Option<Tensor<D, Bool>>,
    ) -> Tensor<1> {
        let format = Format::of(&queries);
        let logits = self.logits(queries, keys, excluded);
        format.narrow(self.losses(logits, |losses| self.reduction.apply(losses)))
    }

    /// The loss of each query; if symmetric, the mean of the query's and its key's.
    ///
    /// # Panics
    ///
    /// Panics if the shapes do not agree.
    pub fn forward_no_reduction<const D: usize>(
        &self,
        queries: Tensor<D>,
        keys: Tensor<D>,
        excluded: Option<Tensor<D, Bool>>,
    ) -> Tensor<D> {
        let format = Format::of(&queries);
        let logits = self.logits(queries, keys, excluded);
        format.narrow(self.losses(logits, |losses| losses))
    }

    /// `S_ij`, far below all others for an excluded pair.
    fn logits<const D: usize>(
        &self,
        queries: Tensor<D>,
        keys: Tensor<D>,
        excluded: Option<Tensor<D, Bool>>,
    ) -> Tensor<D> {
        let (found, wanted) = (keys.dims(), queries.dims());
        assert_eq!(found, wanted, "keys and queries differ in shape");
        let format = Format::of(&queries);
        let keys = format.widen(keys.without_autodiff());
        let [queries, keys] = [format.widen(queries), keys].map(|x| self.similarity.scaled(x));
        let logits = queries.matmul(keys.swap_dims(D - 2, D - 1)) / self.temperature;
        match excluded {
            Some(pairs) => {
                let (found, wanted) = (pairs.dims(), logits.dims());
                assert_eq!(
                    found, wanted,
                    "excluded pairs and all pairs differ in shape"
                );
                exclude(logits, pairs)
            }
            None => logits,
        }
    }

    /// The losses of the rows, reduced; if symmetric, their mean with those of the columns.
    fn losses<const D: usize, const R: usize>(
        &self,
        logits: Tensor<D>,
        reduce: impl Fn(Tensor<D>) -> Tensor<R>,
    ) -> Tensor<R> {
        if !self.symmetric {
            return reduce(classification(logits));
        }
        let columns = logits.clone().swap_dims(D - 2, D - 1);
        (reduce(classification(logits)) + reduce(classification(columns))) / 2.0
    }
}

/// `log Σ_j exp S_ij − S_ii` of logits `[group…, n, n]`: `[group…, n, 1]`.
fn classification<const D: usize>(logits: Tensor<D>) -> Tensor<D> {
    matched(log_softmax(logits, D - 1)).neg()
}

#[cfg(test)]
mod tests;
