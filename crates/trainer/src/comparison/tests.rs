//! Tests of comparisons.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::presets::preset;
use crate::run::folder::RunFolder;
use semivox_inference::evaluation::{CaseEvaluation, ClassEvaluation, Protocol};

/// A run tested on one case.
fn run(
    method: &str,
    seed: u64,
    dice: impl Into<Option<f64>>,
    hd95_mm: Option<f64>,
    id: &str,
) -> Run {
    let class = ClassEvaluation {
        label: 1,
        dice: dice.into(),
        jaccard: None,
        hd95_mm,
        hd95_directed_max_mm: None,
        asd_mm: None,
        assd_mm: None,
    };
    let protocol = Protocol {
        method: method.into(),
        labeled: Some(8),
        seed,
        iterations: 1_000,
        preset: "quick".into(),
        ..Protocol::default()
    };
    let case = CaseEvaluation {
        id: id.into(),
        seen: None,
        classes: vec![class],
    };
    Run {
        config: preset("quick", method).unwrap(),
        evaluation: Evaluation::new(protocol, vec![case]),
        validated: false,
        training_seconds: Some(90.0),
        cases: None,
    }
}

#[test]
fn seeds_of_a_method_make_one_line() {
    let runs = [
        run("supervised", 0, 0.7, Some(4.0), "a"),
        run("action", 0, 0.8, None, "a"),
        run("supervised", 1, 0.9, Some(6.0), "a"),
    ];
    let comparison = Comparison::new(&runs).unwrap();
    let text = comparison.to_string();
    let supervised =
        "| supervised | 8 | 0, 1 | 0.800 ± 0.141 | – | – | 5.00 ± 1.41 | undefined | 0 | 1.5 |";
    let action = "| action | 8 | 0 | 0.800 | +10.0 | – | undefined | undefined | 1 | 1.5 |";
    assert!(text.contains(supervised) && text.contains(action), "{text}");
    assert!(text.starts_with("Preset quick; 1000 iterations"), "{text}");
    assert!(text.contains("Labeled counts cases. Undefined: pairs of case and class without HD95"));

    let folder = tempfile::tempdir().unwrap();
    comparison.write(folder.path()).unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let csv = read("comparison.csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert!(
        lines[1].starts_with("supervised,8,0 1,0.8,0.14142"),
        "{csv}"
    );
    assert!(lines[2].contains(",,,,,1,0.1"), "{csv}");
    assert!(lines[2].ends_with(",,1,,,,1.5"), "{csv}");
    let json: serde_json::Value = serde_json::from_str(&read("comparison.json")).unwrap();
    assert_eq!(json["rows"][0]["hd95_mm"]["runs"], 2);
    assert_eq!(json["runs"][1]["dice_by_case"][0][1], 0.8);
    assert_eq!(
        read("runs.csv").lines().collect::<Vec<_>>(),
        [
            "method,labeled,seed,iterations,dice,dice_1,hd95_mm,asd_mm,undefined,training_minutes,commit",
            "supervised,8,0,1000,0.7000,0.7000,4.0000,,0,1.5,",
            "action,8,0,1000,0.8000,0.8000,,,1,1.5,",
            "supervised,8,1,1000,0.9000,0.9000,6.0000,,0,1.5,",
        ]
    );
    assert_eq!(
        read("cases.csv").lines().collect::<Vec<_>>(),
        [
            "method,labeled,seed,case,dice",
            "supervised,8,0,a,0.7000",
            "action,8,0,a,0.8000",
            "supervised,8,1,a,0.9000",
        ]
    );
    let svg = read("comparison.svg");
    assert!(svg.contains(">action</text>"), "{svg}");
    assert!(svg.contains("dot: a test case of a run"), "{svg}");
    assert_eq!(svg.matches("class=\"case\"").count(), 3, "{svg}");
}

#[test]
fn a_metric_undefined_in_some_seeds_says_so() {
    let runs = [
        run("supervised", 0, 0.7, Some(4.0), "a"),
        run("supervised", 1, 0.7, None, "a"),
    ];
    let text = Comparison::new(&runs).unwrap().to_string();
    assert!(
        text.contains("| 0.700 ± 0.000 | – | – | 4.00 (1 of 2 seeds) |"),
        "{text}"
    );
}

/// A gain pairs runs of one seed; the control of BCP is supervised training with copy-paste.
#[test]
fn gains_are_over_supervised_training_and_over_the_control() {
    let runs = [
        run("supervised", 0, 0.70, None, "a"),
        run("supervised", 1, 0.75, None, "a"),
        run("supervised:copy_paste", 0, 0.80, None, "a"),
        run("bcp", 0, 0.82, None, "a"),
        run("bcp", 1, 0.83, None, "a"),
        run("bcp", 2, 0.99, None, "a"),
    ];
    let rows = Comparison::new(&runs).unwrap().rows;
    let near = |gain: Option<Spread>, mean: f64, runs: usize| {
        let gain = gain.unwrap();
        assert!((gain.mean - mean).abs() < 1e-12, "{gain:?}");
        assert_eq!(gain.runs, runs);
    };
    near(rows[2].over_supervised, 0.10, 2);
    near(rows[2].over_control, 0.02, 1);
    near(rows[1].over_supervised, 0.10, 1);
    assert_eq!(
        (rows[0].over_supervised, rows[0].over_control),
        (None, None)
    );
    assert_eq!(rows[1].over_control, None);
    let text = Comparison::new(&runs).unwrap().to_string();
    assert!(
        text.contains("| +10.0 ± 2.8 (2 of 3 seeds) | +2.0 (1 of 3 seeds) |"),
        "{text}"
    );
}

