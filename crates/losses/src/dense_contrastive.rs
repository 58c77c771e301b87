//! Dense contrast: InfoNCE of the positions of feature maps.

use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use crate::Reduction;
use crate::format::Format;
use crate::similarity::{check_temperature, unit};
use crate::targets::flatten_voxels;

/// The most similar position of the key for each position of the query.
///
/// ```text
/// c(b, i) = argmax_j cos( q_b[i], k_b[j] )
/// ```
///
/// # Shapes
///
/// - query, key: feature maps `[batch, channel, sides…]`, of any sides
/// - result: `[batch, positions of the query]`, positions of the key in row-major order
///
/// # Panics
///
/// Panics if batch or channels differ.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::dense_correspondence;
///
/// let map = Tensor::<4>::from_floats([[[[1.0, 0.0]], [[0.0, 1.0]]]], &Device::flex());
/// let mirrored = map.clone().flip([3]);
/// let found = dense_correspondence(map, mirrored).into_data();
/// assert_eq!(found.iter::<i64>().collect::<Vec<_>>(), [1, 0]);
/// ```
pub fn dense_correspondence<const D: usize>(query: Tensor<D>, key: Tensor<D>) -> Tensor<2, Int> {
    let ([batch, channels, ..], [keys, widths, ..]) = (head(&query), head(&key));
    assert_eq!(
        [keys, widths],
        [batch, channels],
        "query and key differ in batch or channels"
    );
    let format = Format::of(&query);
    let [query, key] = [query, key].map(|map| positions(format.widen(map.detach())));
    let similarity = query.matmul(key.swap_dims(1, 2));
    let [batch, queries, _] = similarity.dims();
    similarity.argmax(2).reshape([batch, queries])
}

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
/// | c | the correspondence, see [`dense_correspondence`] | |
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
    /// # Shapes
    ///
    /// As in [`DenseContrastiveLoss`].
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
    /// # Shapes
    ///
    /// As in [`DenseContrastiveLoss`].
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

/// Batch and channels.
fn head<const D: usize>(map: &Tensor<D>) -> [usize; 2] {
    let dims = map.dims();
    [dims[0], dims[1]]
}

