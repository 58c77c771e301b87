//! Global and local contrast: the encoder learns from whole images, the decoder from their regions, then all
//! from labels.
//!
//! K. Chaitanya, E. Erdil, N. Karani, E. Konukoglu, "Contrastive learning of global and local features for
//! medical image segmentation with limited annotations", NeurIPS 2020, arXiv 2006.10511.
//!
//! | stage | data | trained | objective |
//! |---|---|---|---|
//! | i, global contrast | all images, no labels | encoder `e`, head `g₁` | `L_g` |
//! | ii, local contrast | all images, no labels | first decoder blocks `d_l`, head `g₂` | `L_l` |
//! | iii, fine-tuning | labeled | the whole network | `½ (L_ce + L_dice)` |
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
//! | which images are alike | `G^R`: two views of one; `G^{D−}`, `G^D`: also slices of one partition of other volumes | all three, default `G^D` with 4 partitions | `G^R`, as patches carry no position in their scan |
//! | which regions are alike | `L^R`: of two views of one image; `L^D`: also of other volumes | both, default `L^R` | `L^R` |
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
//! | batch, optimizer, lengths | – | 12 slices, Adam 0.001, 10,000 each | 2 + 2, SGD 0.01, poly, restarted; 1 : 1 : 4 |
//! | loss of stage iii | Dice | Dice with background | cross-entropy and Dice, as every method here |
//! | network | U-Net of six levels, 2D | the same | the run's: five levels, 2D or 3D |
//! | model that is tested | – | best on validation volumes | the last |

mod config;
mod regions;

use burn::module::Module;
use burn::prelude::*;
use semivox_losses::{DiceCrossEntropyLoss, NtXentLoss, NtXentLossConfig};
use semivox_models::{DenseProjector, DenseProjectorConfig, Network};

use super::supervised::supervised_loss;
use crate::batch::{Batch, split};
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::error::TrainError;
use crate::optimizer::Optimizer;
use crate::recipe::{BatchPlan, Recipe, Setting, Stage, StepContext, StrongViews};
use crate::terms::{LossTerms, StepValues};

pub use config::{EncoderInLocal, GlobalLocalConfig};
use regions::{drawn_cells, regions};

/// The recipe: the network and the head of the current stage.
pub struct GlobalLocal {
    config: GlobalLocalConfig,
    setting: Setting,
    network: Network,
    optimizer: Optimizer,
    head: Head,
    contrast: NtXentLoss,
    supervised: DiceCrossEntropyLoss,
}

/// What exists only during a stage.
#[derive(Debug, Clone)]
enum Head {
    /// `g₁`.
    Global(DenseProjector),
    /// `g₂`.
    Local(DenseProjector),
    /// The network's own output.
    None,
}

impl GlobalLocal {
    /// A run of the method from a new network.
    pub fn new(config: GlobalLocalConfig, setting: Setting) -> Self {
        let network = setting.student();
        Self {
            optimizer: config.optimizer.init(false),
            head: Head::new(0, &config, &setting),
            contrast: NtXentLossConfig::new()
                .with_temperature(config.temperature)
                .init(),
            supervised: supervised_loss(),
            network,
            config,
            setting,
        }
    }

    /// `L_g`: each image is to be found again among all views of the batch.
    fn global(&self, head: &DenseProjector, batch: Batch, at: &StepContext) -> Tensor<1> {
        let [weak, strong] = batch.views();
        let geometry = self.config.global_geometry;
        let weak = geometry.apply(weak, self.setting.mirrored, at);
        let images = strong.dims()[0];
        let [.., lowest] = self.network.encode(Tensor::cat(vec![strong, weak], 0));
        let embeddings = head.forward_pooled(lowest); // [2 images, embedding]
        let [first, second] = split(embeddings, [images; 2]).map(|view| view.unsqueeze::<3>());
        self.contrast.forward(first, second)
    }

