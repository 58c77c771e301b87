//! Exponential moving averages are updated as in the papers, and by nothing else: no gradient, no weight decay.
//!
//! ```text
//! a ← m·a + (1 − m)·θ,   m or, warmed up, min(m, 1 − 1/(t + 1))
//! ```

use std::path::Path;

use semivox_models::Architecture;

use crate::descent::{framed, plain_descent};
use crate::lab::{Changes, Lab};
use crate::spec::{Average, Method};
use crate::state::{Weights, weights};

/// The step within the stage at which averages are checked.
const STEP: u64 = 3;

/// Checks all averages of all stages, with the momentum of the paper and with another.
pub fn check(method: &Method, architecture: Architecture) {
    for (index, stage) in method.stages.iter().enumerate() {
        let lab = Lab::new(framed(method, architecture), index);
        let before = weights(&lab.base());
        known(method, index, &before);
        for momentum in [None, Some(0.4)] {
            let mut changes = plain_descent(method, "0.5");
            let keys = stage
                .averages
                .iter()
                .map(|average| average.momentum.0.clone());
            let set = |momentum: f64| {
                keys.map(|key| (key, format!("{momentum:?}")))
                    .collect::<Changes>()
            };
            changes.extend(momentum.map(set).unwrap_or_default());
            let mut loaded = lab.loaded(&changes, &lab.base());
            lab.step(&mut loaded, 5, STEP);
            let after = weights(&lab.save(&loaded, "after"));
            for average in &stage.averages {
                let what = format!("{}, stage {}, {}", method.name, index + 1, average.file);
                follows(average, momentum, [&before, &after], &what);
            }
        }
    }
}

/// Checks that every network in a checkpoint is trained or an average.
fn known(method: &Method, index: usize, found: &Weights) {
    let stage = &method.stages[index];
    let trained = stage.terms.iter().flat_map(|term| term.moves).copied();
    let averages = stage.averages.iter().map(|average| average.file);
    let known: Vec<&str> = trained
        .map(|prefix| prefix.split('/').next().unwrap())
        .chain(averages)
        .collect();
    for name in found.keys() {
        let file = Path::new(name).iter().next().unwrap().to_str().unwrap();
        assert!(
            known.contains(&file),
            "{}, stage {}: what is {file}?",
            method.name,
            index + 1
        );
    }
}

fn follows(average: &Average, momentum: Option<f64>, [before, after]: [&Weights; 2], what: &str) {
    let set = momentum.unwrap_or(average.momentum.1);
    let momentum = match average.warmed_up {
        true => set.min(1.0 - 1.0 / (STEP as f64 + 1.0)),
        false => set,
    };
    let leader = if average.follows_moved { after } else { before };
    let prefix = format!("{}/", average.file);
    let mut lag = 0.0;
    let names = before
        .keys()
        .filter_map(|name| Some((name, name.strip_prefix(&prefix)?)));
    for (name, path) in names {
        let separator = if average.follows.contains('/') {
            "."
        } else {
            "/"
        };
        let leading = format!("{}{separator}{path}", average.follows);
        let leading = leader
            .get(&leading)
            .unwrap_or_else(|| panic!("{what}: no {leading}"));
        for ((old, new), leading) in before[name].iter().zip(&after[name]).zip(leading) {
            let [old, new, leading] = [old, new, leading].map(|value| f64::from(*value));
            let expected = momentum * old + (1.0 - momentum) * leading;
            let close = (new - expected).abs() <= 1e-6 * (1.0 + expected.abs());
            assert!(
                close,
                "{what}, momentum {momentum}: {name} is {new}, expected {expected}"
            );
            lag += (old - leading).abs();
        }
    }
    assert!(lag > 0.0, "{what} has nothing to follow");
}
