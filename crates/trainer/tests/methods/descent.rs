//! Every term of every method is minimized, with the weight of its paper.
//!
//! With a learning rate of 1 and without momentum and weight decay, a step subtracts the gradient of the loss from the
//! parameters. For a term `L` of weight `w`, the difference `D` of two such steps, one with the term and one without
//! it, is `w·∇L`. The slope of the term's logged value in the direction of `D`, a central difference, is `∇L·D/|D|`.
//! So
//!
//! ```text
//! |D| = w · slope
//! ```
//!
//! for any term. A term fails if it is logged but not minimized, has another weight or sign, or if another value is
//! logged than is minimized.

use std::collections::HashMap;
use std::path::Path;

use semivox_methods::method_config::MethodConfig;
use semivox_methods::terms::StepValues;
use semivox_models::Architecture;
use semivox_trainer::config::RunConfig;

use crate::lab::{Changes, Lab, STEPS, changed, config, number};
use crate::spec::{Method, Stage, Term, Weight};
use crate::state::{Weights, moved, weights};
use crate::vectors::{difference, norm, scaled, size, within};

/// The number of the batch used in all experiments of a stage.
const BATCH: u64 = 5;
/// The step of the stage at which experiments take place, unless they are about schedules.
const LATE: u64 = 8;
/// An earlier step, for schedules.
const EARLY: u64 = 3;
/// Distance from the state at which the term is measured on both sides, as the norm of all parameters.
const DISTANCE: f64 = 3e-5;

/// Checks all terms of all stages of a method.
pub fn check(method: &Method, architecture: Architecture) {
    let config = framed(method, architecture);
    defaults(method);
    for (index, stage) in method.stages.iter().enumerate() {
        let lab = Lab::new(config.clone(), index);
        let mut experiments = Experiments {
            method,
            stage,
            lab,
            index,
            gradients: HashMap::new(),
        };
        experiments.names();
        experiments.sum();
        for term in &stage.terms {
            experiments.term(term);
        }
    }
}

/// Returns a tiny run of the method with the settings of its frame.
pub fn framed(method: &Method, architecture: Architecture) -> RunConfig {
    let frame = method
        .frame
        .iter()
        .map(|(key, value)| (key.to_string(), value.to_string()));
    changed(&config(architecture, method.name), &frame.collect())
}

/// Checks that the default weights and momenta are those of the papers.
fn defaults(method: &Method) {
    let mut config = config(Architecture::VNet, method.name);
    config.method = MethodConfig::new(method.name, 100).unwrap();
    for stage in &method.stages {
        let weights = stage.terms.iter().filter_map(|term| match &term.weight {
            Weight::Setting(key, value) => Some((key, *value)),
            _ => None,
        });
        let momenta = stage
            .averages
            .iter()
            .map(|average| (&average.momentum.0, average.momentum.1));
        for (key, value) in weights.chain(momenta) {
            assert_eq!(number(&config, key), value, "{}: {key}", method.name);
        }
    }
}

/// Training steps that all begin at one state of a stage.
struct Experiments<'a> {
    method: &'a Method,
    stage: &'a Stage,
    lab: Lab,
    index: usize,
    gradients: HashMap<String, Weights>,
}

