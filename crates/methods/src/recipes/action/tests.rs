//! Unit tests of ACTION's stages.
#![allow(clippy::unwrap_used)]

use burn::module::{Module, ModuleVisitor, Param};
use burn::prelude::*;
use semivox_models::{Architecture, Network, NetworkConfig};

use super::*;
use crate::context::MethodContext;
use crate::method::{AnyStage, Running};
use crate::mixing::PseudoLabeled;
use crate::optimizer::OptimizerConfig;
use crate::schedule::LearningRate;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;
use crate::testing::{
    assert_guard, batch, begun_on, context, first_step, off_average, off_descent, run_stage,
    run_steps, term,
};

/// Collects the sum of each trainable parameter by its path.
#[derive(Default)]
struct Sums {
    path: Vec<String>,
    found: Vec<(String, f32)>,
}

impl ModuleVisitor for Sums {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            let sum = param.val().square().sum().into_scalar();
            self.found.push((self.path.join("."), sum));
        }
    }
}

fn sums(network: &Network) -> Vec<(String, f32)> {
    let mut sums = Sums::default();
    network.visit(&mut sums);
    sums.found
}

/// Settings for slices of 32×32 with four classes and a tiny U-Net.
fn slices() -> (ActionConfig, MethodContext) {
    let config = ActionConfig {
        iterations: [3, 100, 100],
        distillation_batch: [2, 2],
        global_width: 16,
        local_patch: 16,
        local_step: 8,
        last_patch: LastPatch::Dropped,
        queries: 16,
        negatives: 16,
        representation_width: 8,
        ..ActionConfig::official_2d()
    };
    // Without dropout, whose random numbers depend on the other tests of this process.
    let network = NetworkConfig::new(1, 4).with_filters(4).with_dropout(0.0);
    let network = network.with_architecture(Architecture::UNet);
    (config, context(network, [32, 32, 1]))
}

/// Begins stage i, or stage ii if `local`.
fn distillation(
    networks: Handover,
    local: bool,
    (config, context): (&ActionConfig, &MethodContext),
) -> Running<Distillation> {
    begun_on(
        networks,
        Distillation::new(config, context.patch, local),
        context,
    )
}

/// In stages i and ii, teacher and keys are averaged with the student before its step. With a momentum of ½, neither
/// can be mistaken for the other.
#[test]
fn teacher_keys_and_banks_follow_the_student_of_before_the_step() {
    const HALF: f64 = 0.5;
    let (mut config, context) = slices();
    config.teacher_momentum = HALF;
    let mut networks = Handover::new(context.student());
    for local in [false, true] {
        let teacher = networks.teacher.clone();
        let mut running = distillation(networks, local, (&config, &context));
        let state = running.state();
        if let Some(teacher) = &teacher {
            let kept = off_average(&state.teacher, [teacher, &state.student.network], 1.0);
            assert_eq!(kept, 0.0, "the teacher stays");
        }
        assert_eq!(state.global_bank.filled(), 0);
        run_steps(&mut running, 0..1, &context);
        let before = running.state().clone();
        run_steps(&mut running, 1..2, &context);
        let after = running.state();

        let follows = |student: &Distilled| {
            let pair = [&before.teacher, &student.student.network];
            let keys = [&before.keys, &student.student.heads.projectors];
            [
                off_average(&after.teacher, pair, HALF),
                off_average(&after.keys, keys, HALF),
            ]
        };
        assert!(follows(&before).into_iter().all(|off| off < 1e-6));
        assert!(follows(after).into_iter().all(|off| off > 1e-5));
        // Two labeled and two unlabeled patches a step.
        let banks = [Some(&after.global_bank), after.local_bank.as_ref()];
        for bank in banks.into_iter().flatten() {
            assert_eq!((bank.filled(), bank.pointer()), (8, 8));
        }
        assert_eq!(banks[1].is_some(), local);
        networks = running.leave();
    }
}

/// In stage iii, the teacher starts again as the student and is averaged with it after its step.
#[test]
fn the_teacher_of_stage_iii_follows_the_student_of_after_the_step() {
    const HALF: f64 = 0.5;
    let (mut config, context) = slices();
    config.teacher_momentum = HALF;
    let networks = Handover {
        student: context.student(),
        teacher: Some(context.student()),
    };
    let mut running = begun_on(networks, AnatomicalContrast::new(&config), &context);
    let before = running.state().clone();
    let student = &before.student.network;
    let restarted = off_average(&before.teacher, [student, student], HALF);
    assert_eq!(restarted, 0.0);
    run_steps(&mut running, 0..1, &context);
    let now = running.state();
    let moved = [&before.teacher, &now.student.network];
    assert!(off_average(&now.teacher, moved, HALF) < 1e-6);
    assert!(off_average(&now.teacher, [&before.teacher, student], HALF) > 1e-5);
}

