//! Resume from the checkpoint before a damaged one: the run ends with exactly the weights of an uninterrupted run.
//! Interruptions without damage are tested in `methods`.

#![allow(clippy::unwrap_used)]

#[path = "common/alone.rs"]
mod alone;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use semivox_inference::TrainingData;
use semivox_trainer::config::RunConfig;
use semivox_trainer::presets::preset;
use semivox_trainer::run::metrics_log::{MetricsRow, read};
use semivox_trainer::session::Session;
use semivox_trainer::training::Observer;

/// Stops the training after a step, and keeps the notices.
struct StopAfter<'a> {
    step: u64,
    stop: &'a AtomicBool,
    notices: Mutex<Vec<String>>,
}

impl<'a> StopAfter<'a> {
    fn new(step: u64, stop: &'a AtomicBool) -> Self {
        Self {
            step,
            stop,
            notices: Mutex::default(),
        }
    }
}

impl Observer for StopAfter<'_> {
    fn step(&mut self, row: &MetricsRow) {
        if row.step == self.step {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn notice(&self, sentence: &str) {
        self.notices.lock().unwrap().push(sentence.into());
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

/// Reads the stored values without the header, whose parameter ids differ between processes.
fn values(file: &[u8]) -> &[u8] {
    &file[file.len() / 2..]
}

/// Trains until `step` is done or to the end, from the newest intact checkpoint, and returns the notices.
fn go_on(out: &Path, step: u64) -> Vec<String> {
    let stop = AtomicBool::new(false);
    let mut observer = StopAfter::new(step, &stop);
    let session = Session::resume(out, &observer).unwrap();
    session.run(&mut observer, &stop).unwrap();
    observer.notices.into_inner().unwrap()
}

/// Flips a bit in the middle of a file of a checkpoint.
fn damage(out: &Path, step: u64, file: &str) {
    let path = out.join(format!("checkpoints/step-{step:08}/{file}"));
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
}

#[test]
fn a_run_goes_on_from_the_checkpoint_before_a_damaged_one() {
    alone::alone(
        "a_run_goes_on_from_the_checkpoint_before_a_damaged_one",
        damaged_checkpoints,
    );
}

/// ACTION has stages of 2, 2 and 12 steps and a checkpoint after steps 2, 3, 4, 6, 9, …
fn damaged_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, damaged] = ["whole", "damaged"].map(|run| folder.path().join(run));
    let config = tiny("action");
    for run in [&whole, &damaged] {
        drop(Session::start(config.clone(), run, &()).unwrap());
    }
    assert!(go_on(&whole, 16).is_empty());
    assert!(go_on(&damaged, 5).is_empty());
    for (stopped, file, from, until) in [
        (5, "student.bpk", 4, 8),
        (8, "optimizer.bpk", 6, 11),
        (11, "state.json", 9, 16),
    ] {
        damage(&damaged, stopped, file);
        let notices = go_on(&damaged, until);
        let [notice] = &notices[..] else {
            panic!("one notice: {notices:?}");
        };
        let begin = format!("step-{stopped:08}");
        assert!(notice.contains(&begin) && notice.contains(file), "{notice}");
        assert!(notice.ends_with(&format!("of step {from}")), "{notice}");
        // Makes TensorBoard discard the earlier file's later steps: step = 2, session_log = 7 { START }.
        let start = [0x10, from as u8 + 1, 0x3a, 2, 8, 1];
        let restarted = fs::read_dir(&damaged).unwrap().any(|entry| {
            let entry = entry.unwrap();
            entry.file_name().to_str().unwrap().contains("tfevents")
                && contains(&fs::read(entry.path()).unwrap(), &start)
        });
        assert!(restarted, "the event file goes on after step {from}");
    }

    let last = |run: &Path, file: &str| {
        let folder = run.join("checkpoints/step-00000016");
        fs::read(folder.join(file)).unwrap()
    };
    for file in ["student.bpk", "teacher.bpk"] {
        assert_eq!(
            values(&last(&whole, file)),
            values(&last(&damaged, file)),
            "{file}"
        );
    }
    let losses = |run: &Path| {
        let rows = read(run.join("metrics.jsonl")).unwrap().into_iter();
        rows.map(|row| (row.step, row.losses)).collect::<Vec<_>>()
    };
    assert_eq!(
        losses(&whole),
        losses(&damaged),
        "every step is logged once"
    );
}

#[test]
fn a_damaged_model_is_written_anew_with_a_notice() {
    alone::alone(
        "a_damaged_model_is_written_anew_with_a_notice",
        damaged_model,
    );
}

fn damaged_model() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    drop(Session::start(tiny("supervised"), &out, &()).unwrap());
    assert!(go_on(&out, 4).is_empty());
    let model = out.join("model.safetensors");
    let whole = fs::read(&model).unwrap();
    fs::write(&model, &whole[..20]).unwrap();
    let notices = go_on(&out, 16);
    let [notice] = &notices[..] else {
        panic!("one notice: {notices:?}");
    };
    assert!(notice.contains("model.safetensors"), "{notice}");
    assert!(notice.contains("writes the model anew"), "{notice}");
    assert!(TrainingData::read(&out).unwrap().is_some());
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
