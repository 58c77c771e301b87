//! Ignored voxels of labeled patches contribute to no term and no gradient.
//!
//! If all labeled patches are equal and all but the first are ignored, batch statistics, means over counted voxels and
//! ratios of their sums are the same as if all were labeled. So is the step, up to rounding and the smoothing of the
//! Dice loss. Ignored voxels that counted in some term, as background or as more voxels of a mean, would change its
//! value and its gradient.

use burn::prelude::*;
use semivox_losses::IGNORED_LABEL;
use semivox_methods::batch::Batch;
use semivox_methods::terms::StepValues;
use semivox_models::Architecture;

use crate::descent::{framed, optimizer, plain_descent};
use crate::lab::{CLASSES, Changes, Lab, batch, changed};
use crate::spec::{Input, Method, Stage, Weight};
use crate::state::{Weights, weights};
use crate::vectors::{difference, norm};

/// Terms that draw voxels at random, and so other voxels if fewer are labeled; the tests of their samplers cover them.
const DRAWN: [&str; 4] = [
    "contrast",
    "adaptive",
    "separation_labeled",
    "separation_unlabeled",
];
/// Terms that use pseudo-labels too.
const PSEUDO_LABELED: [&str; 2] = ["contrast", "separation_unlabeled"];
/// Tolerance of the relative difference of values.
const VALUES: f64 = 1e-5;
/// Tolerance of the relative difference of steps, which are sums over voxels in another order.
const STEPS: f64 = 1e-3;

/// Checks all stages of a method that read labels.
pub fn check(method: &Method, architecture: Architecture) {
    for (index, stage) in method.stages.iter().enumerate() {
        let names = labeled_terms(stage);
        if !names.is_empty() {
            let plain = method.plain.iter();
            let plain = plain.map(|(key, value)| (key.to_string(), value.to_string()));
            let mut plain: Changes = plain.collect();
            plain.push(("network.dropout".into(), "0.0".into()));
            if index == 1 && method.name.starts_with("action") {
                let settings = optimizer(method).trim_end_matches("optimizer");
                plain.push((format!("{settings}distillation_batch"), "[2, 1]".into()));
            }
            let lab = Lab::new(changed(&framed(method, architecture), &plain), index);
            let place = format!("{}, stage {}", method.name, index + 1);
            let experiment = Experiment {
                method,
                stage,
                lab,
                index,
                place,
            };
            experiment.equal_patches(&names);
            experiment.nothing_labeled(&names);
        }
    }
}

/// Returns the names of the terms that read labels.
fn labeled_terms(stage: &Stage) -> Vec<&'static str> {
    let reads = stage
        .terms
        .iter()
        .filter(|term| term.reads.contains(&Input::Labels));
    reads.map(|term| term.name).collect()
}

/// Labels of the patches after the first.
#[derive(Clone, Copy)]
enum Others {
    /// Those of the first.
    Labeled,
    /// All voxels ignored.
    Ignored,
    /// All background.
    Background,
    /// All voxels ignored, those of the first patch too.
    NothingLabeled,
}

/// Training steps that all begin at one state of a stage.
struct Experiment<'a> {
    method: &'a Method,
    stage: &'a Stage,
    lab: Lab,
    index: usize,
    place: String,
}

