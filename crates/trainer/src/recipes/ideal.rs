//! IDEAL (reconstruction): dense contrast for the encoder, then two decoders that teach each other.
//!
//! H. Basak, S. Chattopadhyay, R. Kundu, S. Nag, R. Mallipeddi, "IDEAL: Improved DEnse locAL Contrastive
//! Learning for Semi-Supervised Medical Image Segmentation", ICASSP 2023, arXiv 2210.15075. Only the
//! abstract, the introduction, a figure's caption and two tables could be read, and the public repository
//! holds no code. **This is not the authors' method**: it is assembled from what those sources ask for and
//! from related public methods, and its results say nothing about theirs.
//!
//! | stage | data | objective |
//! |---|---|---|
//! | i, dense contrast | all images, no labels | `L_dense` |
//! | ii, two decoders | labeled and unlabeled | `Σ_m ½ (L_ce + L_dice)(p_m, y) + w(t) (L_ce(p_1, y_2) + L_ce(p_2, y_1))` |
//!
//! ```text
//! c(i)    = argmax_j cos(b_q[i], b_k[j])                       b = E(x), the lowest map of the encoder
//! L_dense = −log exp(s_i,c(i)) / (exp(s_i,c(i)) + Σ_n exp(s_i,n)),   s = cos(g_q, g_k) / τ,   g = G(b)
//! y_m     = argmax p_m where max p_m ≥ threshold (constant),   w(t) = w · exp(−5 (1 − t/T)²)
//! ```
//!
//! # Where each part comes from
//!
//! \[K\] is known from the sources above, \[R\] is reconstructed.
//!
//! | item | known | here | switch |
//! |---|---|---|---|
//! | two phases: the encoder is pre-trained, then all is fine-tuned | \[K\] | so | `iterations` |
//! | query and key encoder, dense projections, 1×1 convolutions as head | \[K\] | so | – |
//! | the key encoder | drawn as another network \[K\] | \[R\] moving average, 0.99, in train mode, updated after the step | `key_momentum` |
//! | widths of the head | – | \[R\] C → C, ReLU, → 128, as DenseCL | `embedding` |
//! | positives and negatives come from correspondences of features | \[K\] | \[R\] the most similar position of the key's lowest map, as DenseCL | – |
//! | the loss | "new", formula unknown | \[R\] DenseCL's, its dense term alone, as the text stresses the local | – |
//! | negatives | – | \[R\] queue of 4,096 mean keys, as far as it is filled; in the first step the batch | `negatives`, `queue` |
//! | `τ` | – | \[R\] 0.2, DenseCL's | `temperature` |
//! | grid of the dense features | – | \[R\] 1/16 of the patch: 7×7×5 of 112×112×80, 16×16 of 256×256 | – |
//! | dropout of the lowest map | – | \[R\] the V-Net's is left out in stage i, the U-Net's encoder has its own | – |
//! | views | – | \[R\] strong to the query, weak to the key, of one geometry; or the key mirrored | `key_geometry` |
//! | shuffled batch norm, symmetric loss | – | \[R\] neither | – |
//! | images of stage i | – | \[R\] labeled and unlabeled ones without labels, as many of each as `pretraining_batch` says | `pretraining_batch` |
//! | one shared encoder, two decoders of different architecture | \[K\] | \[R\] transposed convolution; linear interpolation and a convolution (V-Net 3×3×3 after it, U-Net 1×1 before it) | `streams = "networks"`: two encoders that begin alike |
//! | the branches are perturbed | \[K\] | \[R\] own dropout, and the second sees the strong view | `perturbation` |
//! | each stream learns from the other's constant labels | \[K\] | so | – |
//! | "thresholded" maps | \[K\] | \[R\] argmax, without a threshold of confidence | `threshold` |
//! | `w`, ramp over all of stage ii, supervised loss | – | \[R\] 0.1, cross-entropy and Dice, the field's code of cross pseudo supervision | `cross_weight` |
//! | optimizer, lengths of the stages | – | \[R\] SGD 0.01, poly, restarted; 1 : 3 | `optimizer`, `iterations` |
//! | 3D volumes | 2D slices \[K\] | both | the network's architecture |
//! | at test time | – | \[R\] the first stream, the network with transposed convolutions; the mean of both streams, the other reading, is not offered | – |

mod config;
mod fine_tuning;
mod pretraining;

use semivox_losses::{
    CrossPseudoSupervisionLoss, CrossPseudoSupervisionLossConfig, DenseContrastiveLoss,
    DenseContrastiveLossConfig, DiceCrossEntropyLoss,
};
use semivox_models::Network;

