//! Every method takes more than two classes, in volumes and slice by slice.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::AtomicBool;

use semivox_data::LabelBudget;
use semivox_trainer::config::RunConfig;
use semivox_trainer::method::MethodConfig;
use semivox_trainer::presets::Task;
use semivox_trainer::run::metrics_log::read;
use semivox_trainer::session::Session;

/// A tiny run on phantoms with four classes.
fn tiny(task: Task, method: &str) -> RunConfig {
    let mut config = task.preset("smoke", method).unwrap();
    config.patch = match task {
        Task::Acdc => [32, 32, 1],
        _ => [32; 3],
    };
    if task == Task::Acdc {
        config.data.preprocess.slice_size = Some([32, 32]);
    }
    config.data.phantom.shape = [32; 3];
    config.data.phantom.shape_jitter = [2; 3];
    config.inference.window = config.patch;
    config.inference.stride = config.patch;
    config.network.filters = 2;
    config.data.labeled = LabelBudget::Count(2);
    config.data.phantoms = [4, 1];
    config.method = config.method.with_iterations(12);
    config.method.settings_mut().set_batch([2, 2]);
    config
}

#[test]
fn every_method_segments_four_classes() {
    for task in [Task::Acdc, Task::Hippocampus] {
        for &method in MethodConfig::NAMES {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path().join("run");
            let session = Session::start(tiny(task, method), &out, &());
            let session = session.unwrap_or_else(|error| panic!("{task} {method}: {error}"));
            let summary = session.run(&mut (), &AtomicBool::new(false));
            let summary = summary.unwrap_or_else(|error| panic!("{task} {method}: {error}"));

            let rows = read(out.join("metrics.jsonl")).unwrap();
            let losses = rows.iter().flat_map(|row| &row.losses);
            assert!(losses.clone().all(|(_, loss)| loss.is_finite()), "{method}");
            assert!(
                losses.clone().any(|(name, _)| name == "supervised"),
                "{method}"
            );
            let evaluation = summary.evaluation.unwrap();
            let labels = evaluation.cases[0].classes.iter().map(|class| class.label);
            assert_eq!(labels.collect::<Vec<_>>(), [1, 2, 3], "{task} {method}");
        }
    }
}