impl Experiments<'_> {
    /// Checks that the terms are logged in order.
    fn names(&self) {
        let values = self.values(
            &self.settings(&self.weights(1.0), &Vec::new()),
            &self.lab.base(),
        );
        let found: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        let expected: Vec<&str> = self.stage.terms.iter().map(|term| term.name).collect();
        assert_eq!(found, expected, "{}", self.place());
    }

    /// Checks that the weighted terms together contribute the sum of their single contributions.
    fn sum(&mut self) {
        let none = self.gradient(&self.weights(0.0), &Vec::new(), LATE);
        let mut all = self.gradient(&self.weights(1.0), &Vec::new(), LATE);
        let size = norm(&all);
        for (key, _) in self.weights(1.0) {
            let alone = self.gradient(&vec![(key, "1.0".into())], &Vec::new(), LATE);
            all = difference(&all, &difference(&alone, &none));
        }
        all = difference(&all, &none);
        let rest = norm(&all);
        assert!(
            rest < 1e-3 * size,
            "{}: {rest} of {size} comes from no term",
            self.place()
        );
    }

    /// Checks one term.
    fn term(&mut self, term: &Term) {
        let (weights, weight) = match &term.weight {
            Weight::None => return, // if it were minimized, the slopes of the others would not fit
            Weight::Fixed(weight) => (Vec::new(), *weight),
            Weight::Setting(key, _) => (vec![(key.clone(), "1.0".to_string())], term.times),
        };
        let what = format!("{}, term {}", self.place(), term.name);
        let contribution = self.contribution(term, &weights, LATE);
        moves(&contribution, term, &what);
        let direction = within(contribution, term.alone_in);
        let size = norm(&direction);
        let slope = self.slope(term, &weights, &direction);
        let expected = weight * ramp(term, LATE) * slope;
        let off = size / expected;
        println!("{what}: {size:.5} of {expected:.5}, {off:.3}");
        assert!(
            (off - 1.0).abs() < term.tolerance,
            "{what}: the step follows {off:.3} times the slope of its value, expected 1"
        );
        let early = within(self.contribution(term, &weights, EARLY), term.alone_in);
        let ramped = ramp(term, EARLY) / ramp(term, LATE);
        let rest = norm(&difference(&early, &scaled(&direction, ramped)));
        assert!(
            rest < 1e-3 * ramped * size,
            "{what}: at step {EARLY} of {STEPS} expected {ramped:.3} times what it is at step {LATE}, off by {rest}"
        );
    }

    /// Returns `w·∇L`: the gradient with the term minus the one without it; for a fixed weight, the whole gradient.
    fn contribution(&mut self, term: &Term, weights: &Changes, stage_step: u64) -> Weights {
        let frame = frame(term);
        let with = self.gradient(weights, &frame, stage_step);
        match term.weight {
            Weight::Fixed(_) => with,
            _ => difference(&with, &self.gradient(&Vec::new(), &frame, stage_step)),
        }
    }

    /// Returns the change of the parameters by a step with all weights 0 but the given ones.
    fn gradient(&mut self, on: &Changes, frame: &Changes, stage_step: u64) -> Weights {
        let settings = self.settings(on, frame);
        let key = format!("{settings:?} {stage_step}");
        if let Some(found) = self.gradients.get(&key) {
            return found.clone();
        }
        let mut method = self.lab.loaded(&settings, &self.lab.base());
        self.lab.step(&mut method, BATCH, stage_step);
        let after = self.lab.save(&method, "after");
        let [before, after] = [&self.lab.base(), &after].map(|folder| {
            let mut trained = weights(folder);
            let averages = self
                .stage
                .averages
                .iter()
                .map(|average| format!("{}/", average.file));
            averages.for_each(|prefix| trained.retain(|name, _| !name.starts_with(&prefix)));
            trained
        });
        let taken = difference(&before, &after);
        self.gradients.insert(key, taken.clone());
        taken
    }

    /// Computes the slope of the term's value in a direction.
    fn slope(&self, term: &Term, weights: &Changes, direction: &Weights) -> f64 {
        let settings = self.settings(weights, &frame(term));
        let step = DISTANCE / norm(direction);
        let [ahead, behind] = [step, -step].map(|step| {
            let folder = self.lab.scratch("moved");
            moved(&self.lab.base(), &folder, &scaled(direction, step));
            value(&self.values(&settings, &folder), term.name)
        });
        (ahead - behind) / (2.0 * DISTANCE)
    }

    /// Returns the values logged by a step from a checkpoint.
    fn values(&self, settings: &Changes, checkpoint: &Path) -> StepValues {
        let mut method = self.lab.loaded(settings, checkpoint);
        self.lab.step(&mut method, BATCH, LATE)
    }

    /// Returns the settings of an experiment: plain gradient descent, fixed averages, and all weights 0 but the given.
    fn settings(&self, weights: &Changes, frame: &Changes) -> Changes {
        let mut changes = plain_descent(self.method, "1.0");
        let averages = self.stage.averages.iter();
        changes.extend(averages.map(|average| (average.momentum.0.clone(), "1.0".into())));
        changes.extend(self.weights(0.0));
        changes.extend(weights.iter().cloned());
        changes.extend(frame.iter().cloned());
        changes
    }

    /// Returns the settings of all weights, each once, with one value.
    fn weights(&self, value: f64) -> Changes {
        let keys = self
            .stage
            .terms
            .iter()
            .filter_map(|term| match &term.weight {
                Weight::Setting(key, _) => Some((key.clone(), format!("{value:?}"))),
                _ => None,
            });
        let mut keys: Changes = keys.collect();
        keys.sort();
        keys.dedup();
        keys
    }

    fn place(&self) -> String {
        let patch = self.lab.config().patch;
        format!(
            "{}, stage {}, patch {patch:?}",
            self.method.name,
            self.index + 1
        )
    }
}

/// Returns optimizer settings with which a step subtracts `rate` times the gradient.
pub fn plain_descent(method: &Method, rate: &str) -> Changes {
    let section = optimizer(method);
    let set = |key: &str, value: &str| (format!("{section}.{key}"), value.to_string());
    vec![
        set("learning_rate", rate),
        set("momentum", "0.0"),
        set("weight_decay", "0.0"),
        set("schedule", "{ kind = 'constant' }"),
    ]
}

/// Returns the key of the settings of a method's optimizer.
pub fn optimizer(method: &Method) -> &'static str {
    match method.name {
        "action_pp" => "method.action.optimizer",
        _ => "method.optimizer",
    }
}

/// Checks that the term moves the parameters that it should, and no others.
fn moves(contribution: &Weights, term: &Term, what: &str) {
    let moved = |prefix: &str| {
        contribution
            .iter()
            .any(|(name, g)| name.starts_with(prefix) && size(g) > 0.0)
    };
    for prefix in term.moves {
        assert!(moved(prefix), "{what} does not move {prefix}");
    }
    for (name, gradient) in contribution {
        let expected = term.moves.iter().any(|prefix| name.starts_with(prefix));
        // Parameters may be moved by other terms of fixed weight, which cannot be switched off.
        assert!(
            expected || size(gradient) == 0.0 || !term.alone_in.is_empty(),
            "{what} moves {name}"
        );
    }
}

fn frame(term: &Term) -> Changes {
    term.frame
        .iter()
        .map(|(key, value)| (key.clone(), value.to_string()))
        .collect()
}

/// Returns `exp(−5 (1 − t/(s·T))²)` before the share `s` of the stage, else 1.
fn ramp(term: &Term, step: u64) -> f64 {
    let end = term.ramp * STEPS as f64;
    match (step as f64) < end {
        true => (-5.0 * (1.0 - step as f64 / end).powi(2)).exp(),
        false => 1.0,
    }
}

fn value(values: &StepValues, name: &str) -> f64 {
    values.iter().find(|(known, _)| *known == name).unwrap().1
}
