//! The number of iterations that a training can take within a budget of time on the machine at hand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use semivox_inference::device;
use semivox_methods::StepContext;
use semivox_methods::batch::Batch;

use crate::batch_source::BatchSource;
use crate::config::RunConfig;
use crate::error::TrainError;
use crate::training_set::TrainingSet;

/// Number of steps of each stage that are timed, after one that is not, in which memory is allocated.
const TIMED: u32 = 4;

/// Returns the number of iterations that fit `budget`, at `seconds` each.
///
/// # Errors
/// If not even one fits.
pub(crate) fn iterations_within(budget: Duration, seconds: f64) -> Result<u64, TrainError> {
    match (budget.as_secs_f64() / seconds) as u64 {
        0 => Err(TrainError::setting(
            "budget",
            format!("at least the {seconds:.1} s of one iteration on this machine"),
            format!("{} s", budget.as_secs()),
            "give more time, or choose smaller patches or fewer filters",
        )),
        iterations => Ok(iterations),
    }
}

/// Measures the seconds of an iteration: the mean over the method's stages, by their shares of the iterations.
///
/// The networks that are trained for it are dropped. Time for batches is not counted, as they are prepared beside the
/// training.
///
/// # Errors
/// If the device is unavailable or a step fails.
pub(crate) fn seconds_per_iteration(
    config: &RunConfig,
    set: &Arc<TrainingSet>,
    classes: usize,
) -> Result<f64, TrainError> {
    let device = device::by_name(&config.device)?.autodiff();
    let context = config.context(classes, &device);
    let mut method = config.method.settings().method(context)?;
    let (mut total, mut steps) = (0.0, 0);
    for (index, plan) in method.stages().into_iter().enumerate() {
        method.begin_stage(index)?;
        let source = BatchSource::new(config, set.clone(), plan.batch)?;
        let mut spent = Duration::ZERO;
        for step in 0..=u64::from(TIMED) {
            let batch = Batch::from_host(source.batch(step), &device);
            let at = StepContext {
                step,
                steps: config.iterations(),
                // At its end, where every term of the stage has a weight.
                stage_step: plan.steps.saturating_sub(1),
                stage_steps: plan.steps,
                seed: config.seed,
                device: device.clone(),
            };
            let begun = Instant::now();
            method.step(batch, &at)?;
            if step > 0 {
                spent += begun.elapsed();
            }
        }
        total += spent.as_secs_f64() / f64::from(TIMED) * plan.steps as f64;
        steps += plan.steps;
    }
    Ok(total / steps.max(1) as f64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn iterations_fill_the_budget_and_one_must_fit() {
        let within = |seconds| iterations_within(Duration::from_secs(600), seconds);
        assert_eq!(within(0.25).unwrap(), 2_400);
        assert_eq!(within(599.0).unwrap(), 1);
        let message = within(700.0).unwrap_err().to_string();
        assert!(
            message.contains("budget") && message.contains("700.0 s"),
            "{message}"
        );
    }
}
