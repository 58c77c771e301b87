//! Virtual adversarial perturbations: small changes of images that change a network's predictions most.
//!
//! T. Miyato, S. Maeda, M. Koyama, S. Ishii, "Virtual Adversarial Training: A Regularization Method for Supervised and
//! Semi-Supervised Learning", IEEE TPAMI 2019, arXiv 1704.03976.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::prelude::*;
use rand::{Rng, RngExt};
use semivox_losses::DiceConsistencyLoss;
use semivox_models::Network;

use crate::ema::teacher_of;

/// Added to the length of a vector before it is divided by it: a zero vector stays one.
const SHORTEST: f64 = 1e-8;

/// Settings of the search for adversarial perturbations.
///
/// ```text
/// d ← U(−½, ½) / ‖·‖;   k times:  d ← ∇_d D(p(x + ξ·d), p(x)) / ‖·‖;   r = ε·d
/// ```
///
/// `‖·‖` is the Euclidean norm of all voxels of a patch together.
#[derive(Debug, Clone)]
pub(crate) struct Adversary {
    /// `D`, the distance of two predictions.
    pub(crate) distance: DiceConsistencyLoss,
    /// `ξ`, the length of the perturbation at which the gradient is taken.
    pub(crate) probe: f64,
    /// `ε`, the length of the result.
    pub(crate) magnitude: f64,
    /// `k`, the number of times that the direction is replaced by the gradient.
    pub(crate) iterations: usize,
}

impl Adversary {
    /// Computes the perturbation of each patch, for a network whose logits for the images are `clean`.
    ///
    /// Nothing remains of the passes: they record no graph of the network's parameters, and its running statistics stay
    /// as they are.
    pub(crate) fn perturbation(
        &self,
        network: &Network,
        images: &Tensor<5>,
        clean: &Tensor<5>,
        rng: &mut impl Rng,
    ) -> Tensor<5> {
        let fixed = teacher_of(network);
        let start = unit_patches(random_like(images, rng));
        let direction = (0..self.iterations).fold(start, |direction, _| {
            let direction = direction.require_grad();
            let probed = images.clone() + direction.clone() * self.probe;
            let logits = fixed.forward(probed).logits;
            let gradients = self.distance.forward(logits, clean.clone()).backward();
            match direction.grad(&gradients) {
                Some(gradient) => unit_patches(Tensor::from_inner(gradient)),
                None => direction.detach(),
            }
        });
        direction * self.magnitude
    }
}

/// Draws numbers between −½ and ½.
fn random_like(images: &Tensor<5>, rng: &mut impl Rng) -> Tensor<5> {
    let shape = images.dims();
    let count = shape.iter().product();
    let drawn: Vec<f32> = (0..count).map(|_| rng.random_range(-0.5..0.5)).collect();
    Tensor::from_data(TensorData::new(drawn, shape), &images.device())
}

/// Scales all voxels of each patch together to length 1.
fn unit_patches(patches: Tensor<5>) -> Tensor<5> {
    let shape = patches.dims();
    let voxels = shape[1..].iter().product();
    unit_rows(patches.reshape([shape[0], voxels])).reshape(shape)
}

/// Scales each row to length 1.
pub(crate) fn unit_rows(rows: Tensor<2>) -> Tensor<2> {
    let length = rows.clone().square().sum_dim(1).sqrt();
    rows / (length + SHORTEST)
}

/// Returns a copy that shares the trainable parameters, whose gradients it contributes to, but has running statistics of
/// its own, which start with the module's values.
///
/// Its passes leave no trace in the batch norm of the module.
pub(crate) fn with_own_statistics<M: Module>(module: &M) -> M {
    let mut shared = Shared(GradientsParams::new());
    module.visit(&mut shared);
    teacher_of(module).map(&mut shared)
}

/// Trainable parameters by id, with their place in the autodiff graph.
struct Shared(GradientsParams);

impl ModuleVisitor for Shared {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            self.0.register(param.id, param.val());
        }
    }
}

impl ModuleMapper for Shared {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.0.remove::<D>(param.id) {
            Some(value) => Param::initialized(param.id, value),
            None => param,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{buffers, context};
    use burn::nn::{BatchNorm, BatchNormConfig};
    use semivox_data::rng::keyed;
    use semivox_losses::{DiceConsistencyLossConfig, DiceForm};
    use semivox_models::NetworkConfig;

