//! Dense contrast: InfoNCE of the positions of feature maps.

use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use crate::Reduction;
use crate::dense_correspondence::positions;
use crate::format::Format;
use crate::similarity::{check_temperature, unit};

/// Configuration of [`DenseContrastiveLoss`].
#[derive(Config, Debug)]
pub struct DenseContrastiveLossConfig {
    /// Temperature of the softmax over the keys.
    #[config(default = 0.2)]
    pub temperature: f64,
    /// Mean or sum over the positions of all queries.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
}

impl DenseContrastiveLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if the temperature is not positive and finite.
    pub fn init(&self) -> DenseContrastiveLoss {
        check_temperature("temperature", self.temperature);
        DenseContrastiveLoss {
            temperature: self.temperature,
            reduction: self.reduction,
        }
    }
}

/// Dense contrastive loss (DenseCL): InfoNCE of feature-map positions, whose positive is the corresponding position of the
/// key.
///
/// ```text
/// S(q, k) = cos(q, k) / tau
/// L       = mean over (b, i) of -log [ exp S(q_b[i], k_b[c(b,i)]) / ( exp S(q_b[i], k_b[c(b,i)]) + Σ_n exp S(q_b[i], n) ) ]
/// ```
///
/// | symbol | meaning | default |
/// |---|---|---|
/// | q, k | the query's and the key's embedding of a position | |
/// | c | the correspondence, see [`dense_correspondence`](crate::dense_correspondence()) | |
/// | n | the rows of a queue; without a queue all other positions of all keys of the batch | |
/// | tau | `temperature` | 0.2 |
///
/// # Shapes
///
/// - queries, keys: embeddings `[batch, channel, sides…]`
/// - correspondence: `[batch, positions]`
/// - queue: `[entries, channel]`, possibly without entries
/// - result of `forward`: `[1]`; of `forward_no_reduction`: `[batch, positions]`
///
/// # Notes
///
/// Keys and queue are constants: no gradient reaches them. An empty queue has no negatives: the loss is 0.
///
/// # References
///
/// - X. Wang, R. Zhang, C. Shen, T. Kong, L. Li. Dense Contrastive Learning for Self-Supervised Visual Pre-Training.
///   CVPR 2021. arXiv 2011.09157. Equation 2.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::{DenseContrastiveLossConfig, dense_correspondence};
///
/// let device = Device::flex();
/// let same = Tensor::<4>::ones([1, 3, 2, 2], &device); // no position can be told from a negative: ln(1 + 7)
/// let matched = dense_correspondence(same.clone(), same.clone());
/// let queue = Tensor::<2>::ones([7, 3], &device);
/// let loss = DenseContrastiveLossConfig::new().init();
/// let value = loss.forward(same.clone(), same, matched, Some(queue)).into_scalar::<f32>();
/// assert!((value - 8f32.ln()).abs() < 1e-5);
/// ```
#[derive(Module, Debug)]
pub struct DenseContrastiveLoss {
    /// Temperature of the softmax over the keys.
    pub temperature: f64,
    /// Mean or sum over the positions of all queries.
    #[module(skip)]
    pub reduction: Reduction,
}

impl DenseContrastiveLoss {
    /// The loss, reduced over all positions.
    ///
    /// # Panics
    ///
    /// Panics if the shapes do not agree.
    pub fn forward<const D: usize>(
        &self,
        queries: Tensor<D>,
        keys: Tensor<D>,
        correspondence: Tensor<2, Int>,
        queue: Option<Tensor<2>>,
    ) -> Tensor<1> {
        let format = Format::of(&queries);
        let log_probability = self.log_probability(queries, keys, correspondence, queue);
        format.narrow(self.reduction.apply(log_probability).neg())
    }

    /// The loss of each position.
    ///
    /// # Panics
    ///
    /// Panics if the shapes do not agree.
    pub fn forward_no_reduction<const D: usize>(
        &self,
        queries: Tensor<D>,
        keys: Tensor<D>,
        correspondence: Tensor<2, Int>,
        queue: Option<Tensor<2>>,
    ) -> Tensor<2> {
        let (format, shape) = (Format::of(&queries), correspondence.dims());
        let log_probability = self.log_probability(queries, keys, correspondence, queue);
        format.narrow(log_probability.reshape(shape).neg())
    }

    /// `log p` of each position's positive, `[batch · positions, 1]`.
    fn log_probability<const D: usize>(
        &self,
        queries: Tensor<D>,
        keys: Tensor<D>,
        correspondence: Tensor<2, Int>,
        queue: Option<Tensor<2>>,
    ) -> Tensor<2> {
        let format = Format::of(&queries);
        let queries = positions(format.widen(queries)); // [batch, positions, channel]
        let keys = positions(format.widen(keys.detach()));
        let ([batch, count, channels], [_, key_count, _]) = (queries.dims(), keys.dims());
        assert_eq!(keys.dims()[0], batch, "queries and keys differ in batch");
        assert_eq!(
            correspondence.dims(),
            [batch, count],
            "expected one correspondence per query"
        );
        let positive = rows_of_batch(correspondence, key_count);
        let queries = queries.reshape([batch * count, channels]);
        let keys = keys.reshape([batch * key_count, channels]);
        match queue {
            Some(queue) => {
                let queue = format.widen(queue.detach());
                self.among_queue(queries, keys.select(0, positive), queue)
            }
            None => {
                let similarity = queries.matmul(keys.transpose()) / self.temperature;
                let rows = positive.reshape([batch * count, 1]);
                log_softmax(similarity, 1).gather(1, rows)
            }
        }
    }

    /// `log p` of each positive against the queue's rows, `[queries, 1]`.
    fn among_queue(&self, queries: Tensor<2>, positives: Tensor<2>, queue: Tensor<2>) -> Tensor<2> {
        let near = (queries.clone() * positives).sum_dim(1); // [queries, 1]
        let similarity = match queue.dims()[0] {
            0 => near,
            _ => Tensor::cat(vec![near, queries.matmul(unit(queue).transpose())], 1),
        };
        log_softmax(similarity / self.temperature, 1).narrow(1, 0, 1)
    }
}

/// Positions `[batch, positions]` of one key each as rows of the keys of the whole batch, `[batch · positions]`.
fn rows_of_batch(correspondence: Tensor<2, Int>, key_count: usize) -> Tensor<1, Int> {
    let [batch, count] = correspondence.dims();
    let first = Tensor::<1, Int>::arange(0..batch as i64, &correspondence.device());
    let first = first.mul_scalar(key_count as i64).reshape([batch, 1]);
    (correspondence + first).reshape([batch * count])
}

#[cfg(test)]
mod tests;
