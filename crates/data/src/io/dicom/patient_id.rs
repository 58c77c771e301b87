//! The PatientID of a DICOM file, told from others without being named.

use xxhash_rust::xxh3::xxh3_128;

/// A hash of a PatientID: equal for the scans of one patient. It is never written, since short numbers can be found from
/// their hash by trying all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PatientHash(u128);

/// Words, in lower case, that stand in the place of a PatientID that was removed.
const PLACEHOLDERS: [&str; 14] = [
    "",
    "anon",
    "anonym",
    "anonymous",
    "anonymized",
    "anonymised",
    "anonymousid",
    "deident",
    "deidentified",
    "empty",
    "none",
    "removed",
    "unknown",
    "na",
];

impl PatientHash {
    /// The hash of a PatientID; `None` of one that was removed. A word with a number, such as `ANON_17`, is a pseudonym.
    pub(crate) fn of(id: &str) -> Option<Self> {
        let id = id.trim().to_lowercase();
        let word: String = id.chars().filter(|c| c.is_alphanumeric()).collect();
        let word = word.trim_end_matches('0');
        let removed = PLACEHOLDERS.contains(&word) || word.chars().all(|letter| letter == 'x');
        (!removed).then(|| Self(xxh3_128(id.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_id_is_no_patient() {
        for id in [
            "",
            " ",
            "0000",
            "ANON",
            "anon-000",
            "Anonymous",
            "Anonymized",
            "DE-IDENTIFIED",
            "n/a",
            "None",
            "unknown",
            "XXXXX",
            "DeIdentified",
        ] {
            assert_eq!(PatientHash::of(id), None, "{id}");
        }
        let of = |id: &str| PatientHash::of(id).map(|hash| format!("{hash:?}"));
        assert_eq!(of("ab17"), of(" AB17 "));
        assert_ne!(of("ab17"), of("ab18"));
        for pseudonym in [
            "ANON_17",
            "ANON_10",
            "anonymous7",
            "NONE-2",
            "Xaver",
            "0001",
        ] {
            assert!(of(pseudonym).is_some(), "{pseudonym}");
        }
        assert!(of("ab17").is_some_and(|shown| !shown.contains("ab17")));
    }
}
