//! URPC: uncertainty rectified pyramid consistency between the predictions of one network at several scales.
//!
//! X. Luo et al., "Efficient Semi-supervised Gross Target Volume of Nasopharyngeal Carcinoma Segmentation via
//! Uncertainty Rectified Pyramid Consistency", MICCAI 2021, arXiv 2012.07042.
//!
//! ```text
//! L     = (1/S) Σ_s ½ (L_ce + L_dice)(p_s) + λ(t)·L_con
//! L_con = (1/S) Σ_s [ Σ_v w_s ‖p_s − p̄‖² / Σ_v w_s + mean D_s ]        unlabeled
//! p̄     = (1/S) Σ_s p_s,   D_s = KL(p_s ‖ p̄),   w_s = exp(−D_s)
//! λ(t)  = λ · exp(−5 (1 − t/T)²)
//! ```
//!
//! # Deviations
//!
//! | item | paper | public code | here |
//! |---|---|---|---|
//! | scales | S = 4 | four heads on the decoder of a 3D U-Net | the network's own output, and heads at 1/2, 1/4 and 1/8 |
//! | heads | – | 1×1×1 convolution, trilinear upsampling without aligned corners; 2D: 3×3, nearest neighbor | those for volumes; `align_corners` |
//! | input of the heads | – | outputs of the decoder's blocks | U-Net: same; V-Net: inputs of the blocks (upsampled map + skip) |
//! | perturbation, volumes | – | channels dropped at 0.5, 0.3, 0.2 and 0.1, from 1/8 to full resolution, before the heads and the decoder's next block | same before the heads, the next block reads the whole map; `dropout` |
//! | perturbation, slices | – | 1/8: values dropped at 0.5; 1/4: voxels of the highest activation dropped; 1/2: factors of 0.7 to 1.3; none of the main output | channels dropped at 0.5, 0.3 and 0.2 as in volumes; none of the main output |
//! | other dropout | – | 3D: none; 2D: in the encoder | V-Net: of the bottleneck; U-Net: in the encoder; `network.dropout` |
//! | `D_s` | `KL(p_s ‖ p̄)` | `KL(p̄ ‖ p_s)` | the paper's |
//! | `‖p_s − p̄‖²` | sum over the classes | mean over the classes | the paper's |
//! | gradient | through `p̄` and `w_s` | same | same |
//! | `λ`, ramp | 0.1, over the whole run | same | same; `consistency_weight` |
//! | schedule | – | SGD, rate times (1 − t/T)^0.9 from 0.1, 60,000 iterations; 2D: from 0.01, 30,000 iterations | from 0.01 for both |
//! | inference | – | finest scale | the network's own output, the finest scale |

use burn::prelude::*;
use semivox_losses::{DiceCrossEntropyLoss, PyramidConsistencyLoss, PyramidConsistencyLossConfig};
use semivox_models::{Architecture, NetworkConfig, PyramidHeads, PyramidHeadsConfig};
use serde::{Deserialize, Serialize};

use super::supervised::supervised_loss;
use crate::batch::{Batch, split};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, expect, expect_both_kinds, expect_weight, one_stage_settings,
};
use crate::optimizer::{Optimizer, OptimizerConfig};
use crate::plan::StagePlan;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::LossTerms;
use crate::with_heads::WithHeads;

/// Settings of [`Urpc`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UrpcConfig {
    /// Total number of iterations.
    pub iterations: u64,
    /// Labeled and unlabeled patches per batch.
    pub batch: [usize; 2],
    /// Optimizer and learning rate schedule.
    pub optimizer: OptimizerConfig,
    /// `λ`, the weight of the consistency at the end of its ramp-up.
    pub consistency_weight: f64,
    /// Whether coarse predictions are resized with aligned corner voxels, as with `align_corners=True` in PyTorch.
    pub align_corners: bool,
    /// Probability of dropping a channel before the outputs at 1/8, 1/4, 1/2 and full resolution; a U-Net drops none
    /// before the last.
    pub dropout: [f64; 4],
}

impl UrpcConfig {
    /// Returns the paper's settings for a run of `iterations`, with the rate of its code for slices.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations,
            batch: [2, 2],
            optimizer: OptimizerConfig::default(),
            consistency_weight: 0.1,
            align_corners: false,
            dropout: [0.5, 0.3, 0.2, 0.1],
        }
    }

    /// Returns the network whose own output is perturbed as the finest scale is.
    fn perturbed(&self, network: NetworkConfig) -> NetworkConfig {
        let [.., finest] = self.dropout;
        network.with_output_dropout(Some(finest))
    }
}