impl Experiment<'_> {
    /// Checks that values and steps are those of the first patch alone.
    fn equal_patches(&self, names: &[&str]) {
        let others = [Others::Labeled, Others::Ignored, Others::Background];
        let [(all, step), (first, step_of_first), (wrong, step_of_wrong)] =
            others.map(|others| self.step(others, "0.0"));
        let place = &self.place;
        for name in names.iter().filter(|name| !DRAWN.contains(name)) {
            let [all, first, wrong] = [&all, &first, &wrong].map(|values| value(values, name));
            println!("{place}, {name}: {all} and {first}, as background {wrong}");
            let off = |other: f64| (other - all).abs() / all;
            assert!(
                off(first) < VALUES && off(wrong) > 10.0 * VALUES,
                "{place}, {name}"
            );
        }
        let off = |other: &Weights| norm(&difference(&step, other)) / norm(&step);
        let (first, wrong) = (off(&step_of_first), off(&step_of_wrong));
        println!("{place}: steps apart by {first}, as background {wrong}");
        assert!(
            first < STEPS && wrong > 10.0 * STEPS,
            "{place}: {first} and {wrong}"
        );
    }

    /// Checks that, without any label, terms that depend on labels alone are 0, and that nothing moves without others.
    fn nothing_labeled(&self, names: &[&str]) {
        let (values, step) = self.step(Others::NothingLabeled, "0.01");
        assert!(
            step.values().flatten().all(|value| value.is_finite()),
            "{}",
            self.place
        );
        for name in names.iter().filter(|name| !PSEUDO_LABELED.contains(name)) {
            assert_eq!(
                value(&values, name),
                0.0,
                "{}, {name} without a label",
                self.place
            );
        }
        if self.stage.terms.len() == 1 {
            assert_eq!(norm(&step), 0.0, "{} moves without a label", self.place);
        }
    }

    /// Returns the logged values of a gradient step and the change of the parameters; terms that draw voxels have the
    /// weight `drawn`, those without labels 0.
    fn step(&self, others: Others, drawn: &str) -> (StepValues, Weights) {
        let mut changes = plain_descent(self.method, "1.0");
        for term in &self.stage.terms {
            let weight = match () {
                () if DRAWN.contains(&term.name) => drawn,
                () if term.reads.contains(&Input::Labels) => "1.0",
                () => "0.0",
            };
            if let Weight::Setting(key, _) = &term.weight {
                changes.push((key.clone(), weight.into()));
            }
        }
        let mut method = self.lab.loaded(&changes, &self.lab.base());
        let counts = method.stages()[self.index].batch.counts();
        let batch = batch(counts, CLASSES, &self.lab.context(), 5);
        let values = self.lab.step_on(&mut method, labeled(batch, others), 5, 8);
        let after = weights(&self.lab.save(&method, "after"));
        (values, difference(&after, &weights(&self.lab.base())))
    }
}

/// Replaces every patch by the first one, with the labels that `others` says.
fn labeled(mut batch: Batch, others: Others) -> Batch {
    let patches = &mut batch.labeled;
    let count = patches.weak.dims()[0];
    assert!(count > 1, "expected several labeled patches");
    (patches.weak, patches.strong) = (repeated(&patches.weak), repeated(&patches.strong));
    // Methods that mix patches mix labeled ones with unlabeled ones.
    if let Some(unlabeled) = &mut batch.unlabeled {
        for view in [
            &mut unlabeled.weak,
            &mut unlabeled.strong,
            &mut unlabeled.second,
        ] {
            *view = repeated(view);
        }
    }
    let first = patches.labels.clone().narrow(0, 0, 1);
    let all = |label: i64| first.zeros_like() + label;
    let [first, other] = match others {
        Others::Labeled => [first.clone(), first.clone()],
        Others::Ignored => [first.clone(), all(IGNORED_LABEL)],
        Others::Background => [first.clone(), all(0)],
        Others::NothingLabeled => [all(IGNORED_LABEL), all(IGNORED_LABEL)],
    };
    let labels = std::iter::once(first).chain(vec![other; count - 1]);
    patches.labels = Tensor::cat(labels.collect(), 0);
    batch
}

/// Returns a batch of as many patches, each of them the first.
fn repeated(images: &Tensor<5>) -> Tensor<5> {
    Tensor::cat(vec![images.clone().narrow(0, 0, 1); images.dims()[0]], 0)
}

fn value(values: &StepValues, name: &str) -> f64 {
    values.iter().find(|(known, _)| *known == name).unwrap().1
}
