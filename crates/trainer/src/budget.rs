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
/// Batches are prepared beside the training. On the CPU, with which they share the cores, an iteration takes
/// `step + batch / cores`, on another device `step`; at least `batch / workers` on both. The networks that are trained for it are dropped.
/// Checkpoints are not counted.
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
        let (mut spent, mut prepared) = (Duration::ZERO, Duration::ZERO);
        for step in 0..=u64::from(TIMED) {
            let begun = Instant::now();
            let host = source.batch(step);
            if step > 0 {
                prepared += begun.elapsed();
            }
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
            let batch = Batch::from_host(host, &device);
            method.step(batch, &at)?;
            if step > 0 {
                spent += begun.elapsed();
            }
        }
        let [step, batch] = [spent, prepared].map(|time| time.as_secs_f64() / f64::from(TIMED));
        total += seconds(config, step, batch) * plan.steps as f64;
        steps += plan.steps;
    }
    Ok(total / steps.max(1) as f64)
}

/// Returns the seconds of an iteration whose step takes `step` and whose batch is prepared in `batch` by one thread.
fn seconds(config: &RunConfig, step: f64, batch: f64) -> f64 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let training = match config.device.as_str() {
        "cpu" | "ndarray" => step + batch / cores as f64,
        _ => step,
    };
    training.max(batch / config.data.workers.max(1) as f64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn batches_count_where_they_share_the_cores_or_are_slower_than_the_step() {
        let mut config = crate::presets::preset("quick", "supervised").unwrap();
        config.data.workers = 1;
        assert!(seconds(&config, 0.5, 0.2) > 0.5);
        assert_eq!(seconds(&config, 0.1, 10.0), 10.0);
        config.device = "cuda".into();
        config.data.workers = 2;
        assert_eq!(seconds(&config, 0.5, 0.2), 0.5);
        assert_eq!(seconds(&config, 0.05, 0.2), 0.1);
    }

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