impl MethodSettings for UrpcConfig {
    one_stage_settings!();

    fn check(&self, _patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_weight("consistency_weight", self.consistency_weight)?;
        expect_both_kinds("batch", self.batch)?;
        let possible = self.dropout.iter().all(|p| (0.0..1.0).contains(p));
        let found = format!("{:?}", self.dropout);
        expect(possible, "dropout", "0 or more and below 1", found)
    }

    fn method(&self, mut context: MethodContext) -> Result<Method, MethodError> {
        context.network = self.perturbed(context.network);
        let stage = Urpc::new(self.clone(), context.network.architecture);
        Ok(Method::new(context).with_stage(stage))
    }
}

/// The only stage of URPC.
pub struct Urpc {
    config: UrpcConfig,
    architecture: Architecture,
    supervised: DiceCrossEntropyLoss,
    consistency: PyramidConsistencyLoss,
}

impl Urpc {
    /// Creates the stage with these settings.
    pub fn new(config: UrpcConfig, architecture: Architecture) -> Self {
        Self {
            config,
            architecture,
            supervised: supervised_loss(),
            consistency: PyramidConsistencyLossConfig::new().init(),
        }
    }

    /// Computes the logits of all scales at full resolution, those of the network first.
    fn scales(&self, networks: &WithHeads<PyramidHeads>, images: Tensor<5>) -> Vec<Tensor<5>> {
        let output = networks.network.forward(images);
        let [_, _, size @ ..] = output.logits.dims();
        let coarse = &output.features[self.architecture.coarse_features()];
        let mut scales = vec![output.logits];
        scales.extend(networks.heads.forward(coarse, size));
        scales
    }

    /// Computes `½ (L_ce + L_dice)(p_s)` of each scale, and the mean over all scales.
    fn supervised(
        &self,
        scales: Vec<Tensor<5>>,
        labels: &Tensor<5, Int>,
    ) -> (Vec<Tensor<1>>, Tensor<1>) {
        let of_scale = |scale| self.supervised.forward(scale, labels.clone());
        let of_scales: Vec<Tensor<1>> = scales.into_iter().map(of_scale).collect();
        let mean = Tensor::cat(of_scales.clone(), 0).mean();
        (of_scales, mean)
    }
}

impl Stage for Urpc {
    type State = WithHeads<PyramidHeads>;

