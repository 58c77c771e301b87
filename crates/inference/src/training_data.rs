//! Fingerprints of the scans that a model was trained on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use semivox_data::leaks::Evidence;
use semivox_data::{Fingerprint, Match};
use semivox_models::weights;
use serde::{Deserialize, Serialize};

use crate::{InferenceError, model_file};

const FINGERPRINTS: &str = "semivox_training_data";
const CHECKSUM: &str = "semivox_training_checksum";

/// The fingerprints of the scans that a model was trained on, labeled and unlabeled ones apart.
///
/// They tell whether the model was trained on a given scan. There are no names and no images among them, and their
/// order says nothing.
///
/// # Examples
///
/// ```
/// use semivox_data::phantom::{PhantomConfig, PhantomKind, case};
/// use semivox_data::{Fingerprint, Match};
/// use semivox_inference::{Seen, TrainingData};
///
/// let config = PhantomConfig::of(PhantomKind::Abdomen);
/// let print = |number| Fingerprint::of(&case(&config, number).0);
/// let data = TrainingData::new([print(0)], [print(1)]);
/// let found = data.seen(&print(1));
/// assert_eq!(found, Some(Seen { evidence: Match::Exact, labeled: false }));
/// assert_eq!(data.seen(&print(2)), None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingData {
    labeled: BTreeSet<Fingerprint>,
    unlabeled: BTreeSet<Fingerprint>,
}

/// A scan that was found in the training data of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The evidence: equal voxels, or the same scan, changed.
    pub evidence: Match,
    /// Whether the training scan was a labeled one.
    pub labeled: bool,
}

/// Formats the training scan, as in `a labeled scan (the same voxels)`.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = if self.labeled {
            "a labeled"
        } else {
            "an unlabeled"
        };
        write!(f, "{role} scan ({})", Evidence::Scan(self.evidence))
    }
}

impl TrainingData {
    /// Creates the training data of a model from the fingerprints of its labeled and of its unlabeled scans.
    pub fn new(
        labeled: impl IntoIterator<Item = Fingerprint>,
        unlabeled: impl IntoIterator<Item = Fingerprint>,
    ) -> Self {
        Self {
            labeled: labeled.into_iter().collect(),
            unlabeled: unlabeled.into_iter().collect(),
        }
    }

    /// Returns the training data of both.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        self.labeled.extend(other.labeled.iter().cloned());
        self.unlabeled.extend(other.unlabeled.iter().cloned());
        self
    }

    /// Reads the training data of a model without its weights, from any path that [`Model::open`](crate::Model::open)
    /// takes; also from weights without a description. `None` if the file has none, so that they are not known.
    ///
    /// # Errors
    /// As for [`Model::open_on`](crate::Model::open_on), except for damaged weights, which are not read.
    pub fn read(path: impl AsRef<Path>) -> Result<Option<Self>, InferenceError> {
        let file = model_file::located(path.as_ref())?;
        Self::from_notes(&file, &mut weights::inspect(&file)?.notes)
    }

    /// Returns the fingerprints of the labeled scans.
    pub fn labeled(&self) -> &BTreeSet<Fingerprint> {
        &self.labeled
    }

    /// Returns the fingerprints of the unlabeled scans.
    pub fn unlabeled(&self) -> &BTreeSet<Fingerprint> {
        &self.unlabeled
    }

    /// Returns whether a scan was in the training data: with equal voxels rather than changed, labeled rather than
    /// unlabeled, if it was there more than once.
    ///
    /// Another scan of the same patient is not found.
    pub fn seen(&self, scan: &Fingerprint) -> Option<Seen> {
        let nearest = |prints: &BTreeSet<Fingerprint>, labeled| {
            let matches = prints.iter().filter_map(|print| print.compare(scan));
            matches.min().map(|evidence| Seen { evidence, labeled })
        };
        let found = [
            nearest(&self.labeled, true),
            nearest(&self.unlabeled, false),
        ];
        found.into_iter().flatten().min_by_key(|seen| seen.evidence)
    }

    /// The entries in the metadata of a model's file: the fingerprints as JSON, and a CRC-32C of that text.
    pub(crate) fn notes(&self) -> [(&'static str, String); 2] {
        let json = serde_json::to_string(self).expect("fingerprints have a JSON form");
        let checksum = checksum(&json);
        [(FINGERPRINTS, json), (CHECKSUM, checksum)]
    }

    /// Takes the training data out of the metadata of a model's file.
    pub(crate) fn from_notes(
        file: &Path,
        notes: &mut BTreeMap<String, String>,
    ) -> Result<Option<Self>, InferenceError> {
        let damaged = |found: String| {
            InferenceError::unexpected(
                file.display(),
                format!(
                    "undamaged fingerprints of the training scans in its metadata ({FINGERPRINTS}, {CHECKSUM})"
                ),
                found,
                "copy or export the file again; without both entries its training data count as not known",
            )
        };
        match (notes.remove(FINGERPRINTS), notes.remove(CHECKSUM)) {
            (None, None) => Ok(None),
            (Some(json), Some(expected)) => match checksum(&json) {
                found if found != expected => Err(damaged(format!(
                    "the checksum {found} rather than {expected}"
                ))),
                _ => serde_json::from_str(&json)
                    .map(Some)
                    .map_err(|error| damaged(error.to_string())),
            },
            _ => Err(damaged("one of the two entries alone".into())),
        }
    }
}