/// Runs with other numbers of labeled cases are rows of their own, compared with none of the others; an undefined Dice has
/// no gain.
#[test]
fn numbers_of_labeled_cases_are_kept_apart() {
    let mut runs = vec![
        run("supervised", 0, 0.70, None, "a"),
        run("bcp", 0, 0.82, None, "a"),
        run("supervised", 0, 0.60, None, "a"),
        run("bcp", 0, 0.75, None, "a"),
        run("cvrl", 0, None, None, "a"),
    ];
    for run in &mut runs[2..4] {
        run.evaluation.protocol.labeled = Some(4);
    }
    runs[4].evaluation.protocol.method = runs[4].config.method_title();
    let comparison = Comparison::new(&runs).unwrap();
    let gains: Vec<Option<f64>> = (comparison.rows.iter())
        .map(|row| row.over_supervised.map(|gain| (100.0 * gain.mean).round()))
        .collect();
    assert_eq!(gains, [None, Some(12.0), None, Some(15.0), None]);
    let chart = comparison.chart();
    assert!(chart.contains(">bcp, 8 labeled</text>") && chart.contains(">bcp, 4 labeled</text>"));
    assert!(chart.contains(">cvrl (reconstruction), 8 labeled</text>"));
    assert!(chart.contains(">0.750</text>") && chart.contains(">undefined</text>"));
}

#[test]
fn the_optimizer_is_named_once_if_shared_and_by_method_if_not() {
    let mut runs = vec![
        run("supervised", 0, 0.7, None, "a"),
        run("mean_teacher", 0, 0.8, None, "a"),
    ];
    let shared = Comparison::new(&runs).unwrap().training;
    assert_eq!(
        shared,
        "Every method was trained with SGD 0.01, momentum 0.9, weight decay 0.0001, polynomial decay with power 0.9 over \
         the run. Patches per batch, in the last stage: 2 labeled (supervised); 2 labeled + 2 unlabeled (mean_teacher)."
    );
    let changed = [("method.optimizer.learning_rate", "0.1")];
    runs[1].config = runs[1].config.with_values(changed).unwrap();
    let differing = Comparison::new(&runs).unwrap().training;
    assert!(differing.starts_with("The methods do not share their optimizer"));
    assert!(differing.contains("over the run (supervised); SGD 0.1,"));

    runs[1] = run("bcp", 0, 0.8, None, "a");
    let differing = Comparison::new(&runs).unwrap().training;
    assert!(
        differing.contains("at one learning rate: 1 (supervised); 2 (bcp)."),
        "{differing}"
    );
    let halved = [("method.loss_weight", "0.5")];
    runs[1].config = runs[1].config.with_values(halved).unwrap();
    let same = Comparison::new(&runs).unwrap().training;
    assert!(!same.contains("labeled loss"), "{same}");

    runs[1] = run("action", 0, 0.8, None, "a");
    assert!(
        Comparison::new(&runs)
            .unwrap()
            .training
            .starts_with("Every")
    );
    let changed = [("method.nesterov", "true")];
    runs[1].config = runs[1].config.with_values(changed).unwrap();
    let differing = Comparison::new(&runs).unwrap().training;
    assert!(differing.contains("Nesterov momentum in the last stage (action)"));
}

/// Writes settings and evaluation of a run, without a log, into a folder.
fn written(run: &Run, folder: &RunFolder, evaluation: impl AsRef<std::path::Path>) {
    folder.write_config(&run.config.to_toml().unwrap()).unwrap();
    run.evaluation.write(evaluation).unwrap();
}

