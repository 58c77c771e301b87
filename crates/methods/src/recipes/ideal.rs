//! IDEAL (reconstruction): dense contrastive pre-training of the encoder, then two decoders that learn from each
//! other's pseudo-labels.
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
//! # Origin of each part
//!
//! \[K\] is known from the sources above, \[R\] is reconstructed.
//!
//! | item | known | here | switch |
//! |---|---|---|---|
//! | two phases: the encoder is pre-trained, then all is fine-tuned | \[K\] | same | `iterations` |
//! | query and key encoder, dense projections, 1×1 convolutions as head | \[K\] | same | – |
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
//! | images of stage i | – | \[R\] labeled and unlabeled ones, without their labels, as many of each as `pretraining_batch` says | `pretraining_batch` |
//! | one shared encoder, two decoders of different architecture | \[K\] | \[R\] transposed convolution; linear interpolation and a convolution (V-Net 3×3×3 after it, U-Net 1×1 before it) | `streams = "networks"`: two encoders with the same initial weights |
//! | the branches are perturbed | \[K\] | \[R\] own dropout, and the second sees the strong view | `perturbation` |
//! | each stream learns from the other's constant labels | \[K\] | same | – |
//! | "thresholded" maps | \[K\] | \[R\] argmax, without a threshold of confidence | `threshold` |
//! | `w`, ramp over all of stage ii, supervised loss | – | \[R\] 0.1, cross-entropy and Dice, the field's code of cross pseudo supervision | `cross_weight` |
//! | optimizer, lengths of the stages | – | \[R\] SGD 0.01, poly, restarted (`quick`, `standard`: one decay over both stages); 1 : 3 | `optimizer`, `iterations` |
//! | 3D volumes | 2D slices \[K\] | both | the network's architecture |
//! | at test time | – | \[R\] the first stream, the network with transposed convolutions; the mean of both streams, the other reading, is not offered | – |

mod config;
mod settings;
#[cfg(test)]
mod tests;

use burn::prelude::*;
use semivox_losses::{
    CrossPseudoSupervisionLoss, CrossPseudoSupervisionLossConfig, DenseContrastiveLoss,
    DenseContrastiveLossConfig, DiceCrossEntropyLoss, dense_correspondence,
};
use semivox_models::{
    Decoder, DenseProjector, DenseProjectorConfig, Network, NetworkOutput, Upsampling,
};
use semivox_sampling::FeatureQueue;

use super::supervised::supervised_loss;
use crate::batch::{Batch, split};
use crate::checkpoint::StateVisitor;
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::optimizer::Optimizer;
use crate::pair::Pair;
use crate::plan::{BatchPlan, StagePlan, StrongViews};
use crate::stage::{Handover, Stage, State};
use crate::step_context::StepContext;
use crate::student_teacher::StudentTeacher;
use crate::terms::LossTerms;
use crate::with_heads::WithHeads;

pub use config::{IdealConfig, Negatives, Perturbation, Streams};

/// Stage i: dense contrast between each position of the query and its most similar position of the key.
pub struct DenseContrast {
    config: IdealConfig,
    mirrored: [bool; 3],
    contrast: DenseContrastiveLoss,
}

impl DenseContrast {
    /// Creates stage i of the method; keys may be mirrored on the axes of `mirrored`.
    pub fn new(config: IdealConfig, mirrored: [bool; 3]) -> Self {
        let contrast = DenseContrastiveLossConfig::new().with_temperature(config.temperature);
        Self {
            config,
            mirrored,
            contrast: contrast.init(),
        }
    }
}

/// The state of stage i: query and key network, each with a dense head, and the queue of mean keys.
#[derive(Debug, Clone)]
pub struct Contrasted {
    networks: StudentTeacher<WithHeads<DenseProjector>>,
    queue: FeatureQueue,
}

impl Contrasted {
    /// Returns the negatives in the filled part of the queue, or `None` to use those of the batch.
    fn negatives(&self, negatives: Negatives) -> Option<Tensor<2>> {
        let filled = self.queue.filled();
        let queued = negatives == Negatives::Queue && filled > 0;
        queued.then(|| self.queue.entries::<2>().narrow(0, 0, filled))
    }
}

impl State for Contrasted {
    type Trained = WithHeads<DenseProjector>;

    fn trained(&mut self) -> &mut Self::Trained {
        self.networks.trained()
    }

    fn student(&self) -> &Network {
        self.networks.student()
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<(), MethodError> {
        self.networks.visit_state(visitor)?;
        visitor.queue("queue", &mut self.queue)
    }
}

impl Stage for DenseContrast {
    type State = Contrasted;

