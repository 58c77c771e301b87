//! The training loop: stages, steps, log, checkpoints, interruption, resume.

mod checkpoints;
mod logs;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::prelude::Device;
use rand::Rng;
use semivox_data::loader::{LoaderConfig, OrderedLoader};
use semivox_data::rng::keyed;

use crate::batch_source::BatchSource;
use crate::config::RunConfig;
use crate::error::TrainError;
pub use crate::observer::Observer;
use crate::run::folder::RunFolder;
use crate::run::metrics_log::MetricsRow;
use crate::training_set::TrainingSet;
use checkpoints::restore;
use logs::Log;
use semivox_methods::batch::{Batch, HostBatch};
use semivox_methods::checkpoint;
use semivox_methods::host::host;
use semivox_methods::method::Method;
use semivox_methods::plan::StagePlan;
use semivox_methods::step_context::StepContext;

/// The outcome of a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All steps are done.
    Finished,
    /// The training was stopped on request; a checkpoint holds its state after `step` steps.
    Interrupted {
        /// Number of steps done.
        step: u64,
    },
}

/// The training loop, with its inputs.
pub struct Training<'a> {
    /// Configuration of the run.
    pub config: &'a RunConfig,
    /// The run folder.
    pub run: &'a RunFolder,
    /// Preprocessed cases.
    pub set: Arc<TrainingSet>,
    /// The training device (with autodiff).
    pub device: Device,
    /// Set to true from outside to stop after the current step.
    pub stop: &'a AtomicBool,
}

impl Training<'_> {
    /// Trains from the newest intact checkpoint of the run folder, or from the start.
    /// The observer receives a notice of newer checkpoints that are damaged.
    ///
    /// Writes a checkpoint every `checkpoint_every` steps, at the end, and when
    /// asked to stop. Lines of the log beyond the checkpoint are dropped first,
    /// so that no step is logged twice.
    ///
    /// # Errors
    /// If a checkpoint cannot be restored, a batch cannot be made, a step diverges or a file
    /// cannot be written; the last checkpoint is kept.
    pub fn run(
        &self,
        method: &mut Method,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, TrainError> {
        let stages = method.stages();
        let total: u64 = stages.iter().map(|stage| stage.steps).sum();
        let checkpoints = self.run.checkpoints();
        let whole = checkpoint::newest_whole(&checkpoints, |sentence| observer.notice(sentence))?;
        let mut done = match whole {
            Some(checkpoint) => {
                let position = restore(&checkpoint, method)?;
                // The saved model may belong to another checkpoint: if the process was killed between writing the
                // two, or the newest checkpoint is damaged.
                self.save_model(method)?;
                position.step
            }
            None => 0,
        };
        let mut log = Log::open(self.run, done)?;
        let mut first = 0;
        for (index, stage) in stages.iter().enumerate() {
            let end = first + stage.steps;
            if done < end {
                if done == first {
                    self.seed(done, "stage");
                    method.begin_stage(index)?;
                }
                observer.stage(stage, done, total);
                let mut span = Span {
                    stage,
                    index,
                    first,
                };
                done = self.run_stage(&mut span, done, method, &mut log, observer)?;
                if done < end || (self.stopped() && done < total) {
                    return Ok(Outcome::Interrupted { step: done });
                }
            }
            first = end;
        }
        Ok(Outcome::Finished)
    }

    /// Runs the steps of a stage from `done` on; returns the number of steps done
    /// when it ended or was stopped.
    fn run_stage(
        &self,
        span: &mut Span<'_>,
        mut done: u64,
        method: &mut Method,
        log: &mut Log,
        observer: &mut dyn Observer,
    ) -> Result<u64, TrainError> {
        let end = span.first + span.stage.steps;
        let mut loader = self.loader(span.stage, done..end)?;
        let mut clock = Instant::now();
        let mut waited = loader.wait_seconds();
        while done < end {
            let host = loader.next().expect("the loader covers the stage")?;
            let at = self.context(done, span);
            self.seed(done, "device");
            let batch = Batch::from_host(host, &self.device);
            let values = method.step(batch, &at)?;
            done += 1;
            let seconds = clock.elapsed().as_secs_f64();
            clock = Instant::now();
            let wait = loader.wait_seconds() - waited;
            waited = loader.wait_seconds();
            let row = MetricsRow {
                step: done,
                stage: span.stage.name.to_string(),
                losses: values
                    .into_iter()
                    .map(|(n, v)| (n.to_string(), v))
                    .collect(),
                lr: method.learning_rate(&at),
                seconds_per_step: seconds,
                data_wait: (wait / seconds).clamp(0.0, 1.0),
            };
            log.append(&row)?;
            observer.step(&row);
            // Read once: a signal between two reads would end the training without a checkpoint.
            let stopped = self.stopped();
            if done == end || done.is_multiple_of(self.config.checkpoint_every) || stopped {
                self.save(method, log, done, span.index)?;
            }
            if stopped {
                break;
            }
        }
        Ok(done)
    }

    fn loader(
        &self,
        stage: &StagePlan,
        steps: std::ops::Range<u64>,
    ) -> Result<OrderedLoader<HostBatch, Infallible>, TrainError> {
        let source = BatchSource::new(self.config, self.set.clone(), stage.batch)?;
        let options = LoaderConfig {
            workers: self.config.data.workers,
            prefetch: self.config.data.prefetch,
        };
        Ok(OrderedLoader::new(steps, options, move |step| {
            Ok(source.batch(step))
        }))
    }

    fn context(&self, step: u64, span: &Span<'_>) -> StepContext {
        StepContext {
            step,
            steps: self.config.iterations(),
            stage_step: step - span.first,
            stage_steps: span.stage.steps,
            seed: self.config.seed,
            device: self.device.clone(),
        }
    }

    /// Seeds the random number generators of device and host.
    ///
    /// Dropout draws from the device's generator, whose state cannot be saved; seeding
    /// it at each step makes a resumed run bit-equal. New weights are drawn on the host,
    /// whose generator gets the same seed.
    fn seed(&self, step: u64, purpose: &str) {
        let seed = keyed(self.config.seed, step, purpose).next_u64();
        self.device.seed(seed);
        if let Some(host) = host() {
            host.seed(seed);
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A stage, with its index and the steps done before it.
struct Span<'a> {
    stage: &'a StagePlan,
    index: usize,
    first: u64,
}