#[test]
fn a_run_without_test_cases_is_measured_on_its_validation_cases() {
    let root = tempfile::tempdir().unwrap();
    let expected = run("supervised", 0, 0.7, None, "a");
    for (test, finished) in [("[]", true), (r#"["t"]"#, false)] {
        let folder = RunFolder::create(root.path().join(finished.to_string())).unwrap();
        let cases =
            format!(r#"{{"labeled": [], "unlabeled": [], "test": {test}, "validation": ["a"]}}"#);
        std::fs::write(folder.cases(), cases).unwrap();
        assert!(Run::open_finished(&folder).unwrap().is_none());
        written(&expected, &folder, folder.validation());
        let found = Run::open_finished(&folder).unwrap();
        assert_eq!(found.is_some(), finished);
        if let Some(found) = found {
            assert!(found.validated && found.evaluation == expected.evaluation);
            let comparison = Comparison::new(&[found]).unwrap();
            let text = comparison.to_string();
            assert!(text.contains("mean over 1 validation cases"), "{text}");
            assert!(
                comparison
                    .chart()
                    .contains("dot: a validation case of a run")
            );
        }
    }
}

/// A folder that was copied without its log has results, but no time.
#[test]
fn a_run_without_a_log_has_no_time() {
    let root = tempfile::tempdir().unwrap();
    let expected = run("supervised", 0, 0.7, None, "a");
    let folder = RunFolder::create(root.path().join("copied")).unwrap();
    written(&expected, &folder, folder.evaluation());
    let copied = Run::open(&folder).unwrap();
    assert_eq!(copied.training_seconds, None);
    assert_eq!(copied.evaluation, expected.evaluation);

    let comparison = Comparison::new(&[copied, run("supervised", 1, 0.8, None, "a")]).unwrap();
    let text = comparison.to_string();
    assert!(text.contains("| 2 | – |\n"), "{text}");
    comparison.write(root.path()).unwrap();
    let csv = std::fs::read_to_string(root.path().join("runs.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[1].ends_with(",1,,"), "{csv}");
    assert!(lines[2].ends_with(",1,1.5,"), "{csv}");
}

#[test]
fn runs_trained_on_other_data_do_not_compare() {
    let with = |seed: u64, labeled: &str, checksum: u32| {
        let cases = format!(
            r#"{{"labeled": ["{labeled}"], "unlabeled": [], "test": ["a"], "contents":
               {{"label map of {labeled}": {{"files": {seed}, "voxels": {checksum}}}}}}}"#
        );
        let mut run = run("supervised", seed, 0.7, None, "a");
        run.config.data.root = Some("scans".into());
        run.cases = Some(serde_json::from_str(&cases).unwrap());
        run
    };
    Comparison::new(&[with(0, "b", 5), with(1, "b", 5)]).unwrap();
    // A run of an earlier version hides no difference between others.
    let mut old = with(2, "b", 5);
    old.cases.as_mut().unwrap().contents.clear();
    Comparison::new(&[old.clone(), with(0, "b", 5)]).unwrap();
    let both = [old, with(0, "b", 5), with(1, "b", 6)];
    assert!(Comparison::new(&both).is_err());
    for (other, expected) in [
        (with(1, "b", 6), "another label map of b"),
        (with(1, "c", 5), "other training cases"),
    ] {
        let message = Comparison::new(&[with(0, "b", 5), other]).unwrap_err();
        let message = message.to_string();
        assert!(
            message.contains("supervised, seed 1") && message.contains(expected),
            "{message}"
        );
    }
}

#[test]
fn several_programs_are_named() {
    let mut runs = [0, 1].map(|seed| run("supervised", seed, 0.7, None, "a"));
    let protocol = |runs: &[Run]| Comparison::new(runs).unwrap().protocol;
    assert!(!protocol(&runs).contains("programs"));
    runs[1].evaluation.protocol.commit = Some("abc".into());
    let found = protocol(&runs);
    assert!(
        found.contains("several programs: commits abc, unknown"),
        "{found}"
    );
}

#[test]
fn runs_on_other_cases_do_not_compare() {
    let runs = [
        run("supervised", 0, 0.7, None, "x"),
        run("bcp", 0, 0.7, None, "y"),
    ];
    let message = Comparison::new(&runs).unwrap_err().to_string();
    assert!(message.contains("same cases"), "{message}");
}

#[test]
fn a_row_is_one_setting_with_several_seeds() {
    let refused = |runs: &[Run]| Comparison::new(runs).unwrap_err().to_string();
    let [first, mut second] = [0, 1].map(|seed| run("bcp", seed, 0.7, None, "a"));
    second.config.seed = 1;
    second.config.device = "cuda".into();
    second.config.data.root = Some("elsewhere".into());
    assert!(Comparison::new(&[first.clone(), second.clone()]).is_ok());
    second.config.network.filters = 3;
    let message = refused(&[first.clone(), second]);
    assert!(
        message.contains("comparison: bcp") && message.contains("network.filters = 16, now 3"),
        "{message}"
    );
    let message = refused(&[first.clone(), first]);
    assert!(message.contains("two runs with seed 0"), "{message}");
}

#[test]
fn lengths_are_told_by_method() {
    let short = run("supervised", 0, 0.7, None, "a");
    let mut long = run("bcp", 0, 0.8, None, "a");
    let told = |runs: &[Run]| Comparison::new(runs).unwrap().to_string();
    let text = told(&[short.clone(), long.clone()]);
    assert!(
        !text.contains("Their numbers of iterations differ"),
        "{text}"
    );
    long.evaluation.protocol.iterations = 6_000;
    let text = told(&[long, short]);
    assert!(
        text.contains("; 6000 (bcp); 1000 (supervised) iterations; ")
            && text.contains("Their numbers of iterations differ"),
        "{text}"
    );
}

#[test]
fn phantoms_are_told() {
    let mut run = run("supervised", 0, 0.7, None, "a");
    let protocol = |run: &Run| Comparison::new(std::slice::from_ref(run)).unwrap().protocol;
    assert!(protocol(&run).ends_with("generated phantoms, others for each seed."));
    run.config.data.root = Some("scans".into());
    assert!(protocol(&run).ends_with("undefined values are left out."));
}