    /// `L_l`: each region is to be found again among all regions of its image's two views.
    fn local(&self, head: &DenseProjector, batch: Batch, at: &StepContext) -> Tensor<1> {
        let [weak, strong] = batch.views();
        let images = strong.dims()[0];
        let encoded = self.encoded(Tensor::cat(vec![strong, weak], 0));
        let map = self
            .network
            .decode_part(encoded, self.config.decoder_blocks);
        let map = head.forward(map);
        let cells = drawn_cells(&map, self.config.regions, at);
        let [first, second] = split(regions(map, cells), [images; 2]);
        self.contrast.forward(first, second)
    }

    /// The encoder's maps for `L_l`.
    fn encoded(&self, images: Tensor<5>) -> [Tensor<5>; 5] {
        match self.config.encoder {
            // Without gradients no graph is recorded; the clone's running statistics are the network's.
            EncoderInLocal::Fixed => self.network.clone().no_grad().encode(images),
            EncoderInLocal::Trained => self.network.encode(images),
        }
    }

    /// Stages i and ii: one term, one head.
    fn pretrain(
        &mut self,
        (name, term): (&'static str, Tensor<1>),
        head: DenseProjector,
        at: &StepContext,
    ) -> Result<(DenseProjector, StepValues), TrainError> {
        let terms = LossTerms::new().with(name, 1.0, term);
        let module = (self.network.clone(), head);
        let rate = self.learning_rate(at);
        let (module, values) = terms.descend(module, &mut self.optimizer, rate, at.step)?;
        self.network = module.0;
        Ok((module.1, values))
    }

    /// Stage iii: labeled patches alone.
    fn fine_tune(&mut self, batch: Batch, at: &StepContext) -> Result<StepValues, TrainError> {
        let logits = self.network.forward(batch.labeled.weak).logits;
        let supervised = self.supervised.forward(logits, batch.labeled.labels);
        let terms = LossTerms::new().with("supervised", 1.0, supervised);
        let rate = self.learning_rate(at);
        let network = self.network.clone();
        let (network, values) = terms.descend(network, &mut self.optimizer, rate, at.step)?;
        self.network = network;
        Ok(values)
    }
}

impl Head {
    fn new(stage: usize, config: &GlobalLocalConfig, setting: &Setting) -> Self {
        let network = &setting.network;
        match stage {
            0 => {
                let head = DenseProjectorConfig::new(network.channels_after(0), config.hidden)
                    .with_embedding(config.embedding);
                Self::Global(setting.drawn(|device| head.init(device)))
            }
            1 => {
                let channels = network.channels_after(config.decoder_blocks);
                let head = DenseProjectorConfig::new(channels, channels).with_embedding(channels);
                Self::Local(setting.drawn(|device| head.init(device)))
            }
            _ => Self::None,
        }
    }
}

impl Recipe for GlobalLocal {
    fn stages(&self) -> Vec<Stage> {
        let [global, local, fine] = self.config.iterations;
        let plan = |[labeled, unlabeled]: [usize; 2], strong| BatchPlan {
            labeled,
            unlabeled,
            replacement: false,
            strong,
        };
        let stage = |name, steps, plan| Stage { name, steps, plan };
        let all = plan(self.config.pretraining_batch, StrongViews::All);
        let labeled = plan([self.config.batch, 0], StrongViews::None);
        vec![
            stage("i global contrast", global, all),
            stage("ii local contrast", local, all),
            stage("iii fine-tuning", fine, labeled),
        ]
    }

    fn begin_stage(&mut self, index: usize) -> Result<(), TrainError> {
        self.optimizer = self.config.optimizer.init(false);
        self.head = Head::new(index, &self.config, &self.setting);
        Ok(())
    }

    fn step(&mut self, batch: Batch, at: &StepContext) -> Result<StepValues, TrainError> {
        match self.head.clone() {
            Head::Global(head) => {
                let term = ("global_contrast", self.global(&head, batch, at));
                let (head, values) = self.pretrain(term, head, at)?;
                self.head = Head::Global(head);
                Ok(values)
            }
            Head::Local(head) => {
                let term = ("local_contrast", self.local(&head, batch, at));
                let (head, values) = self.pretrain(term, head, at)?;
                self.head = Head::Local(head);
                Ok(values)
            }
            Head::None => self.fine_tune(batch, at),
        }
    }

