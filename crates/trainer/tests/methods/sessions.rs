//! Runs from data set to report: the loss falls, more than two classes work, and a run can be stopped at any step.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use semivox_data::LabelBudget;
use semivox_models::Architecture;
use semivox_trainer::config::RunConfig;
use semivox_trainer::run::metrics_log::{MetricsRow, read};
use semivox_trainer::session::{Session, Summary};
use semivox_trainer::training::{Observer, Outcome};

use crate::descent::optimizer;
use crate::lab::{CLASSES, changed, config};
use crate::spec::Method;
use crate::state::contents;

/// Number of steps of a run.
const STEPS: u64 = 40;

/// Compares a run without a stop up to a step, on one thread, with one of many stops up to the same step, on two
/// threads; continues the first to its end.
pub fn check(method: &Method, architecture: Architecture) {
    let folder = tempfile::tempdir().unwrap();
    let [whole, pieces] = ["whole", "pieces"].map(|name| folder.path().join(name));
    let config = tiny(method, architecture);
    let (stops, last) = stops(&config);
    train(&config, &whole, &[last]);
    let two = rayon::ThreadPoolBuilder::new().num_threads(2).build();
    two.unwrap().install(|| {
        train(&config, &pieces, &stops);
        train(&config, &pieces, &[last]);
    });
    same_checkpoints([&whole, &pieces], last, method.name);

    let session = Session::resume(&whole, &()).unwrap();
    let summary = session.run(&mut (), &AtomicBool::new(false)).unwrap();
    let rows = read(whole.join("metrics.jsonl")).unwrap();
    let steps = rows.iter().map(|row| row.step);
    assert!(steps.eq(1..=STEPS), "every step is logged once");
    let log = |rows: &[MetricsRow]| -> Vec<_> {
        rows.iter()
            .map(|row| (row.step, row.losses.clone()))
            .collect()
    };
    let stopped = read(pieces.join("metrics.jsonl")).unwrap();
    assert_eq!(log(&stopped), log(&rows[..last as usize]));
    learns(&rows, method.name);
    leaves_everything(&whole, summary);
}

/// Returns a run with four classes, two labeled and two unlabeled cases, and one test case.
fn tiny(method: &Method, architecture: Architecture) -> RunConfig {
    let mut config = config(architecture, method.name);
    config.patch = match (architecture, method.name) {
        (Architecture::UNet, _) => [32, 32, 1],
        (_, "action" | "action_pp") => [32; 3], // which holds local patches of 20³
        _ => [32, 32, 16],
    };
    config.data.preprocess.slice_size = config.data.preprocess.slice_size.map(|_| [32; 2]);
    config.data.phantom.shape = [32; 3];
    config.data.phantom.shape_jitter = [2; 3];
    config.data.labeled = LabelBudget::Count(2);
    config.data.phantoms = [4, 1];
    config.inference.window = config.patch;
    config.inference.stride = config.patch;
    config.network.filters = 4;
    config.checkpoint_every = 4;
    config.method = config.method.with_iterations(STEPS);
    config.method.settings_mut().set_batch([2, 2]);
    let key = format!("{}.learning_rate", optimizer(method));
    let (rate, _) = learning(method.name);
    let mut changes = vec![(key, rate.into())];
    if method.name == "ss_net" {
        // Its rate is a tenth from a sixth of the run on, with which so few steps learn little.
        let key = format!("{}.schedule", optimizer(method));
        changes.push((key, r#"{ kind = "constant" }"#.into()));
    }
    changed(&config, &changes)
}

/// Returns a learning rate at which a method learns within a run, and what its supervised term falls below, as a share.
fn learning(method: &str) -> (&'static str, f64) {
    match method {
        // Dice without cross-entropy has small gradients as long as all classes are equally probable.
        "mc_net_plus" => ("0.2", 0.9),
        _ => ("0.03", 0.8),
    }
}

/// Returns the steps after which a run is stopped (the first step, the last of each stage and the first of each), and
/// the later step up to which runs are compared.
fn stops(config: &RunConfig) -> (Vec<u64>, u64) {
    let device = burn::prelude::Device::flex().autodiff();
    let method = config
        .method
        .settings()
        .method(config.context(CLASSES, &device));
    let mut stops = BTreeSet::from([1]);
    let mut end = 0;
    for stage in method.unwrap().stages() {
        end += stage.steps;
        if end < STEPS {
            stops.extend([end, end + 1]);
        }
    }
    stops.remove(&0);
    let last = stops.last().unwrap() + 5;
    (stops.into_iter().collect(), last)
}

/// Stops the training after a step.
struct StopAfter<'a> {
    step: u64,
    stop: &'a AtomicBool,
}

impl Observer for StopAfter<'_> {
    fn step(&mut self, row: &MetricsRow) {
        if row.step == self.step {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// Begins or resumes a run, and stops it after each of the given steps.
fn train(config: &RunConfig, out: &Path, stops: &[u64]) {
    for &step in stops {
        let session = match out.exists() {
            true => Session::resume(out, &()),
            false => Session::start(config.clone(), out, &()),
        };
        let stop = AtomicBool::new(false);
        let mut observer = StopAfter { step, stop: &stop };
        let summary = session.unwrap().run(&mut observer, &stop).unwrap();
        assert_eq!(summary.outcome, Outcome::Interrupted { step });
        let report = std::fs::read_to_string(out.join("report.html")).unwrap();
        assert!(report.contains(&format!("is at step {step} of {STEPS}")));
    }
}

/// Checks that both runs have the same student, teacher, heads, optimizer, queues and all other state of the method.
fn same_checkpoints(runs: [&Path; 2], step: u64, method: &str) {
    let name = format!("checkpoints/step-{step:08}");
    let [whole, pieces] = runs.map(|run| contents(&run.join(&name)));
    assert!(whole.keys().eq(pieces.keys()), "{method}");
    for (name, bytes) in &whole {
        assert!(
            *bytes == pieces[name],
            "{method}: {name} differs after stops"
        );
    }
}

/// Checks that all terms stay finite and the supervised one falls.
fn learns(rows: &[MetricsRow], method: &str) {
    let finite = |row: &MetricsRow| row.losses.values().all(|value| value.is_finite());
    assert!(rows.iter().all(finite), "{method}");
    let supervised = rows
        .iter()
        .filter_map(|row| row.losses.get("supervised").copied());
    let supervised: Vec<f64> = supervised.collect();
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first, last) = supervised.split_at(supervised.len() / 2);
    let (first, last) = (mean(first), mean(last));
    println!(
        "{method}: supervised {first:.3} to {last:.3}, {:.2}",
        last / first
    );
    let (_, share) = learning(method);
    assert!(last < share * first, "{method}: {first} to {last}");
}

/// Checks that the evaluation has every class, and the run folder its files.
fn leaves_everything(out: &Path, summary: Summary) {
    assert_eq!(summary.outcome, Outcome::Finished);
    let evaluation = summary.evaluation.unwrap();
    assert_eq!(evaluation.cases.len(), 1);
    let labels = evaluation.cases[0].classes.iter().map(|class| class.label);
    assert_eq!(labels.collect::<Vec<_>>(), [1, 2, 3]);
    let prediction = format!("predictions/{}.nii.gz", evaluation.cases[0].id);
    for name in ["config.toml", "evaluation.json", "report.html", &prediction] {
        assert!(out.join(name).is_file(), "{name}");
    }
}
