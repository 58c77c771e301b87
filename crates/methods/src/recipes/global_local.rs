//! Global and local contrast: contrastive pre-training of the encoder on whole images and of the decoder on local
//! regions, then supervised fine-tuning.
//!
//! K. Chaitanya, E. Erdil, N. Karani, E. Konukoglu, "Contrastive learning of global and local features for
//! medical image segmentation with limited annotations", NeurIPS 2020, arXiv 2006.10511.
//!
//! | stage | data | trained | objective |
//! |---|---|---|---|
//! | i, global contrast | all images, no labels | encoder `e`, head `g₁` | `L_g` |
//! | ii, local contrast | all images, no labels | first decoder blocks `d_l`, head `g₂` | `L_l` |
//! | iii, fine-tuning ([`Supervised`](super::supervised::Supervised)) | labeled | the whole network | `½ (L_ce + L_dice)` |
//!
//! ```text
//! L_g = NT-Xent over the 2 B views of B images:             z = g₁(e(x))
//! L_l = NT-Xent over the 2 A views of A regions, per image: f = g₂(d_l(e(x))) of 3×3(×3) positions
//! ```
//!
//! # Deviations
//!
//! | item | paper | its code | here |
//! |---|---|---|---|
//! | positive pairs of images | `G^R`: two views of one; `G^{D−}`, `G^D`: also slices of one partition of other volumes | all three, default `G^D` with 4 partitions | `G^R`, as patches carry no position in their scan |
//! | positive pairs of regions | `L^R`: of two views of one image; `L^D`: also of other volumes | both, default `L^R` | `L^R` |
//! | negatives of a region | other regions of the image | 5 chosen ones in both views | all other drawn ones in both views |
//! | regions | 3×3, flattened | 13 at fixed places, then a linear layer to 128 | 13 drawn for each step from a grid without overlap, flattened; 3×3×3 in volumes |
//! | `g₁` | dense layers | flattened map of 3,200, 1,024, ReLU, 128, no bias | mean over positions, so that any patch fits, `hidden`, ReLU, 128, with bias |
//! | `g₂` | two 1×1 convolutions | batch norm and ReLU between them | ReLU between them |
//! | decoder blocks of stage ii | 3 of 5, to 1/4 of the input | the same | 2 of 4, to 1/4: `decoder_blocks` |
//! | encoder in stage ii | fixed | fixed | its weights fixed, batch statistics of the batch, a V-Net's dropout at the bottleneck; `encoder = "trained"` |
//! | views of stage i | crop and intensity | the same, brightness and contrast by 30 % | strong view; weak view, mirrored on an axis that the task allows: `global_geometry` |
//! | views of stage ii | intensity alone | the same | strong view; weak view |
//! | `τ` | 0.1 | 0.1 | 0.1 |
//! | images of stages i and ii | all training volumes | 52 volumes without labels | labeled and unlabeled ones, as many of each as `pretraining_batch` says |
//! | batch, optimizer, lengths | – | 12 slices, Adam 0.001, 10,000 each | 2 + 2, SGD 0.01, poly, restarted (`quick`, `standard`: one decay over all stages); 1 : 1 : 4 |
//! | loss of stage iii | Dice | Dice with background | cross-entropy and Dice, as every method here |
//! | network | U-Net of six levels, 2D | the same | the run's: five levels, 2D or 3D |
//! | model that is tested | – | best on validation volumes | the last |

mod config;
mod regions;
#[cfg(test)]
mod tests;

use burn::module::Module;
use burn::prelude::*;
use semivox_losses::{NtXentLoss, NtXentLossConfig};
use semivox_models::{DenseProjector, DenseProjectorConfig, Network};

use crate::batch::{Batch, split};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::optimizer::Optimizer;
use crate::plan::{BatchPlan, StagePlan, StrongViews};
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::terms::LossTerms;
use crate::with_heads::WithHeads;

pub use config::{EncoderInLocal, GlobalLocalConfig};
use regions::{drawn_cells, regions};

/// Creates the NT-Xent loss with the temperature of the settings.
fn contrast(config: &GlobalLocalConfig) -> NtXentLoss {
    let loss = NtXentLossConfig::new().with_temperature(config.temperature);
    loss.init()
}

