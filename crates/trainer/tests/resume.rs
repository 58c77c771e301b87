//! An interrupted and resumed run ends with the very weights of an uninterrupted one.
//!
//! One test only: the CPU backend's random generator is shared by the whole
//! process, and tests of one file run side by side.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use semivox_trainer::config::RunConfig;
use semivox_trainer::method::MethodConfig;
use semivox_trainer::presets::preset;
use semivox_trainer::run::metrics_log::{MetricsRow, read};
use semivox_trainer::session::Session;
use semivox_trainer::training::{Observer, Outcome};

/// Asks to stop once a step is done.
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

fn tiny(method: &str) -> RunConfig {
    let mut config = preset("smoke", method).unwrap();
    config.patch = [32, 32, 32];
    config.inference.window = [32, 32, 32];
    config.inference.stride = [32, 32, 32];
    config.network.filters = 2;
    config.data.labeled = 2.into();
    config.data.phantoms = [4, 1];
    config.checkpoint_every = 3;
    config.method = config.method.with_iterations(16);
    config
}

/// Trains in pieces that end after the given steps, then to the end.
fn train(config: &RunConfig, out: &Path, stops: &[u64]) -> Vec<u8> {
    let mut session = Session::start(config.clone(), out, &()).unwrap();
    for &step in stops {
        let stop = AtomicBool::new(false);
        let summary = session
            .run(&mut StopAfter { step, stop: &stop }, &stop)
            .unwrap();
        assert_eq!(summary.outcome, Outcome::Interrupted { step });
        let report = std::fs::read_to_string(out.join("report.html")).unwrap();
        assert!(report.contains(&format!("stands at step {step} of 16")));
        session = Session::resume(out, &()).unwrap();
    }
    let summary = session.run(&mut (), &AtomicBool::new(false)).unwrap();
    assert_eq!(summary.outcome, Outcome::Finished);
    std::fs::read(out.join("checkpoints/step-00000016/student.bpk")).unwrap()
}

/// The stored values without the header, whose parameter ids differ between processes.
fn values(file: &[u8]) -> &[u8] {
    &file[file.len() / 2..]
}

#[test]
fn resumed_runs_are_bit_equal() {
    for &method in MethodConfig::NAMES {
        let folder = tempfile::tempdir().unwrap();
        let config = tiny(method);
        let whole = train(&config, &folder.path().join("whole"), &[]);
        // Stops inside each of ACTION's stages (2, 2 and 12 steps) and at their seams.
        let pieces = train(&config, &folder.path().join("pieces"), &[1, 2, 3, 4, 9]);
        assert_eq!(values(&whole), values(&pieces), "{method}");

        let log = |run: &str| read(folder.path().join(run).join("metrics.jsonl")).unwrap();
        let losses = |run| log(run).into_iter().map(|row| (row.step, row.losses));
        assert!(
            losses("whole").eq(losses("pieces")),
            "{method}: every step is logged once, alike"
        );
    }
}
