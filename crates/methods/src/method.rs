//! Training methods as lists of stages.

use semivox_models::Network;

use crate::batch::Batch;
use crate::checkpoint::{CheckpointReader, CheckpointWriter, StateVisitor};
use crate::context::MethodContext;
use crate::error::MethodError;
use crate::optimizer::Optimizer;
use crate::plan::StagePlan;
use crate::stage::{Handover, Stage, State};
use crate::step_context::StepContext;
use crate::terms::StepValues;

/// A training method during a run: its stages, and the state of the current one.
///
/// A method owns networks, optimizer and everything else that its paper defines; loading data, counting steps and
/// writing files is left to the training loop. After [`save`](Self::save) and [`load`](Self::load) into a new
/// method of the same settings, the next step is bit-equal on the CPU.
pub struct Method {
    context: MethodContext,
    /// The networks, before the first stage begins and between stages.
    networks: Option<Handover>,
    stages: Vec<Box<dyn AnyStage>>,
    current: Option<usize>,
}

impl Method {
    /// Creates a method without stages, with a student drawn from the context's seed.
    pub fn new(context: MethodContext) -> Self {
        Self {
            networks: Some(Handover::new(context.student())),
            context,
            stages: Vec::new(),
            current: None,
        }
    }

    /// Appends a stage.
    pub fn with_stage<S: Stage + 'static>(mut self, stage: S) -> Self {
        self.stages.push(Box::new(Running::new(stage)));
        self
    }

    /// Returns the plans of all stages, in order.
    pub fn stages(&self) -> Vec<StagePlan> {
        self.stages.iter().map(|stage| stage.plan()).collect()
    }

    /// Begins stage `index` with the current networks, new heads and memory banks, and a new optimizer.
    ///
    /// Called once at the start of a stage, and on resume before [`load`](Self::load).
    ///
    /// # Errors
    /// If the stage's settings contradict the run's.
    ///
    /// # Panics
    /// If there is no such stage.
    pub fn begin_stage(&mut self, index: usize) -> Result<(), MethodError> {
        if let Some(current) = self.current.take() {
            self.networks = Some(self.stages[current].leave());
        }
        let networks = self.networks.clone().expect(HELD);
        self.stages[index].begin(networks, &self.context)?;
        // Otherwise the initial weights would take memory as long as the stage lasts.
        self.networks = None;
        self.current = Some(index);
        Ok(())
    }

    /// Runs one optimization step of the current stage and returns its loss values.
    ///
    /// # Errors
    /// [`MethodError::NonFinite`] if a loss term is not finite.
    ///
    /// # Panics
    /// If no stage has begun.
    pub fn step(&mut self, batch: Batch, at: &StepContext) -> Result<StepValues, MethodError> {
        let current = self.current.expect("a stage is begun before its steps");
        self.stages[current].step(batch, at)
    }

    /// Returns the learning rate at a step of the current stage, or of the first if none has begun.
    pub fn learning_rate(&self, at: &StepContext) -> f64 {
        self.stages[self.current.unwrap_or(0)].learning_rate(at)
    }

    /// Returns the network that is evaluated, the student.
    pub fn network(&self) -> &Network {
        match self.current {
            Some(current) => self.stages[current].student(),
            None => &self.networks.as_ref().expect(HELD).student,
        }
    }

    /// Writes the complete state of the current stage.
    ///
    /// # Errors
    /// If it cannot be written.
    ///
    /// # Panics
    /// If no stage has begun.
    pub fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), MethodError> {
        let current = self.current.expect("a stage is begun before it is saved");
        self.stages[current].save(checkpoint)
    }

    /// Restores the complete state of the current stage.
    ///
    /// # Errors
    /// If the checkpoint is incomplete or belongs to another network.
    ///
    /// # Panics
    /// If no stage has begun.
    pub fn load(&mut self, checkpoint: &CheckpointReader) -> Result<(), MethodError> {
        let current = self.current.expect("a stage is begun before it is loaded");
        self.stages[current].load(checkpoint, &self.context)
    }
}

/// Message of a broken invariant: [`Method`] holds the networks whenever no stage does.
const HELD: &str = "without a stage the networks are here";

/// A [`Stage`] with its state type erased, so that different stages fit in one list.
pub(crate) trait AnyStage {
    fn plan(&self) -> StagePlan;
    fn begin(&mut self, networks: Handover, context: &MethodContext) -> Result<(), MethodError>;
    fn leave(&mut self) -> Handover;
    fn step(&mut self, batch: Batch, at: &StepContext) -> Result<StepValues, MethodError>;
    fn learning_rate(&self, at: &StepContext) -> f64;
    fn student(&self) -> &Network;
    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), MethodError>;
    fn load(
        &mut self,
        checkpoint: &CheckpointReader,
        context: &MethodContext,
    ) -> Result<(), MethodError>;
}

/// A stage with its optimizer and, once it has begun, its state.
pub(crate) struct Running<S: Stage> {
    pub(crate) stage: S,
    optimizer: Optimizer,
    state: Option<S::State>,
}

impl<S: Stage> Running<S> {
    /// Wraps a stage that has not begun.
    pub(crate) fn new(stage: S) -> Self {
        Self {
            optimizer: stage.optimizer(),
            stage,
            state: None,
        }
    }

    /// Returns the state of a stage that has begun.
    pub(crate) fn state(&self) -> &S::State {
        self.state.as_ref().expect("the stage is begun")
    }
}

/// The optimizer's name in a checkpoint.
const OPTIMIZER: &str = "optimizer";

impl<S: Stage> AnyStage for Running<S> {
    fn plan(&self) -> StagePlan {
        self.stage.plan()
    }

    fn begin(&mut self, networks: Handover, context: &MethodContext) -> Result<(), MethodError> {
        self.optimizer = self.stage.optimizer();
        self.state = Some(self.stage.begin(networks, context)?);
        Ok(())
    }

    /// Returns the networks and drops the state, so that heads and banks take no memory in later stages.
    fn leave(&mut self) -> Handover {
        let state = self.state.take().expect("the stage is begun");
        Handover {
            student: state.student().clone(),
            teacher: state.teacher().cloned(),
        }
    }

    fn step(&mut self, batch: Batch, at: &StepContext) -> Result<StepValues, MethodError> {
        let state = self.state.as_mut().expect("the stage is begun");
        let terms = self.stage.terms(state, batch, at)?;
        let values = terms.descend(state.trained(), &mut self.optimizer, at)?;
        self.stage.after_step(state, at)?;
        Ok(values)
    }

    fn learning_rate(&self, at: &StepContext) -> f64 {
        self.optimizer.learning_rate(at)
    }

    fn student(&self) -> &Network {
        self.state().student()
    }

    fn save(&self, checkpoint: &mut CheckpointWriter) -> Result<(), MethodError> {
        checkpoint.optimizer(OPTIMIZER, &self.optimizer)?;
        // A clone shares the tensors: nothing is copied.
        self.state()
            .clone()
            .visit_state(&mut StateVisitor::saving(checkpoint))
    }

    fn load(
        &mut self,
        checkpoint: &CheckpointReader,
        context: &MethodContext,
    ) -> Result<(), MethodError> {
        self.optimizer = checkpoint.optimizer(OPTIMIZER, self.stage.optimizer())?;
        let state = self.state.as_mut().expect("the stage is begun");
        state.visit_state(&mut StateVisitor::loading(checkpoint, &context.device))
    }
}
