//! The part of a session that trains, evaluates and reports.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use burn::prelude::Device;
use semivox_data::LabeledCase;
use semivox_inference::evaluation::Evaluation;
use semivox_inference::{Model, device};
use semivox_methods::{Method, MethodContext};

use super::{Session, Summary};
use crate::config::OwnMethod;
use crate::error::TrainError;
use crate::report;
use crate::run::folder::RunFolder;
use crate::training::{Observer, Outcome, Training};
use crate::{evaluating, specimens};

impl Session {
    /// Trains, evaluates the last checkpoint on the test cases and writes the
    /// report; after an interruption, the report of the steps done so far.
    ///
    /// Train one session at a time in a process: dropout draws from a generator of the device that all of them share, so
    /// that sessions in several threads are not reproducible.
    ///
    /// # Errors
    /// If training, evaluation or the report fails; the last checkpoint is kept.
    pub fn run(
        &self,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Summary, TrainError> {
        if let Some(OwnMethod { name, .. }) = &self.config.own_method {
            return Err(TrainError::setting(
                "own_method",
                "no custom method",
                name,
                "train it from the program that defines it, with Session::run_method",
            ));
        }
        let mut method = self.config.method.settings().method(self.context()?)?;
        self.train(&mut method, observer, stop)
    }

    /// Returns the inputs from which a custom method is made, for [`run_method`](Self::run_method).
    ///
    /// # Errors
    /// If the device is unavailable.
    pub fn context(&self) -> Result<MethodContext, TrainError> {
        let device = device::by_name(&self.config.device)?.autodiff();
        Ok(self.config.context(self.dataset.classes.len(), &device))
    }

    /// Runs, like [`run`](Self::run), but with a custom method made for [`context`](Self::context).
    ///
    /// The settings must name the method as `own_method`, for log, report and evaluation.
    ///
    /// # Errors
    /// If they do not, and as for [`run`](Self::run).
    pub fn run_method(
        &self,
        method: &mut Method,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Summary, TrainError> {
        let steps = steps_of(method);
        match &self.config.own_method {
            Some(own) if own.iterations == steps => {}
            own => {
                let found = own.as_ref().map(|own| own.iterations.to_string());
                return Err(TrainError::setting(
                    "own_method",
                    format!("name and iterations ({steps}) of the method that this program runs"),
                    found.unwrap_or("none".into()),
                    "set it before the session starts",
                ));
            }
        }
        self.train(method, observer, stop)
    }

    fn train(
        &self,
        method: &mut Method,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Summary, TrainError> {
        let config = &self.config;
        let device = device::by_name(&config.device)?.autodiff();
        let dice_before = match config.data.root {
            None => self
                .evaluate(method, None, observer, stop)?
                .and_then(|e| e.mean.dice),
            Some(_) => None,
        };
        let training = self.training(device, stop);
        let mut outcome = training.run(method, observer)?;
        let validation = match outcome {
            Outcome::Finished => self.validate(method, observer, stop)?,
            Outcome::Interrupted { .. } => None,
        };
        if outcome == Outcome::Finished && validation.is_none() && !self.validation.is_empty() {
            outcome = Outcome::Interrupted {
                step: steps_of(method),
            };
        }
        let evaluation = match outcome {
            Outcome::Finished if self.dataset.test.is_empty() => {
                let model = self.model(method, &training.device)?;
                specimens::predict(&model, &self.dataset, &self.run, observer)?;
                None
            }
            Outcome::Finished => {
                let found = self.evaluate(method, Some(&self.run), observer, stop)?;
                if found.is_none() {
                    outcome = Outcome::Interrupted {
                        step: steps_of(method),
                    };
                }
                found
            }
            Outcome::Interrupted { .. } => None,
        };
        report::write_for(&self.run, config, Ok(&self.dataset), evaluation.as_ref())?;
        Ok(Summary {
            outcome,
            dice_before,
            evaluation,
            validation,
        })
    }

    /// Returns the training alone, without evaluation and report.
    pub(crate) fn training<'a>(&'a self, device: Device, stop: &'a AtomicBool) -> Training<'a> {
        Training {
            config: &self.config,
            run: &self.run,
            set: self.set.clone(),
            device,
            stop,
        }
    }

    /// Returns the model of the method's network, with the fingerprints of its training scans.
    fn model(&self, method: &Method, device: &Device) -> Result<Model, TrainError> {
        let model = self.config.model(method.network(), device)?;
        Ok(model.with_training_data(self.set.training_data(&method.stages())))
    }

    fn evaluate(
        &self,
        method: &Method,
        run: Option<&RunFolder>,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Option<Evaluation>, TrainError> {
        if self.dataset.test.is_empty() {
            return Ok(None);
        }
        let folder = run.map(RunFolder::predictions);
        let evaluation = self.evaluate_on(&self.dataset.test, folder, (method, observer), stop)?;
        if let (Some(run), Some(evaluation)) = (run, &evaluation) {
            evaluation.write(run.evaluation())?;
        }
        Ok(evaluation)
    }

    /// Evaluates on the validation cases and writes `validation.json`; none without such cases or if `stop` was set.
    fn validate(
        &self,
        method: &Method,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Option<Evaluation>, TrainError> {
        if self.validation.is_empty() {
            return Ok(None);
        }
        let found = self.evaluate_on(&self.validation, None, (method, observer), stop)?;
        if let Some(found) = &found {
            found.write(self.run.validation())?;
        }
        Ok(found)
    }

    fn evaluate_on(
        &self,
        cases: &[LabeledCase],
        folder: Option<PathBuf>,
        (method, observer): (&Method, &mut dyn Observer),
        stop: &AtomicBool,
    ) -> Result<Option<Evaluation>, TrainError> {
        let (config, dataset) = (&self.config, &self.dataset);
        let model = self.model(method, &device::by_name(&config.device)?)?;
        let known = evaluating::Known {
            protocol: evaluating::protocol(config, dataset, &self.patients),
            leaks: &self.leaks,
        };
        evaluating::evaluate_as(&model, cases, known, folder, observer, stop)
    }
}

/// Returns the number of steps of all stages.
fn steps_of(method: &Method) -> u64 {
    method.stages().iter().map(|stage| stage.steps).sum()
}
