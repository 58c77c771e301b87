//! Dependence of each term's value on the inputs: the views that each network sees, and the labels that are used.

use burn::prelude::*;
use semivox_methods::batch::Batch;
use semivox_methods::terms::StepValues;
use semivox_models::Architecture;

use crate::descent::framed;
use crate::lab::{CLASSES, Changes, Lab, batch};
use crate::spec::{Input, Method};

const ALL: [Input; 6] = [
    Input::Weak,
    Input::Strong,
    Input::Labels,
    Input::OtherWeak,
    Input::OtherStrong,
    Input::OtherSecond,
];

/// Checks all terms of all stages of a method.
pub fn check(method: &Method, architecture: Architecture) {
    for (index, stage) in method.stages.iter().enumerate() {
        let lab = Lab::new(framed(method, architecture), index);
        // With the thresholds of the frames, as an untrained teacher has no confident pseudo-labels.
        let frames = stage.terms.iter().flat_map(|term| &term.frame);
        let sure = frames.filter(|(key, value)| key.ends_with("threshold") && *value != "1.0");
        let changes: Changes = sure
            .map(|(key, value)| (key.clone(), value.to_string()))
            .collect();
        let values = |input: Option<Input>| -> StepValues {
            let mut method = lab.loaded(&changes, &lab.base());
            let plan = method.stages()[index].batch;
            let batch = batch(plan.counts(), CLASSES, &lab.context(), 5);
            lab.step_on(&mut method, altered(batch, input), 5, 8)
        };
        let plain = values(None);
        let reads = ALL.map(|input| values(Some(input)));
        for (term, value) in &plain {
            let depends =
                |values: &StepValues| values.iter().any(|(name, v)| name == term && v != value);
            let found: Vec<Input> = ALL
                .into_iter()
                .zip(&reads)
                .filter(|(_, values)| depends(values))
                .map(|(input, _)| input)
                .collect();
            let known = stage
                .terms
                .iter()
                .find(|known| known.name == *term)
                .unwrap();
            let expected: Vec<Input> = ALL
                .into_iter()
                .filter(|input| known.reads.contains(input))
                .collect();
            assert_eq!(
                found,
                expected,
                "{}, stage {}, {term}",
                method.name,
                index + 1
            );
            assert!(
                *value != 0.0,
                "{}, stage {}, {term} is 0",
                method.name,
                index + 1
            );
        }
    }
}

/// Returns the batch with one of its parts changed.
fn altered(mut batch: Batch, input: Option<Input>) -> Batch {
    let other = |image: Tensor<5>| image.clone() * 1.5 + image.flip([2]) * 0.5;
    let labeled = &mut batch.labeled;
    let unlabeled = batch.unlabeled.as_mut();
    match (input, unlabeled) {
        (Some(Input::Weak), _) => labeled.weak = other(labeled.weak.clone()),
        (Some(Input::Strong), _) => labeled.strong = other(labeled.strong.clone()),
        (Some(Input::Labels), _) => labeled.labels = labeled.labels.clone().flip([2]),
        (Some(Input::OtherWeak), Some(unlabeled)) => unlabeled.weak = other(unlabeled.weak.clone()),
        (Some(Input::OtherStrong), Some(unlabeled)) => {
            unlabeled.strong = other(unlabeled.strong.clone())
        }
        (Some(Input::OtherSecond), Some(unlabeled)) => {
            unlabeled.second = other(unlabeled.second.clone())
        }
        _ => {}
    }
    batch
}
