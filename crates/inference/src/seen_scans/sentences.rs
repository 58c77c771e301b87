//! Sentences on how many scans of a folder of predictions were in the training data of their model.

use std::collections::BTreeSet;

use semivox_data::Match;

use super::{FILE, SeenScans};

/// The number of scans that a sentence names.
const NAMED: usize = 3;

impl SeenScans {
    /// The number of scans.
    fn len(&self) -> usize {
        self.seen.len() + self.patient.len() + self.unseen.len() + self.not_known.len()
    }

    /// Returns a sentence with the number and the first names of the scans that were in the training data, if any.
    pub fn warning(&self) -> Option<String> {
        let of = |evidence| {
            let some = self
                .seen
                .iter()
                .filter(move |(_, seen)| seen.evidence == evidence);
            some.map(|(id, seen)| match seen.labeled {
                true => id.clone(),
                false => format!("{id} (unlabeled)"),
            })
        };
        let parts = [
            listed(of(Match::Exact).collect(), "with the same voxels"),
            listed(of(Match::Alike).collect(), "as a changed copy"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let count = self.seen.len();
        let verb = if count == 1 { "was" } else { "were" };
        (count > 0).then(|| {
            format!(
                "{count} of {} scans {verb} in the training data of this model: {}",
                self.len(),
                parts.join("; ")
            )
        })
    }

    /// Returns a sentence with the number of the scans of which it is not known whether they were in the training data, if
    /// any.
    pub fn note(&self) -> Option<String> {
        let count = self.not_known.len();
        let verb = if count == 1 { "was" } else { "were" };
        (count > 0).then(|| {
            format!(
                "the model does not say whether {count} of {} scans {verb} in its training data",
                self.len()
            )
        })
    }

    /// Returns a sentence with the number of label maps of which nothing is recorded, if any: whether their scans were in
    /// the training data is not known either.
    pub fn note_on_unrecorded(&self, ids: &BTreeSet<&str>) -> Option<String> {
        let count = ids.len() - self.clone().among(ids).len();
        (count > 0).then(|| {
            format!(
                "no `{FILE}` beside the predictions tells whether the scans of {count} of {} label maps were in the training \
                 data",
                ids.len()
            )
        })
    }
}

/// The first names, the number of the others and what they have in common.
fn listed(mut names: Vec<String>, how: &str) -> Option<String> {
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!names.is_empty()).then(|| format!("{}{more} {how}", names.join(", ")))
}
