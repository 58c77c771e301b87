//! Patients by the names of cases.

use std::collections::{BTreeMap, BTreeSet};

/// A way in which names of cases tell the patient.
///
/// A guess needs evidence: at least two of the names must lead to one patient, otherwise the case is a patient of its
/// own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NameRule {
    /// BIDS: `sub-01_ses-02` and `sub-01_ses-03` are scans of `sub-01`.
    Bids,
    /// Frames of ACDC: `patient001_frame01` and `patient001_frame12` are scans of `patient001`.
    Frame,
    /// Points in time: `NAME`, `NAME_t1`, `NAME_tp2`, `NAME_baseline` and `NAME_followup` are scans of `NAME`, unless
    /// that would make one patient of all cases: `scan_t1`, `scan_t2`, … may well be numbers.
    TimePoint,
}

impl NameRule {
    const ALL: [Self; 3] = [Self::Bids, Self::Frame, Self::TimePoint];

    /// The patient of a case with this name, if the name has the form of this rule.
    fn patient(self, name: &str) -> Option<&str> {
        let (start, end) = match self {
            Self::Bids => {
                let label = name.strip_prefix("sub-")?;
                let length = label.find('_').unwrap_or(label.len());
                let plain = length > 0 && label[..length].chars().all(char::is_alphanumeric);
                return plain.then(|| &name[..name.len() - label.len() + length]);
            }
            Self::Frame | Self::TimePoint => name.rsplit_once('_')?,
        };
        let end = end.to_ascii_lowercase();
        let word = end.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = end.len() - word.len();
        let fits = match self {
            Self::Frame => word == "frame" && digits > 0,
            _ => match word {
                "t" | "tp" => (1..=2).contains(&digits),
                "followup" => digits <= 2,
                "baseline" => digits == 0,
                _ => false,
            },
        };
        (fits && !start.is_empty()).then_some(start)
    }
}

/// The patients of those cases that share one with another case, and the rule.
pub(super) fn guess<'a>(names: &BTreeSet<&'a str>) -> BTreeMap<&'a str, (&'a str, NameRule)> {
    let mut found = BTreeMap::new();
    for rule in NameRule::ALL {
        let free = names.iter().filter(|name| !found.contains_key(*name));
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for name in free.copied() {
            let patient = rule.patient(name).unwrap_or(name);
            groups.entry(patient).or_default().push(name);
        }
        let numbers = rule == NameRule::TimePoint && groups.len() == 1 && found.is_empty();
        let groups = groups
            .into_iter()
            .filter(|(_, cases)| cases.len() > 1 && !numbers);
        for (patient, cases) in groups {
            found.extend(cases.into_iter().map(|case| (case, (patient, rule))));
        }
    }
    found
}