/// Positions of a map as unit vectors: `[batch, channel, sides…]` to `[batch, positions, channel]`.
fn positions<const D: usize>(map: Tensor<D>) -> Tensor<3> {
    unit(flatten_voxels(map).swap_dims(1, 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    const SHAPE: [usize; 4] = [2, 3, 2, 2];

    fn init() -> DenseContrastiveLoss {
        DenseContrastiveLossConfig::new().init()
    }

    /// Position `i` of image `b` of a flat `[b, c, n]` map.
    fn vector(map: &[f64], [_, c, n]: [usize; 3], b: usize, i: usize) -> Vec<f64> {
        (0..c)
            .map(|channel| map[(b * c + channel) * n + i])
            .collect()
    }

    fn nearest(q: &[f64], k: &[f64], shape: [usize; 3], b: usize, i: usize) -> usize {
        let query = vector(q, shape, b, i);
        let to = |j: usize| cosine(&query, &vector(k, shape, b, j));
        (0..shape[2]).fold(0, |best, j| if to(j) > to(best) { j } else { best })
    }

    /// The formula in plain loops; without a queue the negatives are the keys of all other positions.
    fn oracle(
        q: &[f64],
        k: &[f64],
        matched: &[i64],
        queue: Option<&[Vec<f64>]>,
        shape: [usize; 3],
    ) -> f64 {
        let [batch, _, n] = shape;
        let mut total = 0.0;
        for b in 0..batch {
            for i in 0..n {
                let query = vector(q, shape, b, i);
                let s = |key: &[f64]| (cosine(&query, key) / 0.2).exp();
                let target = (b, matched[b * n + i] as usize);
                let positive = s(&vector(k, shape, target.0, target.1));
                let negatives: f64 = match queue {
                    Some(queue) => queue.iter().map(|key| s(key)).sum(),
                    None => (0..batch * n)
                        .map(|row| (row / n, row % n))
                        .filter(|&row| row != target)
                        .map(|(image, j)| s(&vector(k, shape, image, j)))
                        .sum(),
                };
                total -= (positive / (positive + negatives)).ln();
            }
        }
        total / (batch * n) as f64
    }

    fn indices(found: Tensor<2, Int>) -> Vec<i64> {
        found.into_data().iter::<i64>().collect()
    }

    #[test]
    fn correspondence_equals_plain_loops_in_2d_and_3d() {
        let (q, k) = (floats(48, 1), floats(48, 2));
        let shape = [2, 3, 8];
        let expected: Vec<i64> = (0..16)
            .map(|row| nearest(&q, &k, shape, row / 8, row % 8) as i64)
            .collect();
        let flat = dense_correspondence(tensor([2, 3, 4, 2], &q), tensor([2, 3, 4, 2], &k));
        let sides = [2, 3, 2, 2, 2];
        let deep = dense_correspondence(tensor(sides, &q), tensor(sides, &k));
        assert_eq!(indices(flat), expected);
        assert_eq!(indices(deep), expected);
    }

    #[test]
    fn a_map_corresponds_to_itself_at_any_length() {
        let map = random([2, 5, 3, 3], 3);
        let found = indices(dense_correspondence(map.clone(), map * 7.0));
        assert_eq!(found, [0, 1, 2, 3, 4, 5, 6, 7, 8].repeat(2));
    }

    #[test]
    fn equals_plain_loops_with_and_without_a_queue() {
        let (q, k, rows) = (floats(24, 1), floats(24, 2), floats(15, 3));
        let (matched, shape) = (labels([8], 0, 4, 4), [2, 3, 4]);
        let run = |queue: Option<Tensor<2>>| {
            let (q, k) = (tensor(SHAPE, &q), tensor(SHAPE, &k));
            scalar(init().forward(q, k, ints([2, 4], &matched), queue))
        };
        let queue: Vec<Vec<f64>> = rows.chunks(3).map(<[f64]>::to_vec).collect();
        let found = run(Some(tensor([5, 3], &rows)));
        assert_near(found, oracle(&q, &k, &matched, Some(&queue), shape), 1e-12);
        assert_near(run(None), oracle(&q, &k, &matched, None, shape), 1e-12);
    }

    #[test]
    fn equal_cosines_give_the_logarithm_of_all_candidates() {
        let same = tensor([2, 3, 2, 2], &[0.7; 24]);
        let matched = || ints([2, 4], &[0; 8]);
        let queue = tensor([16, 3], &[0.2; 48]);
        let found = init().forward(same.clone(), same.clone(), matched(), Some(queue));
        assert_near(scalar(found), 17f64.ln(), 1e-12);
        let found = init().forward(same.clone(), same, matched(), None);
        assert_near(scalar(found), 8f64.ln(), 1e-12);
    }

    #[test]
    fn gradient_reaches_the_queries_alone() {
        let (q, k, rows) = (random(SHAPE, 5), random(SHAPE, 6), random([5, 3], 7));
        let matched = || ints([2, 4], &labels([8], 0, 4, 8));
        for queue in [Some(rows.clone()), None] {
            let run = |q, k| init().forward(q, k, matched(), queue.clone());
            assert_gradient(q.clone(), |q| run(q, k.clone()));
            assert_stopped(k.clone(), |k| run(q.clone(), k));
        }
        assert_stopped(rows, |rows| {
            init().forward(q.clone(), k.clone(), matched(), Some(rows))
        });
    }

    #[test]
    fn order_of_the_keys_and_of_the_queue_is_immaterial() {
        let (q, k, rows) = (random(SHAPE, 9), random(SHAPE, 10), random([5, 3], 11));
        let run = |k: Tensor<4>, queue| {
            let matched = dense_correspondence(q.clone(), k.clone());
            scalar(init().forward(q.clone(), k, matched, queue))
        };
        let moved = k.clone().flip([2, 3]);
        let expected = run(k.clone(), Some(rows.clone()));
        assert_near(run(moved.clone(), Some(rows.flip([0]))), expected, 1e-12);
        assert_near(run(moved, None), run(k, None), 1e-12);
    }

    #[test]
    fn length_is_immaterial() {
        let (q, k, rows) = (random(SHAPE, 12), random(SHAPE, 13), random([5, 3], 14));
        let matched = || ints([2, 4], &labels([8], 0, 4, 15));
        let expected = init().forward(q.clone(), k.clone(), matched(), Some(rows.clone()));
        let found = init().forward(q * 3.0, k * 0.1, matched(), Some(rows * 9.0));
        assert_near(scalar(found), scalar(expected), 1e-12);
    }

    #[test]
    fn an_empty_queue_and_a_single_position_cost_nothing() {
        let one = random([1, 3, 1, 1], 16);
        let other = random([1, 3, 1, 1], 17);
        let matched = || ints([1, 1], &[0]);
        let alone = init().forward(one.clone(), other.clone(), matched(), None);
        assert_near(scalar(alone), 0.0, 1e-12);
        let empty = random([1, 3], 18).slice([0..0, 0..3]);
        let found = init().forward(one, other, matched(), Some(empty));
        assert_near(scalar(found), 0.0, 1e-12);
    }

    #[test]
    #[should_panic(expected = "expected one correspondence per query")]
    fn shapes_must_agree() {
        let map = random(SHAPE, 1);
        init().forward(map.clone(), map, ints([2, 3], &[0; 6]), None);
    }
}