    fn plan(&self) -> StagePlan {
        StagePlan::weak("urpc", self.config.iterations, self.config.batch)
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(
        &self,
        networks: Handover,
        context: &MethodContext,
    ) -> Result<Self::State, MethodError> {
        let channels = context.network.feature_channels();
        let channels = channels[self.architecture.coarse_features()].to_vec();
        let [coarse @ .., _] = self.config.dropout;
        let heads = PyramidHeadsConfig::new(channels, context.network.classes)
            .with_align_corners(self.config.align_corners)
            .with_dropout(coarse.to_vec());
        Ok(WithHeads {
            network: networks.student,
            heads: context.drawn(|device| heads.init(device)),
        })
    }

    fn terms(
        &self,
        networks: &mut Self::State,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let labels = batch.labeled.labels.clone();
        let [images, _] = batch.views();
        let scales = self.scales(networks, images).into_iter();
        let parts = scales.map(|scale| split(scale, self.config.batch).into());
        let (labeled, unlabeled): (Vec<_>, Vec<_>) = parts.unzip();

        let (of_scales, supervised) = self.supervised(labeled, &labels);
        let consistency = self.consistency.forward(&unlabeled);
        let weight = self.config.consistency_weight * at.ramp();
        // The finest scale, which is used at test time, is also logged alone, as the mean may hide that it learns less.
        Ok(LossTerms::new()
            .with("supervised", 1.0, supervised)
            .with("finest", 0.0, of_scales[0].clone().detach())
            .with("consistency", weight, consistency))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::method::Running;
    use crate::testing::{begun, context};
    use burn::tensor::Distribution;

    fn stage(architecture: Architecture) -> Running<Urpc> {
        let network = NetworkConfig::new(1, 3).with_filters(1);
        let context = context(network.with_architecture(architecture), [16; 3]);
        begun(Urpc::new(UrpcConfig::new(10), architecture), &context)
    }

    #[test]
    fn four_scales_at_full_resolution_in_volumes_and_slices() {
        let device = crate::testing::device();
        for (architecture, [d, h, w]) in [
            (Architecture::VNet, [16, 16, 32]),
            (Architecture::UNet, [16, 32, 1]),
        ] {
            let images = Tensor::random([2, 1, d, h, w], Distribution::Default, &device);
            let running = stage(architecture);
            let scales = running.stage.scales(running.state(), images);
            let shapes: Vec<[usize; 5]> = scales.iter().map(|s| s.dims()).collect();
            assert_eq!(shapes, [[2, 3, d, h, w]; 4]);
        }
    }

    /// Returns which of the scales, from 1/8 to full resolution, differ between two passes.
    fn perturbed_scales(architecture: Architecture, dropout: [f64; 4]) -> Vec<bool> {
        let config = UrpcConfig {
            dropout,
            ..UrpcConfig::new(10)
        };
        let network = NetworkConfig::new(1, 3)
            .with_filters(8)
            .with_dropout(0.0)
            .with_architecture(architecture);
        let context = context(config.perturbed(network), [16; 3]);
        let running = begun(Urpc::new(config, architecture), &context);
        let sides = match architecture {
            Architecture::UNet => [2, 1, 32, 32, 1],
            _ => [2, 1, 32, 32, 16],
        };
        let images = Tensor::random(sides, Distribution::Default, &context.device);
        let pass = || running.stage.scales(running.state(), images.clone());
        let differ = |(a, b): (Tensor<5>, Tensor<5>)| {
            let off = (a - b).abs().max().into_scalar::<f32>();
            off > 1e-3
        };
        let mut scales: Vec<bool> = pass().into_iter().zip(pass()).map(differ).collect();
        scales.rotate_left(1);
        scales
    }

    #[test]
    fn dropout_perturbs_the_scale_that_it_is_given_for() {
        for scale in 0..4 {
            let mut dropout = [0.0; 4];
            dropout[scale] = 0.5;
            let mut expected = vec![false; 4];
            expected[scale] = true;
            assert_eq!(perturbed_scales(Architecture::VNet, dropout), expected);
            // As in the public 2D code, the main output is not perturbed.
            expected[3] = false;
            assert_eq!(perturbed_scales(Architecture::UNet, dropout), expected);
        }
    }

    #[test]
    fn the_published_dropout_falls_from_coarse_to_fine_and_reaches_all_scales() {
        let published = UrpcConfig::new(10).dropout;
        assert_eq!(published, [0.5, 0.3, 0.2, 0.1]);
        let [vnet, unet] = [Architecture::VNet, Architecture::UNet]
            .map(|architecture| perturbed_scales(architecture, published));
        assert_eq!(vnet[..3], [true; 3]);
        assert_eq!(unet, [true, true, true, false]);
    }

    #[test]
    fn a_probability_of_one_is_refused_by_name() {
        let config = UrpcConfig {
            dropout: [0.5, 0.3, 0.2, 1.0],
            ..UrpcConfig::new(10)
        };
        let message = config.check([16; 3]).unwrap_err().to_string();
        let expected = "method.dropout: expected 0 or more and below 1, found [0.5, 0.3, 0.2, 1.0]";
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn the_supervised_loss_is_the_mean_over_scales() {
        let device = Device::flex();
        let labels = Tensor::<5, Int>::from_ints([[[[[0, 1]]]]], &device);
        let right = Tensor::<5>::from_floats([[[[[60.0, -60.0]]], [[[-60.0, 60.0]]]]], &device);
        let method = stage(Architecture::VNet).stage;
        let wrong = method
            .supervised
            .forward(right.clone().neg(), labels.clone());
        let scales = vec![right.clone().neg(), right.clone(), right.clone(), right];
        let (of_scales, mean) = method.supervised(scales, &labels);
        let of = |loss: Tensor<1>| loss.into_scalar::<f32>();
        let (mean, wrong, finest) = (of(mean), of(wrong), of(of_scales[0].clone()));
        assert!((mean - wrong / 4.0).abs() < 1e-4, "{mean} {wrong}");
        assert_eq!(finest, wrong);
    }
}
