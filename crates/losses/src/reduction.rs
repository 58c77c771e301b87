//! Reduction of unreduced losses to a scalar.

use burn::prelude::*;
use burn::serde::{Deserialize, Serialize};
use semivox_kernels::total;

/// Reduction of a loss's terms to a scalar.
///
/// As in PyTorch, except that the unreduced form (`"none"` there) is a method of its own, `forward_no_reduction`,
/// since its result has another shape.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::{EntropyLossConfig, Reduction};
///
/// let undecided = Tensor::<4>::zeros([1, 3, 2, 2], &Device::flex());
/// let loss = EntropyLossConfig::new().with_reduction(Reduction::Sum).init();
/// assert!((loss.forward(undecided.clone()).into_scalar::<f32>() - 4.0).abs() < 1e-5); // 1 at each of 4 pixels
/// assert_eq!(loss.forward_no_reduction(undecided).dims(), [1, 1, 2, 2]);
/// ```
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde", rename_all = "snake_case")]
pub enum Reduction {
    /// The mean of all terms.
    #[default]
    Mean,
    /// The sum of all terms.
    Sum,
}

/// Returns the mean of all elements, in an order of additions that threads do not change.
pub(crate) fn mean<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    let count = x.dims().iter().product::<usize>();
    total(x) / count as f64
}

