//! Methods of one stage: what every such recipe does, so that a method says only what its paper says.

use burn::module::Module;
use semivox_models::Network;

use crate::batch::Batch;
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::descent::Descent;
use crate::error::TrainError;
use crate::optimizer::OptimizerConfig;
use crate::recipe::{Recipe, Stage, StepContext};
use crate::terms::{LossTerms, StepValues};

/// The names of the networks in a checkpoint.
pub(crate) const NETWORKS: [&str; 2] = ["student", "teacher"];
/// The names of projection heads in a checkpoint.
pub(crate) const HEADS: [&str; 2] = ["heads", "teacher_heads"];

/// A training method of one stage; [`OneStageRecipe`] makes a [`Recipe`] of it.
///
/// # Examples
/// A method of one's own: cross-entropy and Dice where there are labels, and certainty elsewhere.
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::{DiceCrossEntropyLossConfig, EntropyLossConfig};
/// use semivox_models::{Network, NetworkConfig};
/// use semivox_trainer::batch::Batch;
/// use semivox_trainer::one_stage::{OneStage, OneStageRecipe};
/// use semivox_trainer::optimizer::OptimizerConfig;
/// use semivox_trainer::recipe::{Recipe, Setting, Stage, StepContext};
/// use semivox_trainer::terms::LossTerms;
///
/// struct Certain;
///
/// impl OneStage for Certain {
///     type Networks = Network;
///
///     fn stage(&self) -> Stage {
///         Stage::only("certain", 100, [2, 2])
///     }
///
///     fn terms(&self, network: &Network, batch: Batch, at: &StepContext) -> LossTerms {
///         let labels = batch.labeled.labels.clone();
///         let [images, _] = batch.views();
///         let logits = network.forward(images).logits;
///         let labeled = DiceCrossEntropyLossConfig::new().init();
///         let labeled = labeled.forward(logits.clone().narrow(0, 0, 2), labels);
///         let entropy = EntropyLossConfig::new().init().forward(logits.narrow(0, 2, 2));
///         LossTerms::new().with("supervised", 1.0, labeled).with("entropy", 0.1 * at.ramp(), entropy)
///     }
/// }
///
/// let setting = Setting {
///     network: NetworkConfig::new(1, 2).with_filters(2),
///     patch: [16; 3],
///     mirrored: [true, true, false],
///     seed: 0,
///     device: Device::flex().autodiff(),
/// };
/// let recipe = OneStageRecipe::new(setting.student(), OptimizerConfig::default(), Certain);
/// assert_eq!(recipe.stages()[0].steps, 100);
/// ```
pub trait OneStage {
    /// What the method trains and what follows it.
    type Networks: Networks;

    /// Its name, its steps and their batches.
    fn stage(&self) -> Stage;

    /// The loss terms of a step.
    fn terms(&self, networks: &Self::Networks, batch: Batch, at: &StepContext) -> LossTerms;

    /// What follows the optimizer's step, such as a teacher; nothing unless the method says so.
    fn follow(&self, _networks: &mut Self::Networks, _at: &StepContext) {}
}

/// The networks of a method of one stage.
pub trait Networks {
    /// What the optimizer moves.
    type Trained: Module;

    /// What the optimizer moves.
    fn trained(&mut self) -> &mut Self::Trained;

    /// The network that is evaluated.
    fn network(&self) -> &Network;

    /// Writes each under its name.
    ///
    /// # Errors
    /// If the disk does not take it.
    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError>;

    /// Restores all.
    ///
    /// # Errors
    /// If the checkpoint is incomplete or belongs to other networks.
    fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError>;
}

/// One network, without anything beside it.
impl Networks for Network {
    type Trained = Self;

    fn trained(&mut self) -> &mut Self {
        self
    }

    fn network(&self) -> &Network {
        self
    }

    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        checkpoint.module(NETWORKS[0], self)
    }

    fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError> {
        *self = checkpoint.module(NETWORKS[0], self.clone())?;
        Ok(())
    }
}

/// The recipe of a method of one stage: terms, a step of the optimizer, and what follows it.
pub struct OneStageRecipe<M: OneStage> {
    pub(crate) method: M,
    pub(crate) networks: M::Networks,
    descent: Descent,
}

impl<M: OneStage> OneStageRecipe<M> {
    /// A run of `method` from new networks.
    pub fn new(networks: M::Networks, optimizer: OptimizerConfig, method: M) -> Self {
        Self {
            method,
            networks,
            descent: Descent::new(optimizer),
        }
    }
}

impl<M: OneStage> Recipe for OneStageRecipe<M> {
    fn stages(&self) -> Vec<Stage> {
        vec![self.method.stage()]
    }

    fn step(&mut self, batch: Batch, at: &StepContext) -> Result<StepValues, TrainError> {
        let terms = self.method.terms(&self.networks, batch, at);
        let values = self.descent.step(self.networks.trained(), terms, at)?;
        self.method.follow(&mut self.networks, at);
        Ok(values)
    }

    fn learning_rate(&self, at: &StepContext) -> f64 {
        self.descent.learning_rate(at)
    }

    fn network(&self) -> &Network {
        self.networks.network()
    }

    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), TrainError> {
        self.networks.save(checkpoint)?;
        self.descent.save(checkpoint)
    }

    fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), TrainError> {
        self.networks.load(checkpoint)?;
        self.descent.load(checkpoint)
    }
}
