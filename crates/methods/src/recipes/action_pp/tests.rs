//! Unit tests of ACTION++'s stages.
#![allow(clippy::unwrap_used)]

use burn::prelude::*;
use semivox_losses::PositiveNormalization;
use semivox_models::{NetworkConfig, Resolution};

use super::*;
use crate::method::Running;
use crate::method_settings::MethodSettings;
use crate::recipes::{ActionConfig, LabeledView, StudentPasses};
use crate::student_teacher::TeacherMode;
use crate::terms::StepValues;
use crate::testing::{begun, context, off_average, run_stage, run_steps, term};

fn config() -> ActionPpConfig {
    let action = ActionConfig {
        iterations: [0, 2, 4],
        queries: 8,
        negatives: 8,
        representation_width: 8,
        representation_resolution: Resolution::Half,
        ..ActionConfig::new(0)
    };
    ActionPpConfig {
        voxels: 16,
        queue: 100,
        ..ActionPpConfig::of(action)
    }
}

fn run(config: ActionPpConfig) -> (Running<AdaptiveContrast>, Vec<StepValues>) {
    let context = context(NetworkConfig::new(1, 3).with_filters(1), [32; 3]);
    let mut running = begun(AdaptiveContrast::new(config), &context);
    let values = run_stage(&mut running, &context);
    (running, values)
}

#[test]
fn the_bank_fills_and_every_switch_keeps_the_terms_finite() {
    let (running, values) = run(config());
    assert!(term(&values, "adaptive").iter().all(|&value| value > 0.0));
    let adaptive = running.state().adaptive.as_ref().unwrap();
    let labels = adaptive.labels();
    assert!((0..3).all(|class| labels.contains(&class)) && labels.len() == 100);
    let joint = ActionPpConfig {
        action: ActionConfig {
            teacher_mode: TeacherMode::Eval,
            labeled_view: LabeledView::Strong,
            student_passes: StudentPasses::Joint,
            ..config().action
        },
        normalization: PositiveNormalization::Paper,
        ..config()
    };
    run(joint);
    run(ActionPpConfig {
        hard_below: Some(0.7),
        ..config()
    });
    run(config().ablation("random_assignment").unwrap());
}

#[test]
fn the_key_head_follows_the_head_of_after_the_step() {
    const HALF: f64 = 0.5;
    let context = context(NetworkConfig::new(1, 3).with_filters(1), [32; 3]);
    let mut config = config();
    config.action.teacher_momentum = HALF;
    let mut running = begun(AdaptiveContrast::new(config), &context);
    let head = |state: &Adapted| state.contrasted.student.heads.clone();
    let key = |state: &Adapted| state.adaptive.as_ref().unwrap().key_head().clone();
    let first = head(running.state());
    assert_eq!(
        off_average(&key(running.state()), [&first, &first], HALF),
        0.0
    );
    run_steps(&mut running, 0..1, &context);
    let (key, head) = (key(running.state()), head(running.state()));
    assert!(off_average(&key, [&first, &head], HALF) < 1e-6);
    assert!(off_average(&key, [&first, &first], HALF) > 1e-5);
}

#[test]
fn centers_need_room() {
    let context = context(NetworkConfig::new(1, 10).with_filters(1), [32; 3]);
    let error = config().method(context.clone()).err().unwrap();
    let message = error.to_string();
    assert!(message.contains("representation_width: expected at least 9, for 10 classes, found 8"));
    let without = config().ablation("without_saacl").unwrap();
    assert!(without.method(context).is_ok());
}

#[test]
fn without_its_contrast_it_is_action_with_a_schedule() {
    let (running, values) = run(config().ablation("without_saacl").unwrap());
    assert!(running.state().adaptive.is_none());
    let names: Vec<&str> = values[0].iter().map(|(name, _)| *name).collect();
    let expected = [
        "supervised",
        "unsupervised",
        "contrast",
        "pseudo_active",
        "foreground_confidence",
    ];
    assert_eq!(names, expected);
    // No voxel is that hard: the term is computed and is 0.
    let (_, values) = run(ActionPpConfig {
        hard_below: Some(0.0),
        ..config()
    });
    assert_eq!(term(&values, "adaptive"), [0.0; 4]);
}

#[test]
fn pre_training_and_fine_tuning_have_a_period_each() {
    let mut config = config();
    config.action.iterations = [10, 10, 40];
    let at = |step, stage_step, stage_steps| StepContext {
        step,
        steps: 60,
        stage_step,
        stage_steps,
        seed: 0,
        device: Device::flex(),
    };
    let middle = temperatures(&config, &at(10, 0, 10));
    assert!((middle.student - 0.1).abs() < 1e-12 && middle.teacher == 0.01);
    assert!((temperatures(&config, &at(40, 20, 40)).contrast - 0.1).abs() < 1e-12);
    let fixed = config.ablation("without_ats").unwrap();
    let found = temperatures(&fixed, &at(10, 0, 10));
    assert_eq!(found, fixed.action.temperatures());
}
