//! Stages, the consecutive parts of a training method.

use burn::module::Module;
use semivox_models::Network;

use crate::batch::Batch;
use crate::checkpoint::StateVisitor;
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::optimizer::Optimizer;
use crate::plan::StagePlan;
use crate::step_context::StepContext;
use crate::terms::LossTerms;

/// One stage of a training method: the modules that it trains, its batches and its loss.
///
/// A [`Method`](crate::method::Method) is a list of stages. Each step computes the loss [`terms`](Self::terms),
/// lets the optimizer minimize their weighted sum and calls [`after_step`](Self::after_step).
///
/// # Examples
/// A custom method: cross-entropy and Dice on labeled patches, entropy minimization on unlabeled ones.
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::{DiceCrossEntropyLossConfig, EntropyLossConfig};
/// use semivox_models::{Network, NetworkConfig};
/// use semivox_methods::MethodError;
/// use semivox_methods::batch::Batch;
/// use semivox_methods::context::MethodContext;
/// use semivox_methods::method::Method;
/// use semivox_methods::optimizer::{Optimizer, OptimizerConfig};
/// use semivox_methods::plan::StagePlan;
/// use semivox_methods::stage::{Handover, Stage};
/// use semivox_methods::step_context::StepContext;
/// use semivox_methods::terms::LossTerms;
///
/// struct Certain;
///
/// impl Stage for Certain {
///     type State = Network;
///
///     fn plan(&self) -> StagePlan {
///         StagePlan::weak("certain", 100, [2, 2])
///     }
///
///     fn optimizer(&self) -> Optimizer {
///         OptimizerConfig::default().init()
///     }
///
///     fn begin(&self, networks: Handover, _: &MethodContext) -> Result<Network, MethodError> {
///         Ok(networks.student)
///     }
///
///     fn terms(
///         &self,
///         network: &mut Network,
///         batch: Batch,
///         at: &StepContext,
///     ) -> Result<LossTerms, MethodError> {
///         let labels = batch.labeled.labels.clone();
///         let [images, _] = batch.views();
///         let logits = network.forward(images).logits;
///         let labeled = DiceCrossEntropyLossConfig::new().init();
///         let labeled = labeled.forward(logits.clone().narrow(0, 0, 2), labels);
///         let entropy = EntropyLossConfig::new().init().forward(logits.narrow(0, 2, 2));
///         Ok(LossTerms::new()
///             .with("supervised", 1.0, labeled)
///             .with("entropy", 0.1 * at.ramp(), entropy))
///     }
/// }
///
/// let context = MethodContext {
///     network: NetworkConfig::new(1, 2).with_filters(2),
///     patch: [16; 3],
///     mirrored: [true, true, false],
///     seed: 0,
///     device: Device::flex().autodiff(),
/// };
/// let method = Method::new(context).with_stage(Certain);
/// assert_eq!(method.stages()[0].steps, 100);
/// ```
pub trait Stage {
    /// Networks, heads and memory banks of the stage.
    type State: State;

    /// Returns the name, the number of steps and the batch composition of the stage.
    fn plan(&self) -> StagePlan;

    /// Returns a new optimizer, with zero momentum.
    fn optimizer(&self) -> Optimizer;

    /// Creates the state before the first step from the networks of the previous stage.
    ///
    /// On resume it is created the same way and then overwritten by the checkpoint.
    ///
    /// # Errors
    /// If the stage's settings contradict the run's.
    fn begin(
        &self,
        networks: Handover,
        context: &MethodContext,
    ) -> Result<Self::State, MethodError>;

    /// Computes the loss terms of a step.
    ///
    /// # Errors
    /// If samples cannot be drawn with these settings.
    fn terms(
        &self,
        state: &mut Self::State,
        batch: Batch,
        at: &StepContext,
    ) -> Result<LossTerms, MethodError>;

    /// Runs the updates that follow the optimizer's step, such as that of a teacher; does nothing by default.
    ///
    /// # Errors
    /// If the features of the step do not fit a memory bank.
    fn after_step(&self, _state: &mut Self::State, _at: &StepContext) -> Result<(), MethodError> {
        Ok(())
    }
}

/// The state of a stage: everything that a checkpoint holds besides the optimizer.
pub trait State: Clone {
    /// The module that the optimizer trains.
    type Trained: Module;

    /// Returns the module that the optimizer trains.
    fn trained(&mut self) -> &mut Self::Trained;

    /// Returns the network that is evaluated.
    fn student(&self) -> &Network;

    /// Returns the teacher, the moving average of the student, if the method has one.
    fn teacher(&self) -> Option<&Network> {
        None
    }

    /// Passes every part to `visitor` under its own name, for saving and for loading.
    ///
    /// # Errors
    /// If it cannot be written, or the checkpoint is incomplete or belongs to other networks.
    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<(), MethodError>;
}

/// The networks that a stage hands over to the next.
#[derive(Debug, Clone)]
pub struct Handover {
    /// The student.
    pub student: Network,
    /// The moving average of the student, if the stage had one.
    pub teacher: Option<Network>,
}

impl Handover {
    /// Hands over a student without a teacher, as before the first stage.
    pub fn new(student: Network) -> Self {
        Self {
            student,
            teacher: None,
        }
    }
}

/// The state of a stage that trains one network and nothing else.
impl State for Network {
    type Trained = Self;

    fn trained(&mut self) -> &mut Self {
        self
    }

    fn student(&self) -> &Network {
        self
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<(), MethodError> {
        visitor.module("student", self)
    }
}
