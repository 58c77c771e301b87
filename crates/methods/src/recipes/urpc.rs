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
//! | heads | – | 1×1×1 convolution, trilinear upsampling without aligned corners | same; `align_corners` |
//! | input of the heads | – | outputs of the decoder's blocks | U-Net: same; V-Net: inputs of the blocks (upsampled map + skip) |
//! | perturbation | – | dropout in the decoder | the network's own dropout |
//! | `D_s` | `KL(p_s ‖ p̄)` | `KL(p̄ ‖ p_s)` | the paper's |
//! | `‖p_s − p̄‖²` | sum over the classes | mean over the classes | the paper's |
//! | gradient | through `p̄` and `w_s` | same | same |
//! | `λ`, ramp | 0.1, over the whole run | same | same; `consistency_weight` |
//! | schedule | – | SGD, rate 0.01·(1 − t/T)^0.9 | same |
//! | inference | – | finest scale | the network's own output, the finest scale |

use burn::prelude::*;
use semivox_losses::{DiceCrossEntropyLoss, PyramidConsistencyLoss, PyramidConsistencyLossConfig};
use semivox_models::{Architecture, PyramidHeads, PyramidHeadsConfig};
use serde::{Deserialize, Serialize};

use super::supervised::supervised_loss;
use crate::batch::{Batch, split};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::method::Method;
use crate::method_settings::{
    MethodSettings, expect_both_kinds, expect_weight, one_stage_settings,
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
}

impl UrpcConfig {
    /// Returns the paper's settings for a run of `iterations`.
    pub fn new(iterations: u64) -> Self {
        Self {
            iterations,
            batch: [2, 2],
            optimizer: OptimizerConfig::default(),
            consistency_weight: 0.1,
            align_corners: false,
        }
    }
}

impl MethodSettings for UrpcConfig {
    one_stage_settings!();

    fn check(&self, _patch: [usize; 3]) -> Result<(), MethodError> {
        self.optimizer.check()?;
        expect_weight("consistency_weight", self.consistency_weight)?;
        expect_both_kinds("batch", self.batch)
    }

    fn method(&self, context: MethodContext) -> Result<Method, MethodError> {
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
        let heads = PyramidHeadsConfig::new(channels, context.network.classes)
            .with_align_corners(self.config.align_corners);
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
    use semivox_models::NetworkConfig;

    fn stage(architecture: Architecture) -> Running<Urpc> {
        let network = NetworkConfig::new(1, 3).with_filters(1);
        let context = context(network.with_architecture(architecture), [16; 3]);
        begun(Urpc::new(UrpcConfig::new(10), architecture), &context)
    }

    #[test]
    fn four_scales_at_full_resolution_in_volumes_and_slices() {
        let device = Device::flex().autodiff();
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
