//! Unit tests of `seen_scans`.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::evaluation::{CaseEvaluation, ClassEvaluation, Protocol};
use semivox_data::Match;

const EXACT: Seen = Seen {
    evidence: Match::Exact,
    labeled: true,
};
const ALIKE: Seen = Seen {
    evidence: Match::Alike,
    labeled: false,
};

fn scans(seen: &[(&str, Seen)], unseen: &[&str], not_known: &[&str]) -> SeenScans {
    let owned = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
    SeenScans {
        patient: BTreeSet::new(),
        seen: seen.iter().map(|&(id, seen)| (id.into(), seen)).collect(),
        unseen: owned(unseen),
        not_known: owned(not_known),
    }
}

/// An evaluation of cases with these names and Dice.
fn evaluation(cases: &[(&str, f64)]) -> Evaluation {
    let case = |&(id, dice): &(&str, f64)| CaseEvaluation {
        id: id.into(),
        seen: None,
        classes: vec![ClassEvaluation {
            label: 1,
            dice: Some(dice),
            jaccard: None,
            hd95_mm: None,
            hd95_directed_max_mm: None,
            asd_mm: None,
            assd_mm: None,
        }],
    };
    Evaluation::new(Protocol::default(), cases.iter().map(case).collect())
}

#[test]
fn the_warning_counts_and_names_the_first_of_each_kind() {
    let seen = [
        ("a", EXACT),
        ("b", EXACT),
        ("c", EXACT),
        ("d", EXACT),
        ("e", ALIKE),
    ];
    let found = scans(&seen, &["f", "g"], &["h"]);
    assert_eq!(
        found.warning().unwrap(),
        "5 of 8 scans were in the training data of this model: a, b, c and 1 more with the same voxels; e (unlabeled) \
         as a changed copy"
    );
    assert_eq!(
        found.note().unwrap(),
        "the model does not say whether 1 of 8 scans was in its training data"
    );
    let some = found.among(&BTreeSet::from(["e", "f"]));
    assert_eq!(some, scans(&[("e", ALIKE)], &["f"], &[]));
    let none = scans(&[], &["a"], &[]);
    assert_eq!((none.warning(), none.note()), (None, None));
}

#[test]
fn means_without_seen_cases_leave_unknown_ones_out_too() {
    let cases = [("a", 1.0), ("b", 0.5), ("c", 0.7), ("d", 0.1)];
    let marked = scans(&[("a", EXACT)], &["b", "c", "z"], &["d"]).mark(evaluation(&cases));
    let seen: Vec<Option<bool>> = marked.cases.iter().map(|case| case.seen).collect();
    assert_eq!(seen, [Some(true), Some(false), Some(false), None]);
    assert_eq!(marked.mean_unseen.as_ref().unwrap().dice, Some(0.6));
    assert!((marked.mean.dice.unwrap() - 0.575).abs() < 1e-12);
    assert_eq!(
        marked.protocol.leaks.as_deref(),
        Some(
            "the training data contain the scan or patient of 1 of 4 cases, such as test case `a` and a labeled scan \
             (the same voxels)"
        )
    );
    let json = serde_json::to_string(&marked).unwrap();
    assert!(
        json.contains(r#""seen":true"#) && json.contains(r#""seen":false"#),
        "{json}"
    );
    assert_eq!(json.matches(r#""seen""#).count(), 3, "{json}");
}

#[test]
fn a_patient_in_the_training_data_is_a_kind_of_its_own() {
    let cases = [("a", 1.0), ("b", 0.5)];
    let mut found = scans(&[("a", EXACT)], &["b"], &[]);
    for id in ["a", "b"] {
        found.record_patient(id);
    }
    assert_eq!(found.patient, BTreeSet::from(["b".to_string()]));
    assert!(found.unseen.is_empty() && found.seen.contains_key("a"));
    let marked = found.mark(evaluation(&cases));
    assert_eq!(marked.cases[1].seen, Some(true));
    let leaks = marked.protocol.leaks.unwrap();
    assert!(leaks.contains("`b` and a scan of its patient"), "{leaks}");
    // What a file of an earlier version lacks is empty.
    let json = r#"{"seen": {}, "unseen": ["a"], "not_known": []}"#;
    assert_eq!(
        serde_json::from_str::<SeenScans>(json).unwrap(),
        scans(&[], &["a"], &[])
    );
}

#[test]
fn a_label_map_without_a_record_is_not_known() {
    let found = scans(&[("a", EXACT)], &["b"], &[]);
    assert_eq!(found.note_on_unrecorded(&BTreeSet::from(["a", "b"])), None);
    let note = found
        .note_on_unrecorded(&BTreeSet::from(["a", "c"]))
        .unwrap();
    assert!(
        note.contains("tells whether the scans of 1 of 2 label maps"),
        "{note}"
    );
    // While a label map is replaced, nothing is said of it.
    let folder = tempfile::tempdir().unwrap();
    found.clone().begin("b", folder.path()).unwrap();
    let written = SeenScans::read(folder.path()).unwrap();
    assert_eq!(written, scans(&[("a", EXACT)], &[], &["b"]));
}

#[test]
fn without_seen_cases_there_is_one_mean() {
    let cases = [("a", 1.0), ("b", 0.5)];
    let marked = scans(&[], &["a", "b"], &[]).mark(evaluation(&cases));
    assert_eq!(marked.cases[0].seen, Some(false));
    assert_eq!(
        (&marked.mean_unseen, &marked.protocol.leaks),
        (&None, &None)
    );
    // Of seen cases alone there is no other mean either, but the sentence.
    let marked = scans(&[("a", EXACT), ("b", ALIKE)], &[], &[]).mark(evaluation(&cases));
    assert_eq!(marked.mean_unseen, None);
    assert!(marked.protocol.leaks.unwrap().contains("2 of 2 cases"));
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let written = scans(&[("a", ALIKE)], &["b"], &["c"]);
    written.write(folder.path()).unwrap();
    assert_eq!(SeenScans::read(folder.path()).unwrap(), written);
    for text in [
        r#"{"seen": {"a": 3}"#,
        r#"{"seen": {}, "unseen": [], "not_known": [], "more": 1}"#,
        "",
    ] {
        std::fs::write(folder.path().join(FILE), text).unwrap();
        let message = SeenScans::read(folder.path()).unwrap_err().to_string();
        assert!(
            message.contains("seen.json, line") && message.contains("delete the file"),
            "{message}"
        );
    }
}