    fn learning_rate(&self, at: &StepContext) -> f64 {
        self.config.optimizer.at(at)
    }

    fn network(&self) -> &Network {
        &self.network
    }

    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        checkpoint.module("student", &self.network)?;
        checkpoint.optimizer("optimizer", &self.optimizer)?;
        match &self.head {
            Head::Global(head) | Head::Local(head) => checkpoint.module("head", head),
            Head::None => Ok(()),
        }
    }

    fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError> {
        self.network = checkpoint.module("student", self.network.clone())?;
        self.optimizer = checkpoint.optimizer("optimizer", self.optimizer.clone())?;
        if let Head::Global(head) | Head::Local(head) = &mut self.head {
            *head = checkpoint.module("head", head.clone())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{batch, run_stage, setting};
    use burn::module::{ModuleVisitor, Param};
    use semivox_models::{Architecture, NetworkConfig};

    /// All trainable values of a network's encoder (`true`) or decoder, by the order of its fields.
    struct Values(Vec<f32>);

    impl ModuleVisitor for Values {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.is_require_grad() {
                self.0.extend(param.val().into_data().iter::<f32>());
            }
        }
    }

    /// Trainable values of encoder and decoder.
    fn parts(network: &Network) -> [Vec<f32>; 2] {
        let visit = |visit: &dyn Fn(&mut Values)| {
            let mut values = Values(Vec::new());
            visit(&mut values);
            values.0
        };
        let all = visit(&|values| network.visit(values));
        let decoder = match network {
            Network::VNet(network) => visit(&|values| network.decoder().visit(values)),
            Network::UNet(network) => visit(&|values| network.decoder().visit(values)),
        };
        let encoder = all.len() - decoder.len();
        [all[..encoder].to_vec(), decoder]
    }

    /// All values of a network, its running statistics too.
    struct Everything(Vec<f32>);

    impl ModuleVisitor for Everything {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.extend(param.val().into_data().iter::<f32>());
        }
    }

    #[test]
    fn a_fixed_encoder_records_no_graph_and_its_statistics_go_on() {
        let everything = |network: &Network| {
            let mut values = Everything(Vec::new());
            network.valid().visit(&mut values);
            values.0
        };
        for (encoder, tracked) in [
            (EncoderInLocal::Fixed, false),
            (EncoderInLocal::Trained, true),
        ] {
            let setting = setting(NetworkConfig::new(1, 3).with_filters(1), [16; 3]);
            let config = GlobalLocalConfig {
                encoder,
                ..GlobalLocalConfig::new(6)
            };
            let recipe = GlobalLocal::new(config, setting.clone());
            let before = everything(&recipe.network);
            let [images, _] = batch([1, 1], &setting, 0).views();
            let maps = recipe.encoded(images);
            assert!(maps.iter().all(|map| map.is_tracked() == tracked));
            assert_ne!(before, everything(&recipe.network));
            let trainable = parts(&recipe.network);
            assert!(trainable.iter().all(|part| !part.is_empty()));
        }
    }

    #[test]
    fn each_stage_moves_what_it_trains_in_volumes_and_slices() {
        for (architecture, patch) in [
            (Architecture::VNet, [32, 32, 32]),
            (Architecture::UNet, [48, 32, 1]),
        ] {
            let network = NetworkConfig::new(1, 3).with_filters(2);
            let setting = setting(network.with_architecture(architecture), patch);
            let config = GlobalLocalConfig {
                hidden: 16,
                ..GlobalLocalConfig::new(6)
            };
            let mut recipe = GlobalLocal::new(config, setting.clone());
            for (stage, moved) in [[true, false], [false, true], [true, true]]
                .into_iter()
                .enumerate()
            {
                let before = parts(&recipe.network);
                let values = run_stage(&mut recipe, stage, &setting);
                assert!(values[0][0].1 > 0.0);
                let after = parts(&recipe.network);
                for part in 0..2 {
                    let changed = before[part] != after[part];
                    assert_eq!(changed, moved[part], "stage {stage}, part {part}");
                }
            }
        }
    }
}
