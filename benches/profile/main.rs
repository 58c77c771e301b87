//! Profile of a training step: time and peak memory of each stage of a method, and its time by operator and pass.
//!
//! ```sh
//! cargo bench --bench profile -- quick action
//! cargo bench --bench profile -- paper action 3
//! cargo bench --bench profile -- paper inference
//! ```
//!
//! Arguments: preset, method, timed steps per stage (default 5). Batches come from phantoms and have the sizes of the
//! preset, except one labeled and one unlabeled patch in the `paper` preset, whose full batch needs a GPU. `inference` in
//! place of a method is the forward pass of one patch in evaluation mode. Peak memory is that of the process so far, so
//! later stages include earlier ones. Rates stand beside the machine's peaks: fused multiply-adds on registers, and a
//! copy of 128 MB.
//!
//! For mean teacher, SimCVD and the last stage of ACTION the network's passes of a step are timed alone too: forward,
//! backward and update of the student, with ACTION's representation head, and forward of the teacher.
//!
//! `elsewhere` is processor time outside the passes: Burn's own operators, losses, updates, page faults. `idle` is the
//! rest of the threads' time. Both need Linux, as does the memory.

mod measured;
mod passes;
mod usage;

use std::sync::Arc;

use burn::prelude::*;
use burn::tensor::Distribution;
use semivox::data::cache::{LabeledScan, UnlabeledScan};
use semivox::data::inspect::{CaseFacts, Role};
use semivox::data::phantom::{PhantomConfig, atrium};
use semivox::inference::device;
use semivox::kernels::profile;
use semivox::methods::batch::Batch;
use semivox::methods::step_context::StepContext;
use semivox::trainer::TrainError;
use semivox::trainer::batch_source::BatchSource;
use semivox::trainer::config::RunConfig;
use semivox::trainer::presets::preset;
use semivox::trainer::training_set::TrainingSet;

use measured::Measured;
use passes::Passes;

fn main() -> Result<(), TrainError> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let argument = |index: usize, fallback: &str| {
        arguments
            .get(index)
            .cloned()
            .unwrap_or_else(|| fallback.into())
    };
    let (name, method) = (argument(0, "quick"), argument(1, "action"));
    let steps: u64 = argument(2, "5").parse().unwrap_or(5);
    // As the command does.
    semivox::kernels::keep_freed_memory();
    let (patch, mut measured) = match method.as_str() {
        "inference" => inference(&name, steps)?,
        _ => training(&name, &method, steps)?,
    };
    // Last, as its memory is not the method's.
    let peak = profile::peak();
    println!(
        "{name} {method}, patch {patch:?}, {} threads, peaks {:.0} GFLOP/s and {:.1} GB/s",
        peak.threads,
        peak.flop_per_second * 1e-9,
        peak.bytes_per_second * 1e-9
    );
    measured.iter_mut().for_each(|stage| stage.print(&peak));
    Ok(())
}

/// Measures every stage of a method; returns the patch too.
fn training(
    name: &str,
    method: &str,
    steps: u64,
) -> Result<([usize; 3], Vec<Measured>), TrainError> {
    let mut config = preset(name, method)?;
    if name == "paper" {
        config.method.settings_mut().set_batch([1, 1]);
    }
    let device = device::by_name(&config.device)?.autodiff();
    let mut training = config
        .method
        .settings()
        .method(config.context(2, &device))?;
    let set = Arc::new(phantoms(&config)?);
    let mut measured = Vec::new();
    for (index, stage) in training.stages().iter().enumerate() {
        training.begin_stage(index)?;
        let source = BatchSource::new(&config, set.clone(), stage.batch)?;
        let mut found = Measured::new(
            stage.name.to_string(),
            stage.batch.labeled + stage.batch.unlabeled,
        );
        for step in 0..=steps {
            let batch = Batch::from_host(source.batch(step), &device);
            let at = at(step, steps, &device);
            found.time(step, || training.step(batch, &at))?;
        }
        let mut found = found.finished();
        if let Some(passes) = Passes::of(&config, stage.name, stage.batch) {
            found.alone = Some(passes.seconds(&config, steps, &device)?);
        }
        measured.push(found);
    }
    Ok((config.patch, measured))
}

/// Returns the context of a step of a stage of `steps` timed steps and the one before them.
fn at(step: u64, steps: u64, device: &Device) -> StepContext {
    StepContext {
        step,
        steps: steps + 1,
        stage_step: step,
        stage_steps: steps + 1,
        seed: 0,
        device: device.clone(),
    }
}

/// Measures the network of a preset in evaluation mode on one patch.
fn inference(name: &str, steps: u64) -> Result<([usize; 3], Vec<Measured>), TrainError> {
    let config = preset(name, "supervised")?;
    let device = device::by_name(&config.device)?;
    let network = config.context(2, &device).network.init(&device);
    let [w, h, d] = config.patch;
    let patch = Tensor::<5>::random([1, 1, w, h, d], Distribution::Normal(0.0, 1.0), &device);
    let mut found = Measured::new("inference".into(), 1);
    for step in 0..=steps {
        found.time(step, || network.forward(patch.clone()).logits);
    }
    Ok((config.patch, vec![found.finished()]))
}

/// Makes two labeled and two unlabeled scans, at least as large as the patch.
fn phantoms(config: &RunConfig) -> Result<TrainingSet, TrainError> {
    let preprocess = &config.data.preprocess;
    let settings = PhantomConfig {
        shape: config.patch,
        ..PhantomConfig::default()
    };
    let mut set = TrainingSet::default();
    for index in 0..2 {
        let (image, labels) = atrium(&settings, index);
        let (scan, labels) = preprocess.apply_labeled(&image, &labels)?;
        let id = format!("labeled {index}");
        let facts = CaseFacts::of(&id, Role::Labeled, &scan.image, Some(&labels));
        set.labeled.push(Arc::new(LabeledScan {
            id,
            scan,
            labels,
            facts,
        }));
        let (image, _) = atrium(&settings, index + 2);
        let scan = preprocess.apply(&image)?;
        let id = format!("unlabeled {index}");
        let facts = CaseFacts::of(&id, Role::Unlabeled, &scan.image, None);
        set.unlabeled
            .push(Arc::new(UnlabeledScan { id, scan, facts }));
    }
    Ok(set)
}
