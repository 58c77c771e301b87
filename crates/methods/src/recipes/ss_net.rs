//! SS-Net: smooth predictions under adversarial perturbations of images, and classes separated by prototypes.
//!
//! Y. Wu, Z. Wu, Q. Wu, Z. Ge, J. Cai, "Exploring Smoothness and Class-Separation for Semi-supervised Medical Image
//! Segmentation", MICCAI 2022, arXiv 2203.01324.
//!
//! ```text
//! L     = L_seg(labeled) + λ(t)·L_s(all) + μ(t)·(L_c(labeled, y) + L_c(unlabeled, argmax p))
//! L_s   = D(p(x + r), p(x)),   r = ε·g/‖g‖,   g = ∇_d D(p(x + ξ·d), p(x)),   d ~ U(−½, ½)/‖·‖
//! L_c   = (1/C) Σ_c Σ_(i,j) a_i b_j (1 − cos(q_i, z_cj)) / (Σ_i a_i · Σ_j b_j)      i: voxels of class c
//! λ(t)  = λ·Ψ(t),   μ(t) = μ·Ψ(t),   Ψ(t) = exp(−5 (1 − t/t_max)²),   1 from t_max on
//! ```
//!
//! `D` is a Dice distance, and `p(x)` a constant in it. Features `f` are the decoder's last map, `q` their projection
//! and prediction, and `z_c` the prototypes of class `c`: projections of labeled voxels of the class that the network
//! predicts correctly, those with the highest attention. `a` and `b` are learned attention, one perceptron per class
//! for voxels and one for prototypes. The prototypes of a class are replaced in each step in which it has such voxels.
//!
//! # Deviations
//!
//! Of the paper, the abstract could be read; equations and values are those of its authors' public code, which has
//! a script for volumes and one for slices; where they differ, both are given in this order.
//!
//! | item | paper | public code | here |
//! |---|---|---|---|
//! | `L_seg` | – | Dice, of the foreground and of all classes; cross-entropy is only logged | ½ (CE + Dice) of all classes, as in every recipe here |
//! | `λ`, `μ` | – | 1 and 0.1; 0.1 and 0.01 | same; `smoothness_weight`, `separation_weights` |
//! | ramp | – | over 6,000 of 15,000 iterations; over all 30,000; in steps of 150 | the same shares of the run, at every step; `ramp_share` |
//! | `D` | – | of all classes together; mean over classes, with squares | same; `distance` |
//! | `ε`, `ξ` | – | 10, 10 of 112×112×80 z-scored voxels; 6, 10 of 256×256 pixels from 0 to 1 | same; in the presets scaled to the number of voxels, and to z-scored slices; `magnitude`, `probe` |
//! | gradients for `r` | – | 1 | same; `power_iterations` |
//! | `p(x)` in `L_s` | – | from a second pass, with other dropout | from the pass that gives `L_seg` |
//! | running statistics | – | left alone by both adversarial passes, updated by the second clean one | left alone by both adversarial passes |
//! | `f` | – | after dropout (V-Net) | before it |
//! | heads | – | two-layer perceptrons with batch norm, 32 wide | same; `width` |
//! | prototypes | – | at most 32, the lowest after an ascending sort | at most 32, the highest; `prototypes` |
//! | background | – | has no prototypes, but counts in `C` | same; `background = true` gives it some |
//! | `a` | – | divided by its mean over the voxels | same |
//! | `b` | – | divided by itself, hence 1 | divided by its mean over the prototypes |
//! | voxels in `L_c`, candidates for prototypes | – | all | at most 4,096 of a class, drawn in each step; `voxels`; the heads' batch norm sees all |
//! | ignored voxels | – | – | neither in `L_seg`, nor in `L_c` of labeled patches, nor as prototypes |
//! | optimizer | – | SGD 0.01, divided by 10 every 2,500 of 15,000; constant | same; `quick`, `standard`: polynomial decay, as for every method (`OptimizerConfig::comparable`) |
//! | U-Net's upsampling | – | bilinear with aligned corners | transposed convolution; `network.upsampling` |
//! | result | – | the checkpoint that is best on the test or validation cases | the last |

use burn::prelude::*;
use semivox_data::rng::keyed;
use semivox_losses::{DiceConsistencyLossConfig, DiceCrossEntropyLoss};
use semivox_models::Network;

use super::supervised::supervised_loss;
use crate::adversarial::{Adversary, with_own_statistics};
use crate::batch::{Batch, split};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::optimizer::Optimizer;
use crate::plan::StagePlan;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::LossTerms;