    fn adversary(iterations: usize) -> Adversary {
        let distance = DiceConsistencyLossConfig::new().with_form(DiceForm::PerClass);
        Adversary {
            distance: distance.init(),
            probe: 1.0,
            magnitude: 2.0,
            iterations,
        }
    }

    fn rng() -> impl Rng {
        keyed(1, 0, "start")
    }

    fn network() -> (Network, Tensor<5>) {
        let network = NetworkConfig::new(1, 3).with_filters(2).with_dropout(0.0);
        let context = context(network, [32; 3]);
        let images = Tensor::zeros([2, 1, 32, 32, 32], &context.device);
        let images = random_like(&images, &mut keyed(1, 0, "images")) * 4.0;
        (context.student(), images)
    }

    #[test]
    fn perturbations_have_their_length_and_belong_to_no_graph() {
        let (network, images) = network();
        let clean = network.forward(images.clone()).logits.detach();
        for iterations in [0, 1, 2] {
            let r = adversary(iterations).perturbation(&network, &images, &clean, &mut rng());
            assert!(!r.is_tracked());
            let lengths = r.square().sum_dims(&[1, 2, 3, 4]).sqrt();
            for length in lengths.into_data().iter::<f32>() {
                assert!((length - 2.0).abs() < 1e-4, "{length}");
            }
        }
    }

    /// The direction is that of steepest ascent: the slope of the distance along it is the largest.
    #[test]
    fn the_direction_is_the_gradient_of_the_distance() {
        let (network, images) = network();
        let clean = network.forward(images.clone()).logits.detach();
        let other = clean.clone().flip([0]) * 2.0; // so that the distance has a slope at 0
        let adversary = Adversary {
            probe: 1e-3,
            magnitude: 1.0,
            ..adversary(1)
        };
        let direction = adversary.perturbation(&network, &images, &other, &mut rng());
        let fixed = teacher_of(&network);
        let leaf = images.clone().require_grad();
        let distance = |x: Tensor<5>| {
            let logits = fixed.forward(x).logits;
            adversary.distance.forward(logits, other.clone())
        };
        let gradient = leaf.grad(&distance(leaf.clone()).backward()).unwrap();
        let gradient = unit_patches(Tensor::from_inner(gradient));
        let cosines = (gradient * direction).sum_dims(&[1, 2, 3, 4]);
        for cosine in cosines.into_data().iter::<f32>() {
            assert!(cosine > 0.95, "{cosine}");
        }
    }

    #[test]
    fn passes_leave_running_statistics_and_gradients_of_the_network_alone() {
        let (network, images) = network();
        let clean = network.forward(images.clone()).logits.detach();
        let before = buffers(&network);
        assert!(!before.is_empty());
        adversary(2).perturbation(&network, &images, &clean, &mut rng());
        with_own_statistics(&network).forward(images.clone() * 3.0);
        assert_eq!(buffers(&network), before);
        network.forward(images);
        assert_ne!(buffers(&network), before);
    }

    #[test]
    fn a_copy_with_own_statistics_contributes_to_the_gradients() {
        let device = crate::testing::device();
        let norm: BatchNorm = BatchNormConfig::new(1).init(&device);
        let input = Tensor::<2>::from_floats([[1.0], [3.0]], &device);
        let copy = with_own_statistics(&norm);
        let both = norm.forward(input.clone()) + copy.forward(input * 5.0) * 2.0;
        let weights = Tensor::<2>::from_floats([[0.0], [1.0]], &device);
        let gradients = (both * weights).sum().backward();
        let gradients = GradientsParams::from_grads(gradients, &norm);
        let of = |id| gradients.get::<1>(id).unwrap().into_scalar::<f32>();
        assert!((of(norm.gamma.id) - 3.0).abs() < 1e-4); // 1 and twice 1
        assert!((of(norm.beta.id) - 3.0).abs() < 1e-6);
    }

    #[test]
    fn a_zero_vector_stays_zero() {
        let rows = Tensor::<2>::from_floats([[0.0, 0.0], [3.0, 4.0]], &Device::flex());
        let found = unit_rows(rows).into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(found[..2], [0.0, 0.0]);
        assert!((found[2] - 0.6).abs() < 1e-6 && (found[3] - 0.8).abs() < 1e-6);
    }
}