    fn plan(&self) -> StagePlan {
        StagePlan {
            name: "i dense contrast (reconstruction)",
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
    ) -> Result<Contrasted, MethodError> {
        let width = self.config.embedding;
        let channels = context.network.channels_after(0);
        let head = DenseProjectorConfig::new(channels, channels).with_embedding(width);
        let (seed, device) = (context.seed, &context.device);
        Ok(Contrasted {
            networks: StudentTeacher::new(WithHeads {
                network: networks.student,
                heads: context.drawn(|device| head.init(device)),
            }),
            queue: FeatureQueue::new(self.config.queue, &[width], seed, "queue", device)?,
        })
    }

    fn terms(
        &self,
        state: &mut Contrasted,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let config = &self.config;
        let StudentTeacher { student, teacher } = &state.networks;
        let [weak, strong] = batch.views();
        let query = lowest(&student.network, strong);
        let weak = config.key_geometry.apply(weak, self.mirrored, at);
        let key = lowest(&teacher.network, weak);
        let correspondence = dense_correspondence(query.clone(), key.clone());
        let queries = student.heads.forward(query);
        let keys = teacher.heads.forward(key);
        let negatives = state.negatives(config.negatives);
        let contrast = (self.contrast).forward(queries, keys.clone(), correspondence, negatives);
        state.queue.enqueue(pooled(keys))?;
        Ok(LossTerms::new().with("dense_contrast", 1.0, contrast))
    }

    fn after_step(&self, state: &mut Contrasted, _at: &StepContext) -> Result<(), MethodError> {
        state.networks.update_teacher(self.config.key_momentum);
        Ok(())
    }
}

/// Computes the encoder's feature map of the lowest resolution.
fn lowest(network: &Network, images: Tensor<5>) -> Tensor<5> {
    let [.., lowest] = network.encode(images);
    lowest
}

/// Computes the mean over all positions, `[batch, channels]`.
fn pooled(map: Tensor<5>) -> Tensor<2> {
    map.flatten::<3>(2, 4).mean_dim(2).squeeze_dim(2)
}

/// Stage ii: two streams learn from labels on labeled patches and from each other's pseudo-labels on unlabeled ones.
pub struct TwoDecoders {
    config: IdealConfig,
    supervised: DiceCrossEntropyLoss,
    cross: CrossPseudoSupervisionLoss,
}

impl TwoDecoders {
    /// Creates stage ii of the method.
    pub fn new(config: IdealConfig) -> Self {
        let cross = CrossPseudoSupervisionLossConfig::new().with_threshold(config.threshold);
        Self {
            config,
            supervised: supervised_loss(),
            cross: cross.init(),
        }
    }

    /// Creates the second stream, whose decoder upsamples by interpolation.
    fn second(&self, first: &Network, context: &MethodContext) -> Second {
        let network = context.network.clone().with_upsampling(Upsampling::Linear);
        match self.config.streams {
            Streams::Decoders => {
                Second::Decoder(context.drawn(|device| network.init_decoder(device)))
            }
            Streams::Networks => {
                let second = context.drawn(|device| network.init(device));
                Second::Network(second.with_encoder_of(first))
            }
        }
    }
}

/// The second stream of stage ii.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // there is one per stage
pub enum Second {
    /// A decoder on the first stream's encoder.
    Decoder(Decoder),
    /// A network whose encoder starts as a copy of the first stream's.
    Network(Network),
}

impl Second {
    fn forward(&self, first: &Network, images: Tensor<5>) -> NetworkOutput {
        match self {
            Self::Decoder(decoder) => first.forward_with(decoder, images),
            Self::Network(network) => network.forward(images),
        }
    }
}

impl Stage for TwoDecoders {
    type State = Pair<Second>;

    fn plan(&self) -> StagePlan {
        let second_view = match self.config.perturbation {
            Perturbation::Intensity => StrongViews::All,
            Perturbation::Dropout => StrongViews::None,
        };
        StagePlan {
            name: "ii two decoders (reconstruction)",
            steps: self.config.iterations[1],
            batch: BatchPlan::new(self.config.fine_tuning_batch, second_view),
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
        Ok(Pair {
            second: self.second(&networks.student, context),
            first: networks.student,
        })
    }

    fn terms(
        &self,
        streams: &mut Self::State,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError> {
        let config = &self.config;
        let labels = batch.labeled.labels.clone();
        let [weak, strong] = batch.views();
        let other_view = match config.perturbation {
            Perturbation::Intensity => strong,
            Perturbation::Dropout => weak.clone(),
        };
        let one = streams.first.forward(weak).logits;
        let other = streams.second.forward(&streams.first, other_view).logits;

        let [[of_one, one], [of_other, other]] =
            [one, other].map(|logits| split(logits, config.fine_tuning_batch));
        let of_one = self.supervised.forward(of_one, labels.clone());
        let of_other = self.supervised.forward(of_other, labels);
        let cross = self.cross.forward(one, other);
        Ok(LossTerms::new()
            .with("supervised", 1.0, of_one)
            .with("supervised_second", 1.0, of_other)
            .with("cross_pseudo", config.cross_weight * at.ramp(), cross))
    }
}
