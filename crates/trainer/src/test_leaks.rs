//! Test and validation cases whose scan or patient is in the training data too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use semivox_data::inspect::Role;
use semivox_data::leaks::{Evidence, Leak};
use semivox_data::{Dataset, PatientSource};

use crate::config::{RunConfig, TestLeaks};
use crate::error::TrainError;
use crate::training_set::TrainingSet;

/// The number of leaks that a message names.
const NAMED: usize = 3;

/// The leaks that a run was told to accept: a sentence for each test case.
pub(crate) type Accepted = BTreeMap<String, String>;

/// The result of applying a run's rule for leaks.
#[derive(Default)]
pub(crate) struct Settled {
    /// Names of training cases that are left out.
    pub(crate) excluded: BTreeSet<String>,
    /// Leaks that are trained on.
    pub(crate) accepted: Accepted,
}

/// Applies the rule of a run to the leaks found.
///
/// # Errors
/// If there are leaks and the rule is to refuse them.
pub(crate) fn settle(
    config: &RunConfig,
    dataset: &Dataset,
    found: &[Leak],
) -> Result<Settled, TrainError> {
    let mut settled = Settled::default();
    match config.data.test_leaks {
        _ if found.is_empty() => {}
        TestLeaks::Refuse => return Err(refused(dataset, found)),
        TestLeaks::Exclude => {
            settled.excluded = found.iter().map(|leak| leak.training.clone()).collect();
        }
        TestLeaks::Allow => {
            // Supervised training does not read the unlabeled cases of its data set.
            let reads_all =
                config.own_method.is_some() || config.method.settings().needs_unlabeled();
            let read = |leak: &&Leak| reads_all || leak.role == Role::Labeled;
            for leak in found.iter().filter(read) {
                let sentence = settled.accepted.entry(leak.test.clone()).or_default();
                if !sentence.is_empty() {
                    sentence.push_str("; ");
                }
                sentence.push_str(&leak.to_string());
            }
        }
    }
    Ok(settled)
}

fn refused(dataset: &Dataset, found: &[Leak]) -> TrainError {
    let told = |leak: &Leak| {
        let Evidence::Patient(source) = leak.evidence else {
            return false;
        };
        source != PatientSource::File
    };
    let named: Vec<String> = found.iter().take(NAMED).map(ToString::to_string).collect();
    let more = match found.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    TrainError::unexpected(
        &dataset.name,
        "test and validation cases apart from the training data",
        format!("{}{more}", named.join(", ")),
        format!(
            "remove one of each pair; or leave the training cases out with --exclude-duplicates \
             (data.test_leaks=exclude), or train on them with --allow-leaks (allow), which every result then says{}",
            if found.iter().any(told) {
                "; where a name or a PatientID misleads, say who is who in patients.csv"
            } else {
                ""
            }
        ),
    )
}

/// Removes the named cases from the training cases.
pub(crate) fn leave_out(names: &BTreeSet<String>, dataset: &mut Dataset) {
    dataset.labeled.retain(|case| !names.contains(&case.id));
    dataset.unlabeled.retain(|case| !names.contains(&case.id));
}

/// Leaves training cases out of a data set and of the cases read from it.
///
/// # Errors
/// If no labeled case, or none of the unlabeled cases that the method needs, is left.
pub(crate) fn exclude(
    names: &BTreeSet<String>,
    config: &RunConfig,
    dataset: &mut Dataset,
    set: Arc<TrainingSet>,
) -> Result<Arc<TrainingSet>, TrainError> {
    if names.is_empty() {
        return Ok(set);
    }
    leave_out(names, dataset);
    let listed: Vec<&str> = names.iter().map(String::as_str).collect();
    let needs_unlabeled = config.method.settings().needs_unlabeled();
    let lacking = match (dataset.labeled.is_empty(), dataset.unlabeled.is_empty()) {
        (true, _) => Some("labeled"),
        (_, true) if needs_unlabeled => Some("unlabeled"),
        _ => None,
    };
    if let Some(kind) = lacking {
        return Err(TrainError::setting(
            "data.test_leaks",
            format!("{kind} cases apart from the test and validation data"),
            format!("none without {}", listed.join(", ")),
            "choose other test or validation cases",
        ));
    }
    dataset.notes.push(format!(
        "left out of the training, as their scan or patient is in the test or validation data: {}",
        listed.join(", ")
    ));
    Ok(Arc::new(set.without(names)))
}
