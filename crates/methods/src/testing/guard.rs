//! The guard of pseudo-labels, in the terms of a stage.
#![allow(clippy::unwrap_used)]

use super::parameters::predicting;
use super::{batch, first_step};
use crate::context::MethodContext;
use crate::stage::{Handover, Stage};
use crate::step_context::StepContext;

/// Asserts that terms of pseudo-labels have their weights while the labeled foreground is right, and none while it is
/// wrong.
pub(crate) fn assert_guard<S: Stage>(stage: &S, context: &MethodContext, weights: &[(&str, f64)]) {
    let student = predicting(context.student(), 1, context.network.classes);
    let mut state = stage.begin(Handover::new(student), context).unwrap();
    let at = StepContext {
        stage_step: 9,
        ..first_step(context)
    };
    for (label, active) in [(1, true), (2, false)] {
        let mut batch = batch([2, 2], context, 0);
        batch.labeled.labels = batch.labeled.labels.zeros_like() + label;
        let terms = stage.terms(&mut state, batch, &at).unwrap();
        for &(name, weight) in weights {
            let expected = if active { weight } else { 0.0 };
            assert_eq!(terms.weight(name), expected, "{name}, labels of {label}");
        }
        let logged = terms.term("pseudo_active").into_scalar::<f32>();
        assert_eq!(logged > 0.5, active, "labels of {label}");
    }
}
