//! Checks that runs may be compared.

use std::collections::BTreeSet;

use super::Run;
use crate::error::TrainError;

/// Fails if runs of a method are not those of one setting with several seeds.
pub(super) fn check_seeds(group: &[&Run]) -> Result<(), TrainError> {
    let mut seen = BTreeSet::new();
    for run in group {
        let seed = run.evaluation.protocol.seed;
        let found = match seen.insert(seed) {
            true => differing(group[0], run)?,
            false => Some(format!("two runs with seed {seed}")),
        };
        if let Some(found) = found {
            return Err(TrainError::unexpected(
                format!("comparison: {}", group[0].group().0),
                "runs with the same settings and a seed each",
                found,
                "compare them under names of their own, or leave one out",
            ));
        }
    }
    Ok(())
}

/// Returns the settings in which two runs differ, beside the seed, the device and the place of files.
fn differing(first: &Run, second: &Run) -> Result<Option<String>, TrainError> {
    let mut second = second.config.clone();
    let first = &first.config;
    second.seed = first.seed;
    let found = first.differences(&second.at_place_of(first))?;
    Ok((!found.is_empty()).then(|| found.join("; ")))
}

/// Fails if runs with one number of labeled cases were trained on other data: on other cases, or on files whose contents
/// changed between them. Phantoms are others for each seed.
pub(super) fn check_same_data(runs: &[Run]) -> Result<(), TrainError> {
    let on_files = |run: &&Run| run.config.data.root.is_some();
    let real: Vec<&Run> = runs.iter().filter(on_files).collect();
    let labeled = |run: &Run| run.evaluation.protocol.labeled;
    for (at, run) in real.iter().enumerate() {
        // All of them, as runs of earlier versions do not know the contents of their files.
        for first in real[..at]
            .iter()
            .filter(|other| labeled(other) == labeled(run))
        {
            expect_same_data(first, run)?;
        }
    }
    Ok(())
}

fn expect_same_data(first: &Run, run: &Run) -> Result<(), TrainError> {
    let cases = first.cases.as_ref().zip(run.cases.as_ref());
    let named = |run: &Run| {
        let protocol = &run.evaluation.protocol;
        format!("{}, seed {}", protocol.method, protocol.seed)
    };
    match cases.and_then(|(one, other)| one.difference(other)) {
        None => Ok(()),
        Some(found) => Err(TrainError::unexpected(
            format!("comparison: {}", named(run)),
            format!("a run on the data of {}", named(first)),
            found,
            "compare runs on the same files: repeat one of them",
        )),
    }
}

/// Fails if runs have other classes, as after a change of their description, or were measured on other cases.
pub(super) fn check_same_cases(runs: &[Run]) -> Result<(), TrainError> {
    for pair in runs.windows(2) {
        let [a, b] = [&pair[0].config.data, &pair[1].config.data];
        if (&a.classes, &a.label_values) != (&b.classes, &b.label_values) {
            return Err(TrainError::unexpected(
                "comparison",
                "runs with the same classes and label values",
                format!("{} and {}", a.classes.join(", "), b.classes.join(", ")),
                "repeat the runs from before the description of the classes was changed",
            ));
        }
    }
    let ids = |run: &Run| -> Vec<String> {
        let cases = run.evaluation.cases.iter();
        cases.map(|case| case.id.clone()).collect()
    };
    for pair in runs.windows(2) {
        let (first, second) = (ids(&pair[0]), ids(&pair[1]));
        if first != second {
            let [a, b] = [0, 1].map(|at| &pair[at].evaluation.protocol.method);
            return Err(TrainError::unexpected(
                "comparison",
                "all runs measured on the same cases",
                format!("{} for {a} and other {} for {b}", first.len(), second.len(),),
                "compare runs of one data set and one --test-list or --validation",
            ));
        }
    }
    Ok(())
}