/// Stage i: NT-Xent between the two views of each image, among all views of the batch.
pub struct GlobalContrast {
    contrast: NtXentLoss,
    config: GlobalLocalConfig,
    mirrored: [bool; 3],
}

impl GlobalContrast {
    /// Creates stage i of the method; views may be mirrored on the axes of `mirrored`.
    pub fn new(config: GlobalLocalConfig, mirrored: [bool; 3]) -> Self {
        Self {
            contrast: contrast(&config),
            config,
            mirrored,
        }
    }
}

impl Stage for GlobalContrast {
    type State = WithHeads<DenseProjector>;

    fn plan(&self) -> StagePlan {
        StagePlan {
            name: "i global contrast",
            steps: self.config.iterations[0],
            batch: BatchPlan::new(self.config.pretraining_batch, StrongViews::All),
        }
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(
        &self,
        networks: Handover,
        context: &MethodContext,
    ) -> Result<Self::State, MethodError> {
        let channels = context.network.channels_after(0);
        let head = DenseProjectorConfig::new(channels, self.config.hidden)
            .with_embedding(self.config.embedding);
        Ok(WithHeads {
            network: networks.student,
            heads: context.drawn(|device| head.init(device)),
        })
    }

    /// Computes `L_g`.
    fn terms(
        &self,
        networks: &mut Self::State,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let [weak, strong] = batch.views();
        let geometry = self.config.global_geometry;
        let weak = geometry.apply(weak, self.mirrored, at);
        let images = strong.dims()[0];
        let views = Tensor::cat(vec![strong, weak], 0);
        let [.., lowest] = networks.network.encode(views);
        let embeddings = networks.heads.forward_pooled(lowest); // [2 images, embedding]
        let [first, second] = split(embeddings, [images; 2]).map(|view| view.unsqueeze::<3>());
        let loss = self.contrast.forward(first, second);
        Ok(LossTerms::new().with("global_contrast", 1.0, loss))
    }
}

/// Stage ii: NT-Xent between the two views of each region, among all regions of both views of its image.
pub struct LocalContrast {
    contrast: NtXentLoss,
    config: GlobalLocalConfig,
}

impl LocalContrast {
    /// Creates stage ii of the method.
    pub fn new(config: GlobalLocalConfig) -> Self {
        Self {
            contrast: contrast(&config),
            config,
        }
    }

    /// Computes the feature maps of the encoder.
    fn encode(&self, network: &Network, images: Tensor<5>) -> [Tensor<5>; 5] {
        match self.config.encoder {
            // Without gradients no graph is recorded; the clone shares its running statistics with the network.
            EncoderInLocal::Fixed => network.clone().no_grad().encode(images),
            EncoderInLocal::Trained => network.encode(images),
        }
    }
}

impl Stage for LocalContrast {
    type State = WithHeads<DenseProjector>;

    fn plan(&self) -> StagePlan {
        StagePlan {
            name: "ii local contrast",
            steps: self.config.iterations[1],
            batch: BatchPlan::new(self.config.pretraining_batch, StrongViews::All),
        }
    }

    fn optimizer(&self) -> Optimizer {
        self.config.optimizer.init()
    }

    fn begin(
        &self,
        networks: Handover,
        context: &MethodContext,
    ) -> Result<Self::State, MethodError> {
        let channels = context.network.channels_after(self.config.decoder_blocks);
        let head = DenseProjectorConfig::new(channels, channels).with_embedding(channels);
        Ok(WithHeads {
            network: networks.student,
            heads: context.drawn(|device| head.init(device)),
        })
    }

    /// Computes `L_l`.
    fn terms(
        &self,
        networks: &mut Self::State,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let [weak, strong] = batch.views();
        let images = strong.dims()[0];
        let network = &networks.network;
        let encoded = self.encode(network, Tensor::cat(vec![strong, weak], 0));
        let map = network.decode_part(encoded, self.config.decoder_blocks);
        let map = networks.heads.forward(map);
        let cells = drawn_cells(&map, self.config.regions, at);
        let [first, second] = split(regions(map, cells), [images; 2]);
        let loss = self.contrast.forward(first, second);
        Ok(LossTerms::new().with("local_contrast", 1.0, loss))
    }
}