impl Reduction {
    /// The mean or the sum of all elements.
    pub(crate) fn apply<const D: usize>(self, losses: Tensor<D>) -> Tensor<1> {
        match self {
            Self::Mean => mean(losses),
            Self::Sum => total(losses),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::*;
    use Reduction::{Mean, Sum};

    /// Mean and sum are those of the terms, and the last item's terms are those that it has alone.
    #[track_caller]
    fn check<const D: usize, const R: usize>(
        inputs: [Tensor<D>; 2],
        shape: [usize; R],
        each: impl Fn([Tensor<D>; 2]) -> Tensor<R>,
        reduced: impl Fn([Tensor<D>; 2], Reduction) -> Tensor<1>,
    ) {
        let terms = each(inputs.clone());
        assert_eq!(terms.dims(), shape);
        let (last, terms) = (shape[0] - 1, values(terms));
        let sum: f64 = terms.iter().sum();
        assert_near(scalar(reduced(inputs.clone(), Sum)), sum, 1e-10);
        let mean = sum / terms.len() as f64;
        assert_near(scalar(reduced(inputs.clone(), Mean)), mean, 1e-10);
        let alone = values(each(inputs.map(|input| input.narrow(0, last, 1))));
        let tail = &terms[last * alone.len()..];
        for (found, expected) in alone.iter().zip(tail) {
            assert_near(*found, *expected, 1e-10);
        }
    }

    fn pair<const D: usize>(shape: [usize; D]) -> [Tensor<D>; 2] {
        [random(shape, 1), random(shape, 2)]
    }

    #[test]
    fn losses_of_voxels() {
        let (shape, one) = ([2, 3, 4, 2], [2, 1, 4, 2]);
        let labels = |x: &Tensor<4>| x.clone().narrow(1, 0, 1).greater_elem(0.0).int();
        let config = CrossEntropyLossConfig::new();
        let each = |[x, y]: [Tensor<4>; 2]| config.init().forward_no_reduction(x, labels(&y));
        check(pair(shape), one, each, |[x, y], r| {
            config
                .clone()
                .with_reduction(r)
                .init()
                .forward(x, labels(&y))
        });
        let config = ConsistencyLossConfig::new();
        let each = |[s, t]: [Tensor<4>; 2]| config.init().forward_no_reduction(s, t);
        check(pair(shape), shape, each, |[s, t], r| {
            config.clone().with_reduction(r).init().forward(s, t)
        });
        let config = SignedDistanceLossConfig::new();
        let each = |[p, t]: [Tensor<4>; 2]| config.init().forward_no_reduction(p, t);
        check(pair(shape), shape, each, |[p, t], r| {
            config.clone().with_reduction(r).init().forward(p, t)
        });
    }

    #[test]
    fn losses_without_labels() {
        let shape = [2, 3, 4, 2];
        let config = EntropyLossConfig::new();
        let each = |[x, _]: [Tensor<4>; 2]| config.init().forward_no_reduction(x);
        check(pair(shape), [2, 1, 4, 2], each, |[x, _], r| {
            config.clone().with_reduction(r).init().forward(x)
        });
        let config = DualTaskConsistencyLossConfig::new().with_steepness(1.5);
        let maps = |z: Tensor<4>| z.narrow(1, 0, 2);
        let each = |[y, z]: [Tensor<4>; 2]| config.init().forward_no_reduction(y, maps(z));
        check(pair(shape), [2, 2, 4, 2], each, |[y, z], r| {
            config.clone().with_reduction(r).init().forward(y, maps(z))
        });
    }

    #[test]
    fn contrastive_losses() {
        let config = InfoNceLossConfig::new().with_symmetric(true);
        let each = |[q, k]: [Tensor<3>; 2]| config.init().forward_no_reduction(q, k, None);
        check(pair([2, 5, 4]), [2, 5, 1], each, |[q, k], r| {
            config.clone().with_reduction(r).init().forward(q, k, None)
        });
        let config = NtXentLossConfig::new();
        let each = |[u, v]: [Tensor<3>; 2]| config.init().forward_no_reduction(u, v);
        check(pair([2, 5, 4]), [2, 5, 1], each, |[u, v], r| {
            config.clone().with_reduction(r).init().forward(u, v)
        });
        let config = DenseContrastiveLossConfig::new();
        let queue = || Some(random([6, 3], 3));
        let each = |[q, k]: [Tensor<4>; 2]| {
            let matched = dense_correspondence(q.clone(), k.clone());
            config.init().forward_no_reduction(q, k, matched, queue())
        };
        check(pair([2, 3, 2, 2]), [2, 4], each, |[q, k], r| {
            let matched = dense_correspondence(q.clone(), k.clone());
            config
                .clone()
                .with_reduction(r)
                .init()
                .forward(q, k, matched, queue())
        });
    }

    #[test]
    fn losses_with_a_memory_bank() {
        let config = GlobalDistillationLossConfig::new();
        let anchors = random([6, 4], 3);
        let each =
            |[s, t]: [Tensor<2>; 2]| config.init().forward_no_reduction(s, t, anchors.clone());
        check(pair([3, 4]), [3, 1], each, |[s, t], r| {
            config
                .clone()
                .with_reduction(r)
                .init()
                .forward(s, t, anchors.clone())
        });
        let config = AdaptiveContrastiveLossConfig::new();
        let input = |[features, teacher]: [Tensor<2>; 2]| AdaptiveContrastiveInput {
            labels: teacher
                .clone()
                .narrow(1, 0, 1)
                .greater_elem(0.0)
                .int()
                .flatten(0, 1),
            features,
            teacher,
            queue: random([6, 3], 3),
            queue_labels: ints([6], &[0, 1, 1, -1, 0, 0]),
            centers: random([2, 3], 4),
        };
        let each = |x: [Tensor<2>; 2]| config.init().forward_no_reduction(input(x));
        check(pair([4, 3]), [4, 1], each, |x, r| {
            config.clone().with_reduction(r).init().forward(input(x))
        });
    }

    /// The classes of the Dice loss; without the background they are the others.
    #[test]
    fn dice_of_classes() {
        let (x, y) = (random([2, 3, 4], 1), ints([2, 1, 4], &labels([8], 0, 3, 2)));
        let config = DiceLossConfig::new();
        let each = |background| {
            let loss = config.clone().with_include_background(background).init();
            values(loss.forward_no_reduction(x.clone(), y.clone()))
        };
        let classes = each(true);
        assert_eq!((classes.len(), &each(false)[..]), (3, &classes[1..]));
        let sum: f64 = classes.iter().sum();
        for (reduction, expected) in [(Sum, sum), (Mean, sum / 3.0)] {
            let loss = config.clone().with_reduction(reduction).init();
            assert_near(scalar(loss.forward(x.clone(), y.clone())), expected, 1e-12);
        }
    }

    #[test]
    fn ignored_voxels_count_neither_in_the_mean_nor_in_the_sum() {
        let logits = random([1, 2, 3], 1);
        let config = CrossEntropyLossConfig::new().with_ignore_label(Some(-1));
        let labels = || ints([1, 1, 3], &[1, -1, 0]);
        let run = |r| {
            scalar(
                config
                    .clone()
                    .with_reduction(r)
                    .init()
                    .forward(logits.clone(), labels()),
            )
        };
        assert_near(run(Sum), 2.0 * run(Mean), 1e-12);
    }
}