use crate::batch::Batch;
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::error::TrainError;
use crate::optimizer::Optimizer;
use crate::recipe::{BatchPlan, Recipe, Setting, Stage, StepContext, StrongViews};
use crate::recipes::supervised::supervised_loss;
use crate::terms::StepValues;

pub use config::{IdealConfig, Negatives, Perturbation, Streams};
use fine_tuning::Second;
use pretraining::Pretraining;

/// The network's name in a checkpoint.
const STUDENT: &str = "student";
/// The second stream's name in a checkpoint.
const SECOND: &str = "second";

/// The recipe: the first stream's network and what the current stage needs.
pub struct Ideal {
    config: IdealConfig,
    setting: Setting,
    network: Network,
    optimizer: Optimizer,
    state: State,
    losses: Losses,
}

/// The losses of both stages.
struct Losses {
    contrast: DenseContrastiveLoss,
    supervised: DiceCrossEntropyLoss,
    cross: CrossPseudoSupervisionLoss,
}

impl Losses {
    fn new(config: &IdealConfig) -> Self {
        let contrast = DenseContrastiveLossConfig::new().with_temperature(config.temperature);
        let cross = CrossPseudoSupervisionLossConfig::new().with_threshold(config.threshold);
        Self {
            contrast: contrast.init(),
            supervised: supervised_loss(),
            cross: cross.init(),
        }
    }
}

/// What exists only during a stage.
#[derive(Clone)]
enum State {
    Pretraining(Box<Pretraining>),
    FineTuning(Box<Second>),
}

impl Ideal {
    /// A run of the method from a new network.
    ///
    /// # Errors
    /// If a setting is out of range.
    pub fn new(config: IdealConfig, setting: Setting) -> Result<Self, TrainError> {
        let network = setting.student();
        let state = Pretraining::new(&network, &config, &setting)?;
        Ok(Self {
            optimizer: config.optimizer.init(false),
            losses: Losses::new(&config),
            state: State::Pretraining(Box::new(state)),
            network,
            config,
            setting,
        })
    }
}

impl Recipe for Ideal {
    fn stages(&self) -> Vec<Stage> {
        let config = &self.config;
        let plan = |[labeled, unlabeled]: [usize; 2], strong| BatchPlan {
            labeled,
            unlabeled,
            replacement: false,
            strong,
        };
        let second_view = match config.perturbation {
            Perturbation::Intensity => StrongViews::All,
            Perturbation::Dropout => StrongViews::None,
        };
        vec![
            Stage {
                name: "i dense contrast (reconstruction)",
                steps: config.iterations[0],
                plan: plan(config.pretraining_batch, StrongViews::All),
            },
            Stage {
                name: "ii two decoders (reconstruction)",
                steps: config.iterations[1],
                plan: plan(config.fine_tuning_batch, second_view),
            },
        ]
    }

    fn begin_stage(&mut self, index: usize) -> Result<(), TrainError> {
        let (config, setting) = (&self.config, &self.setting);
        self.optimizer = config.optimizer.init(false);
        self.state = match index {
            0 => State::Pretraining(Box::new(Pretraining::new(&self.network, config, setting)?)),
            _ => State::FineTuning(Box::new(Second::new(&self.network, config, setting))),
        };
        Ok(())
    }

    fn step(&mut self, batch: Batch, at: &StepContext) -> Result<StepValues, TrainError> {
        match self.state.clone() {
            State::Pretraining(state) => self.pretrain(*state, batch, at),
            State::FineTuning(second) => self.fine_tune(*second, batch, at),
        }
    }

    fn learning_rate(&self, at: &StepContext) -> f64 {
        self.config.optimizer.at(at)
    }

    fn network(&self) -> &Network {
        &self.network
    }

    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        checkpoint.module(STUDENT, &self.network)?;
        checkpoint.optimizer("optimizer", &self.optimizer)?;
        match &self.state {
            State::Pretraining(state) => state.save(checkpoint),
            State::FineTuning(second) => checkpoint.module(SECOND, second.as_ref()),
        }
    }

    fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError> {
        self.network = checkpoint.module(STUDENT, self.network.clone())?;
        self.optimizer = checkpoint.optimizer("optimizer", self.optimizer.clone())?;
        match &mut self.state {
            State::Pretraining(state) => state.load(checkpoint, &self.setting),
            State::FineTuning(second) => {
                **second = checkpoint.module(SECOND, second.as_ref().clone())?;
                Ok(())
            }
        }
    }
}