mod config;
mod separation;
#[cfg(test)]
mod tests;

pub use config::SsNetConfig;
pub use separation::Separated;
use separation::Voxels;

/// The only stage of SS-Net.
pub struct SsNet {
    config: SsNetConfig,
    supervised: DiceCrossEntropyLoss,
    adversary: Adversary,
}

impl SsNet {
    /// Creates the stage with these settings.
    pub fn new(config: SsNetConfig) -> Self {
        let distance = DiceConsistencyLossConfig::new().with_form(config.distance);
        let adversary = Adversary {
            distance: distance.init(),
            probe: config.probe,
            magnitude: config.magnitude,
            iterations: config.power_iterations,
        };
        Self {
            config,
            supervised: supervised_loss(),
            adversary,
        }
    }

    /// Computes `L_s` of images whose logits are `clean`.
    fn smoothness(
        &self,
        network: &Network,
        images: Tensor<5>,
        clean: Tensor<5>,
        at: &StepContext,
    ) -> Tensor<1> {
        let (adversary, clean) = (&self.adversary, clean.detach());
        let mut rng = keyed(at.seed, at.step, "adversarial direction");
        let perturbation = adversary.perturbation(network, &images, &clean, &mut rng);
        let perturbed = with_own_statistics(network).forward(images + perturbation);
        adversary.distance.forward(perturbed.logits, clean)
    }

    /// Computes `L_c` of labeled and of unlabeled patches, except one of weight 0, after the prototypes of this step.
    fn separation(
        &self,
        state: &mut Separated,
        features: Tensor<5>,
        [predicted, truth]: [&[i32]; 2],
        at: &StepContext,
    ) -> Result<[Option<Tensor<1>>; 2], MethodError> {
        let [labeled, unlabeled] = split(features, self.config.batch);
        let (of_labeled, pseudo) = predicted.split_at(truth.len());
        let labeled = Voxels {
            features: labeled,
            classes: truth,
        };
        let unlabeled = Voxels {
            features: unlabeled,
            classes: pseudo,
        };
        let rng = |purpose| keyed(at.seed, at.step, purpose);
        state.observe(&labeled, of_labeled, &self.config, &mut rng("prototypes"))?;
        let wanted = self.config.separation_weights.map(|weight| weight > 0.0);
        let distance = |patches, purpose| state.distance(patches, &self.config, &mut rng(purpose));
        Ok([
            wanted[0].then(|| distance(labeled, "labeled voxels")),
            wanted[1].then(|| distance(unlabeled, "unlabeled voxels")),
        ])
    }
}

/// Reads integers from the device.
fn read<const D: usize>(values: Tensor<D, Int>) -> Vec<i32> {
    values.into_data().iter().collect()
}

impl Stage for SsNet {
    type State = Separated;

    fn plan(&self) -> StagePlan {
        StagePlan::weak("ss-net", self.config.iterations, self.config.batch)
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(
        &self,
        networks: Handover,
        context: &MethodContext,
    ) -> Result<Self::State, MethodError> {
        Separated::new(networks, &self.config, context)
    }

    /// Computes the terms, except those of weight 0.
    fn terms(
        &self,
        state: &mut Self::State,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let config = &self.config;
        let labels = batch.labeled.labels.clone();
        let [images, _] = batch.views();
        let output = state.student.network.forward(images.clone());
        let [labeled, _] = split(output.logits.clone(), config.batch);
        let [.., features] = output.features;
        let separates = config.separation_weights.iter().any(|&weight| weight > 0.0);
        // Read before the adversarial passes are queued, so that the host need not wait for them.
        let classes = separates.then(|| {
            let predicted = output.logits.clone().detach().argmax(1);
            [predicted, labels.clone()].map(read)
        });

        let supervised = self.supervised.forward(labeled, labels);
        let mut terms = LossTerms::new().with("supervised", 1.0, supervised);
        let ramp = at.ramp_over(config.ramp_share);
        if config.smoothness_weight > 0.0 {
            let smoothness = self.smoothness(&state.student.network, images, output.logits, at);
            terms = terms.with("smoothness", config.smoothness_weight * ramp, smoothness);
        }
        if let Some([predicted, truth]) = classes {
            let names = ["separation_labeled", "separation_unlabeled"];
            let found = self.separation(state, features, [&predicted, &truth], at)?;
            for ((name, weight), term) in
                names.into_iter().zip(config.separation_weights).zip(found)
            {
                if let Some(term) = term {
                    terms = terms.with(name, weight * ramp, term);
                }
            }
        }
        Ok(terms)
    }
}