fn checksum(json: &str) -> String {
    format!("{:08x}", crc32c::crc32c(json.as_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use semivox_data::Image;
    use semivox_data::phantom::{PhantomConfig, PhantomKind, case};

    /// The fingerprint of a phantom with its intensities times `factor`.
    fn print(number: u64, factor: f32) -> Fingerprint {
        let (mut image, _) = case(&PhantomConfig::of(PhantomKind::Abdomen), number);
        image.data.mapv_inplace(|x| factor * x);
        Fingerprint::of(&Image::from(image))
    }

    fn found(data: &TrainingData, scan: &Fingerprint) -> Option<(Match, bool)> {
        data.seen(scan).map(|seen| (seen.evidence, seen.labeled))
    }

    #[test]
    fn equal_voxels_come_before_changed_ones_and_labeled_before_unlabeled() {
        let data = TrainingData::new(
            [print(0, 2.0), print(1, 1.0)],
            [print(0, 1.0), print(1, 1.0), print(2, 3.0)],
        );
        assert_eq!(found(&data, &print(0, 1.0)), Some((Match::Exact, false)));
        assert_eq!(found(&data, &print(1, 1.0)), Some((Match::Exact, true)));
        assert_eq!(found(&data, &print(1, 4.0)), Some((Match::Alike, true)));
        assert_eq!(found(&data, &print(2, 1.0)), Some((Match::Alike, false)));
        assert_eq!(found(&data, &print(3, 1.0)), None);
        assert_eq!(found(&TrainingData::default(), &print(0, 1.0)), None);
        let text = data.seen(&print(2, 1.0)).unwrap().to_string();
        assert_eq!(text, "an unlabeled scan (the same scan, changed)");
    }

    #[test]
    fn damaged_metadata_are_refused() {
        let data = TrainingData::new([print(0, 1.0)], [print(1, 1.0)]);
        let whole: BTreeMap<String, String> = data
            .notes()
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect();
        let read = |notes: &BTreeMap<String, String>| {
            let read = TrainingData::from_notes(Path::new("m.safetensors"), &mut notes.clone());
            read.map_err(|error| error.to_string())
        };
        assert_eq!(read(&whole).unwrap(), Some(data));
        assert_eq!(read(&BTreeMap::new()).unwrap(), None);
        let mut changed = whole.clone();
        let json = changed.get_mut(FINGERPRINTS).unwrap();
        *json = json.replacen("1:", "2:", 1);
        assert!(read(&changed).unwrap_err().contains("the checksum"));
        let sum = checksum(&changed[FINGERPRINTS]);
        changed.insert(CHECKSUM.into(), sum);
        let message = read(&changed).unwrap_err();
        assert!(message.contains("hexadecimal digits"), "{message}");
        for key in [FINGERPRINTS, CHECKSUM] {
            let mut less = whole.clone();
            less.remove(key);
            let message = read(&less).unwrap_err();
            assert!(
                message.starts_with("m.safetensors: expected undamaged fingerprints")
                    && message.contains("alone"),
                "{message}"
            );
        }
    }
}