/// Compares a step with the gradients of the weighted terms; their values alone would not do, as the means and
/// negatives of the contrast are constants for the gradient but depend on the weights.
#[test]
fn stage_iii_descends_on_its_terms_by_their_weights() {
    let (mut config, context) = slices();
    config.optimizer = OptimizerConfig {
        learning_rate: 1.0,
        momentum: 0.0,
        weight_decay: 0.0,
        clip_norm: None,
        schedule: LearningRate::Constant,
        ..OptimizerConfig::default()
    };
    config.unsupervised_weight = 0.7;
    config.contrast_weight = 0.4;
    // Low enough for pseudo-labels and high enough for queries.
    config.strong_threshold = 0.3;
    let networks = Handover::new(context.student());
    let mut running = begun_on(networks, AnatomicalContrast::new(&config), &context);
    let before = running.state().clone();
    let batch = batch(config.contrast_batch, &context, 0);
    let at = first_step(&context);
    let terms = (running.stage).terms(&mut before.clone(), batch.clone(), &at);
    let terms = terms.unwrap();
    let [supervised, unsupervised, contrast] =
        ["supervised", "unsupervised", "contrast"].map(|name| terms.term(name));
    let loss = supervised + unsupervised.mul_scalar(0.7) + contrast.mul_scalar(0.4);
    running.step(batch, &at).unwrap();
    assert!(off_descent(&before.student, &running.state().student, loss) < 1e-5);
}

/// The total of the terms is that of their definitions; the ramp counts steps of the stage, not of the run.
#[test]
fn the_ramp_scales_the_unsupervised_term_alone() {
    let (mut config, context) = slices();
    config.strong_threshold = 0.3;
    config.unsupervised_weight = 2.0;
    config.contrast_weight = 0.4;
    config.unsupervised_ramp = true;
    let networks = Handover::new(context.student());
    let running = begun_on(networks, AnatomicalContrast::new(&config), &context);
    let batch = batch(config.contrast_batch, &context, 0);
    for (stage_step, ramp) in [(0, (-5.0f64).exp()), (20, (-1.25f64).exp()), (40, 1.0)] {
        let at = StepContext {
            step: 140 + stage_step,
            steps: 180,
            stage_step,
            stage_steps: 40,
            ..first_step(&context)
        };
        let terms = (running.stage).terms(&mut running.state().clone(), batch.clone(), &at);
        let terms = terms.unwrap();
        let value = |tensor: Tensor<1>| f64::from(tensor.into_scalar::<f32>());
        let [supervised, unsupervised, contrast] =
            ["supervised", "unsupervised", "contrast"].map(|name| value(terms.term(name)));
        let expected = supervised + 2.0 * ramp * unsupervised + 0.4 * contrast;
        let found = value(terms.total());
        assert!(unsupervised > 0.1 && (found - expected).abs() < 1e-5);
    }
}

#[test]
fn the_guard_follows_the_labeled_foreground() {
    let (mut config, context) = slices();
    config.unsupervised_weight = 2.0;
    config.pseudo_guard = true;
    let stage = AnatomicalContrast::new(&config);
    assert_guard(&stage, &context, &[("unsupervised", 2.0)]);
}

#[test]
fn only_confident_pseudo_labels_are_targets_if_so_set() {
    let device = Device::flex();
    let pseudo = PseudoLabeled {
        images: Tensor::zeros([1, 1, 1, 1, 3], &device),
        labels: Tensor::from_ints([[[[[2, 0, 1]]]]], &device),
        confidence: Tensor::from_floats([[[[[0.97, 0.96, 0.99]]]]], &device),
    };
    let targets = |pseudo_labels| {
        let config = ActionConfig {
            pseudo_labels,
            ..ActionConfig::new(10)
        };
        let targets = AnatomicalContrast::new(&config).targets(&pseudo);
        targets.into_data().iter::<i64>().collect::<Vec<_>>()
    };
    assert_eq!(targets(PseudoLabels::All), [2, 0, 1]);
    assert_eq!(targets(PseudoLabels::Confident), [2, -1, 1]);
}

#[test]
fn slices_go_through_all_stages_and_the_supervised_term_falls() {
    let (config, context) = slices();
    let student = context.student();
    let before = sums(&student);
    let networks = Handover::new(student);
    let mut running = distillation(networks, false, (&config, &context));
    let values = run_stage(&mut running, &context);
    assert_eq!(term(&values, "global").len(), 3);
    let moved = before.iter().zip(sums(running.student()));
    for ((path, before), (_, after)) in moved {
        let decoder = path.contains("decoder");
        assert_eq!(
            *before == after,
            decoder,
            "stage i trains the encoder: {path}"
        );
    }
    let ends = |stage: &mut dyn AnyStage| {
        let values = run_stage(stage, &context);
        let supervised = term(&values, "supervised");
        let mean = |steps: &[f64]| steps.iter().sum::<f64>() / steps.len() as f64;
        [
            mean(&supervised[..10]),
            mean(&supervised[supervised.len() - 10..]),
        ]
    };
    let mut running = distillation(running.leave(), true, (&config, &context));
    let [start, middle] = ends(&mut running);
    assert!(middle < 0.9 * start, "stage ii: {start} to {middle}");
    let stage = AnatomicalContrast::new(&config);
    let [again, end] = ends(&mut begun_on(running.leave(), stage, &context));
    assert!(
        end < again && end < 0.6 * start,
        "stage iii: {again} to {end}"
    );
}
