//! Profile of a training step: time and peak memory of each stage of a method, and its time by operator and pass.
//!
//! ```sh
//! cargo bench --bench profile -- quick action
//! cargo bench --bench profile -- paper action 3
//! ```
//!
//! Arguments: preset, method, timed steps per stage (default 5). Batches come from phantoms and have the sizes of the
//! preset, except one labeled and one unlabeled patch in the `paper` preset, whose full batch needs a GPU. Peak memory
//! is that of the process so far, so later stages include earlier ones. Rates stand beside the machine's peaks: fused multiply-adds on registers, and a copy of 128 MB.
//!
//! `elsewhere` is processor time outside the passes: Burn's own operators, losses, updates, page faults. `idle` is the
//! rest of the threads' time. Both need Linux, as does the memory.

use std::sync::Arc;
use std::time::Instant;

use semivox::data::cache::{LabeledScan, UnlabeledScan};
use semivox::data::inspect::{CaseFacts, Role};
use semivox::data::phantom::{PhantomConfig, atrium};
use semivox::inference::device;
use semivox::kernels::profile::{self, Peak, Work};
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
    let (name, method) = (argument(0, "quick"), argument(1, "action"));
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
    let mut measured = Vec::new();
    for (index, stage) in training.stages().iter().enumerate() {
        training.begin_stage(index)?;
        let source = BatchSource::new(&config, set.clone(), stage.batch)?;
        let mut found = Measured {
            name: stage.name.to_string(),
            batch: stage.batch.labeled + stage.batch.unlabeled,
            ..Measured::default()
        };
        for step in 0..=steps {
            let batch = Batch::from_host(source.batch(step), &device);
            let at = StepContext {
                step,
                steps: steps + 1,
                stage_step: step,
                stage_steps: steps + 1,
                seed: 0,
                device: device.clone(),
            };
            // The first step allocates memory and is not counted.
            if step == 1 {
                found.seconds.clear();
                found.used = Usage::default();
                profile::start();
            }
            let (start, before) = (Instant::now(), Usage::now());
            training.step(batch, &at)?;
            found.seconds.push(start.elapsed().as_secs_f64());
            found.used = found.used + (Usage::now() - before);
        }
        found.passes = profile::stop();
        found.memory = peak_memory();
        measured.push(found);
    }
    // Last, as its memory is not the method's.
    let peak = profile::peak();
    println!(
        "{name} {method}, patch {:?}, {} threads, peaks {:.0} GFLOP/s and {:.1} GB/s",
        config.patch,
        peak.threads,
        peak.flop_per_second * 1e-9,
        peak.bytes_per_second * 1e-9
    );
    measured.iter_mut().for_each(|stage| stage.print(&peak));
    Ok(())
}

/// The steps of one stage.
#[derive(Debug, Default)]
struct Measured {
    name: String,
    batch: usize,
    seconds: Vec<f64>,
    used: Usage,
    passes: Vec<Work>,
    memory: String,
}

impl Measured {
    fn print(&mut self, peak: &Peak) {
        let (wall, steps) = (self.seconds.iter().sum::<f64>(), self.seconds.len());
        self.seconds.sort_by(f64::total_cmp);
        let (median, steps) = (self.seconds[steps / 2], steps as f64);
        println!(
            "\n{}: batch {}, {median:.3} s a step, peak memory {}, {:.0} page faults a step",
            self.name,
            self.batch,
            self.memory,
            self.used.faults / steps
        );
        self.passes.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        let available = wall * peak.threads as f64;
        table(&self.passes, peak, steps, [available, self.used.seconds]);
    }
}

/// Prints the passes by their time per step, summed over threads.
fn table(passes: &[Work], peak: &Peak, steps: f64, [available, used]: [f64; 2]) {
    println!(
        "{:<40} {:>9} {:>6} {:>18} {:>18}",
        "pass", "ms", "share", "GFLOP/s per thread", "GB/s per thread"
    );
    let rate = |amount: u64, seconds: f64, limit: f64| match amount {
        0 => String::new(),
        _ => {
            let (rate, limit) = (amount as f64 / seconds, limit / peak.threads as f64);
            format!("{:.1} ({:.0} %)", rate * 1e-9, 100.0 * rate / limit)
        }
    };
    let line = |name: &str, seconds: f64, rates: [String; 2]| {
        println!(
            "{name:<40} {:>9.1} {:>5.1}% {:>18} {:>18}",
            1e3 * seconds / steps,
            100.0 * seconds / available,
            rates[0],
            rates[1]
        );
    };
    for work in passes {
        let rates = [
            rate(work.flop, work.seconds, peak.flop_per_second),
            rate(work.bytes, work.seconds, peak.bytes_per_second),
        ];
        line(work.pass.name(), work.seconds, rates);
    }
    let inside: f64 = passes.iter().map(|work| work.seconds).sum();
    line("elsewhere", (used - inside).max(0.0), Default::default());
    line("idle", (available - used).max(0.0), Default::default());
}

/// Processor time and page faults of the process.
#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    seconds: f64,
    faults: f64,
}

impl Usage {
    /// Reads `/proc/self/stat`, in which times are in hundredths of a second.
    fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields: Vec<f64> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .skip(1)
            .map(|field| field.parse().unwrap_or(0.0))
            .collect();
        let field = |index: usize| fields.get(index).copied().unwrap_or(0.0);
        Self {
            seconds: (field(10) + field(11)) / 100.0,
            faults: field(6) + field(8),
        }
    }
}

impl std::ops::Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            seconds: self.seconds + other.seconds,
            faults: self.faults + other.faults,
        }
    }
}

impl std::ops::Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            seconds: self.seconds - earlier.seconds,
            faults: self.faults - earlier.faults,
        }
    }
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

/// Returns the peak resident memory of the process.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.map_or("unknown".into(), |kb| {
        format!("{:.2} GB", kb * 1024.0 / 1e9)
    })
}
