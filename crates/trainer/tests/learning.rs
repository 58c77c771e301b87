//! Every method learns on phantoms.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::AtomicBool;

use semivox_trainer::method::MethodConfig;
use semivox_trainer::presets::preset;
use semivox_trainer::run::metrics_log::read;
use semivox_trainer::session::Session;

/// Mean of a loss term over rows `range` of the steps that have it.
fn mean(losses: &[f64]) -> f64 {
    losses.iter().sum::<f64>() / losses.len() as f64
}

#[test]
fn thirty_steps_lower_the_supervised_term() {
    for &method in MethodConfig::NAMES {
        let folder = tempfile::tempdir().unwrap();
        let mut config = preset("smoke", method).unwrap();
        config.patch = [32, 32, 32];
        config.inference.window = [32, 32, 32];
        config.inference.stride = [32, 32, 16];
        config.data.labeled = 2.into();
        config.data.phantoms = [4, 1];
        config.method = config.method.with_iterations(40);
        let session = Session::start(config, folder.path().join("run"), &()).unwrap();
        let summary = session.run(&mut (), &AtomicBool::new(false)).unwrap();

        let rows = read(folder.path().join("run/metrics.jsonl")).unwrap();
        assert_eq!(rows.len(), 40);
        assert!(
            rows.iter()
                .flat_map(|row| row.losses.values())
                .all(|v| v.is_finite())
        );
        let supervised: Vec<f64> = rows
            .iter()
            .filter_map(|row| row.losses.get("supervised").copied())
            .collect();
        let (first, last) = supervised.split_at(supervised.len() / 2);
        assert!(
            mean(last) < 0.8 * mean(first),
            "{method}: {} to {}",
            mean(first),
            mean(last)
        );
        assert_eq!(summary.evaluation.unwrap().cases.len(), 1);
        for name in ["config.toml", "evaluation.json", "report.html"] {
            assert!(folder.path().join("run").join(name).is_file(), "{name}");
        }
        assert!(
            folder
                .path()
                .join("run/predictions/phantom_004.nii.gz")
                .is_file()
        );
    }
}
