//! Benchmark of the time per training step and the peak memory of each stage.
//!
//! ```sh
//! cargo bench --bench train_step -- compact action
//! cargo bench --bench train_step -- paper action 3
//! ```
//!
//! Arguments: preset, method, timed steps per stage (default 5). Batches come
//! from phantoms and have the sizes of the preset, except one labeled and one
//! unlabeled patch in the `paper` preset, whose full batch needs a GPU.
//! Peak memory is that of the process so far (Linux only), so later stages
//! include earlier ones.

use std::sync::Arc;
use std::time::Instant;

use semivox::data::cache::{LabeledScan, UnlabeledScan};
use semivox::data::inspect::{CaseFacts, Role};
use semivox::data::phantom::{PhantomConfig, atrium};
use semivox::inference::device;
use semivox::methods::batch::Batch;
use semivox::methods::step_context::StepContext;
use semivox::trainer::TrainError;
use semivox::trainer::batch_source::BatchSource;
use semivox::trainer::config::RunConfig;
use semivox::trainer::presets::preset;
use semivox::trainer::training_set::TrainingSet;

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
    let (name, method) = (argument(0, "compact"), argument(1, "action"));
    let steps: u64 = argument(2, "5").parse().unwrap_or(5);
    let mut config = preset(&name, &method)?;
    if name == "paper" {
        config.method.settings_mut().set_batch([1, 1]);
    }
    let device = device::by_name(&config.device)?.autodiff();
    let mut training = config
        .method
        .settings()
        .method(config.context(2, &device))?;
    let set = Arc::new(phantoms(&config)?);
    println!(
        "{name} {method}, patch {:?}, {} threads",
        config.patch,
        threads()
    );
    for (index, stage) in training.stages().iter().enumerate() {
        training.begin_stage(index)?;
        let source = BatchSource::new(&config, set.clone(), stage.batch)?;
        let mut seconds = Vec::new();
        for step in 0..=steps {
            let batch = Batch::from_host(source.batch(step), &device);
            let at = StepContext {
                step,
                stage_step: step,
                stage_steps: steps + 1,
                seed: 0,
                device: device.clone(),
            };
            let start = Instant::now();
            training.step(batch, &at)?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        // The first step allocates memory and is not counted.
        let timed = &mut seconds[1..];
        timed.sort_by(f64::total_cmp);
        let (median, batch) = (
            timed[timed.len() / 2],
            stage.batch.labeled + stage.batch.unlabeled,
        );
        println!(
            "{:<24} batch {batch}: {median:.3} s, peak {}",
            stage.name,
            peak_memory()
        );
    }
    Ok(())
}

/// Makes two labeled and two unlabeled scans, at least as large as the patch.
fn phantoms(config: &RunConfig) -> Result<TrainingSet, TrainError> {
    let preprocess = &config.data.preprocess;
    let settings = PhantomConfig {
        shape: config.patch,
        ..PhantomConfig::default()
    };
    let mut set = TrainingSet {
        labeled: Vec::new(),
        unlabeled: Vec::new(),
    };
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

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Returns the peak resident memory of the process.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.map_or("unknown".into(), |kb| {
        format!("{:.2} GB", kb * 1024.0 / 1e9)
    })
}
