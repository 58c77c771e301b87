//! Pairs that terms compare: if both networks and both views are the same, a consistency is 0, and a contrast with a
//! low temperature is small, since no key is more similar to a query than the query itself.

use semivox_models::Architecture;

use crate::descent::framed;
use crate::lab::{CLASSES, Lab, batch, changed};
use crate::spec::{Method, Same, Term};

/// Largest value of a contrast at a temperature of 0.001 if every positive is the most similar key. Every patch occurs
/// twice, as a labeled and as an unlabeled one, and some voxels are alike: a positive may have a few equals. A positive
/// that is not the most similar key costs tens.
const FOUND: f64 = 3.0;

/// Checks all terms that compare a network with its average, or a view with another.
pub fn check(method: &Method, architecture: Architecture) {
    for (index, stage) in method.stages.iter().enumerate() {
        for term in stage.terms.iter().filter(|term| term.same != Same::Other) {
            let value = value_of_same(method, architecture, index, term);
            let what = format!(
                "{}, stage {}, {}: {value}",
                method.name,
                index + 1,
                term.name
            );
            println!("{what}");
            match term.same {
                Same::Zero => assert!(value.abs() < 1e-8, "{what}, expected 0"),
                _ => assert!(value < FOUND, "{what}, expected less than {FOUND}"),
            }
        }
    }
}

/// Returns the value of a term at the beginning of a stage, without noise and dropout, on equal views. Labeled patches
/// equal the unlabeled ones, so that batch statistics are the same with and without them.
fn value_of_same(method: &Method, architecture: Architecture, stage: usize, term: &Term) -> f64 {
    let mut changes = Vec::new();
    if let Same::Found(key) = term.same {
        changes.push((format!("method.{key}"), "0.001".into()));
    }
    let plain = method
        .plain
        .iter()
        .map(|(key, value)| (key.to_string(), value.to_string()));
    changes.extend(plain);
    changes.push(("network.dropout".into(), "0.0".into()));
    let config = changed(&framed(method, architecture), &changes);
    let lab = Lab::after(config, stage, 0, CLASSES);
    let mut method = lab.loaded(&Vec::new(), &lab.base());
    let plan = method.stages()[stage].batch;
    let counts = plan.counts();
    let mut batch = batch(counts, CLASSES, &lab.context(), 5);
    let images = batch.labeled.weak.clone();
    batch.labeled.strong = images.clone();
    if let Some(unlabeled) = &mut batch.unlabeled {
        unlabeled.second = images.clone();
        (unlabeled.weak, unlabeled.strong) = (images.clone(), images);
    }
    let values = lab.step_on(&mut method, batch, 5, 8);
    values
        .iter()
        .find(|(name, _)| *name == term.name)
        .unwrap()
        .1
}
