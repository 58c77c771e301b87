//! Unit tests: which cases are scans of one patient.
#![allow(clippy::unwrap_used)]

use super::dicom::PatientIds;
use super::*;

/// The patient and rule of each case.
fn guessed(cases: &[&str]) -> Vec<(String, Option<NameRule>)> {
    let patients = Patients::guess(cases);
    let of = |case: &&str| {
        let rule = match patients.source_of(case) {
            PatientSource::Guess(rule) => Some(rule),
            PatientSource::Itself => None,
            PatientSource::File | PatientSource::Dicom => panic!("no file was read"),
        };
        (patients.patient_of(case).to_string(), rule)
    };
    cases.iter().map(of).collect()
}

fn all(patient: &str, rule: NameRule, count: usize) -> Vec<(String, Option<NameRule>)> {
    vec![(patient.into(), Some(rule)); count]
}

#[test]
fn each_rule_brings_the_scans_of_a_patient_together() {
    let bids = ["sub-01_ses-01", "sub-01_ses-02_T1w", "sub-01"];
    assert_eq!(guessed(&bids), all("sub-01", NameRule::Bids, 3));
    let frames = ["patient001_frame01", "patient001_frame12"];
    assert_eq!(guessed(&frames), all("patient001", NameRule::Frame, 2));
    let points = [
        "anna",
        "anna_t1",
        "anna_TP2",
        "anna_baseline",
        "anna_followup",
        "anna_followup2",
        "otto",
    ];
    let mut expected = all("anna", NameRule::TimePoint, 6);
    expected.push(("otto".into(), None));
    assert_eq!(guessed(&points), expected);
}

#[test]
fn without_a_second_scan_or_a_rule_a_case_is_itself() {
    for cases in [
        &["la_001", "la_002", "la_003"][..],
        &["sub-01_ses-01", "sub-02_ses-01", "sub-_ses-1"],
        &["patient001_frame01", "patient002_frame01"],
        &["anna_t1", "otto_t1", "emil_followup"],
        // Numbers after one word are not points in time.
        &["scan_t1", "scan_t2", "scan_t3"],
        &["_t1", "_t2", "a_t100", "a_t101", "b_t", "b_followup123"],
        &[
            "a_frame",
            "a_framework",
            "hippocampus_001",
            "hippocampus_003",
        ],
        &["sub_01", "sub_02", "BraTS_t1ce", "BraTS_flair"],
    ] {
        let itself: Vec<_> = cases.iter().map(|case| (case.to_string(), None)).collect();
        assert_eq!(guessed(cases), itself);
        assert_eq!(Patients::guess(cases).note(), None);
        assert_eq!(
            Patients::guess(cases).count(cases.iter().copied()),
            cases.len()
        );
    }
}

#[test]
fn a_guess_is_said_to_be_one() {
    let patients = Patients::guess(&[
        "p1_frame01",
        "p1_frame02",
        "p2_frame01",
        "p2_frame09",
        "other",
    ]);
    let note = patients.note().unwrap();
    assert!(
        note.starts_with("4 cases are taken for scans of 2 patients by their names"),
        "{note}"
    );
    assert!(
        note.contains("`p1_frame01` for one of `p1`") && note.contains("`patients.csv`"),
        "{note}"
    );
    assert_eq!(
        patients.count(["p1_frame01", "p1_frame02", "other", "new"]),
        3
    );
}

/// A data set of unlabeled cases that are no DICOM.
fn dataset(cases: &[&str]) -> Dataset {
    let case = |id: &&str| crate::UnlabeledCase {
        id: (*id).into(),
        image: crate::Source::File(format!("{id}.nii.gz").into()),
    };
    Dataset {
        name: String::new(),
        layout: crate::layout::Layout::Folder,
        classes: Vec::new(),
        channels: Vec::new(),
        labeled: Vec::new(),
        unlabeled: cases.iter().map(case).collect(),
        test: Vec::new(),
        notes: Vec::new(),
    }
}

/// The patients of cases `a`, `b` and `c` by a file.
fn read(bytes: &[u8]) -> Result<Patients, String> {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("patients.csv"), bytes).unwrap();
    let dataset = dataset(&["a", "b", "c"]);
    Patients::open(root.path(), &dataset).map_err(|error| error.to_string())
}

#[test]
fn the_file_is_read_as_spreadsheets_write_it() {
    let of =
        |patients: &Patients| ["a", "b", "c"].map(|case| patients.patient_of(case).to_string());
    for text in [
        "case,patient\na,1\nb,1\nc,2\n",
        "\u{feff}Case;Patient\r\na;1\r\n\r\nb;1\r\nc;2",
        " a.nii.gz\t1\n\"b\"\t\"1\"\nc\t 2 ",
    ] {
        let patients = read(text.as_bytes()).unwrap();
        assert_eq!(of(&patients), ["1", "1", "2"]);
        assert_eq!(patients.source_of("b"), PatientSource::File);
        assert_eq!(
            (patients.count(["a", "b", "c"]), patients.note()),
            (2, None)
        );
    }
    let part = read(b"\"a\",Mu\xcc\x88ller\nb.nii.gz,M\xc3\xbcller\n").unwrap();
    assert_eq!(of(&part), ["M\u{fc}ller", "M\u{fc}ller", "c"]);
    assert_eq!(part.source_of("c"), PatientSource::Itself);
    let note = part.note().unwrap();
    assert!(note.contains("1 of the cases are not in it"), "{note}");
    assert!(note.contains("such as `c`"), "{note}");
    // Names of cases that are set aside, and misspelt ones, are noted.
    let note = read(b"a,1\nb,2\nc,2\nd,3\n").unwrap().note().unwrap();
    assert!(
        note.contains("1 of its names are no case that is used"),
        "{note}"
    );
    assert!(note.contains("such as `d`"), "{note}");
    let nowhere = Patients::open("no/such/folder", &dataset(&["a_t1", "a_t2", "b"])).unwrap();
    assert_eq!(nowhere.patient_of("a_t1"), "a");
}

#[test]
fn what_is_wrong_in_the_file_is_named_with_its_line() {
    for (text, parts) in [
        (
            &b"a,1\nb,2\na,3\n"[..],
            &["every case once", "`a` a second time in line 3"][..],
        ),
        (b"a,1\nb\n", &["a case and its patient", "`b` in line 2"]),
        (b"a,1,2\n", &["`a,1,2` in line 1"]),
        (b"a,\n", &["`a,` in line 1"]),
        (b"a,M\xfcller\n", &["UTF-8"]),
    ] {
        let message = read(text).unwrap_err();
        for part in parts.iter().chain(&["patients.csv"]) {
            assert!(message.contains(part), "{message}");
        }
    }
    let empty = read(b"").unwrap();
    assert!(
        empty
            .note()
            .unwrap()
            .contains("3 of the cases are not in it")
    );
}

#[test]
fn patient_ids_tell_patients() {
    let patient_hash = |id: &str| crate::io::PatientHash::of(id).unwrap();
    let names = ["a", "b", "c", "anna_t1", "anna_t2"];
    let with = |ids: &[(&str, &str)]| {
        let of = ids
            .iter()
            .map(|(case, id)| ((*case).into(), patient_hash(id)));
        let (of, without) = (of.collect(), BTreeSet::new());
        Patients::guess(&names).with_ids(PatientIds { of, without })
    };
    let patients = with(&[("c", "77"), ("b", "12"), ("a", "77")]);
    assert_eq!(patients.patient_of("a"), patients.patient_of("c"));
    assert_eq!(patients.patient_of("a"), "DICOM patient 1");
    assert_eq!(patients.source_of("b"), PatientSource::Dicom);
    assert_eq!(
        (patients.count(names), patients.patient_of("anna_t1")),
        (3, "anna")
    );
    let note = patients.note().unwrap();
    assert!(note.starts_with("3 DICOM cases are scans of 2 patients by their PatientID, such as `a` and `c` of one; 2 cases"), "{note}");
    assert!(
        note.contains("by their names") && !note.contains("77"),
        "{note}"
    );

    // A single case, or patients of one case each, are not worth a note.
    for ids in [&[("a", "77")][..], &[("a", "77"), ("b", "12")]] {
        let note = with(ids).note().unwrap();
        assert!(!note.contains("PatientID"), "{note}");
    }
    // The ID decides against the names.
    let apart = with(&[("anna_t1", "1"), ("anna_t2", "2")]);
    assert_ne!(apart.patient_of("anna_t1"), apart.patient_of("anna_t2"));
}

/// The patients of cases with these PatientIDs; an empty one was removed, and `-` is another format.
fn with_ids(cases: &[(&str, &str)]) -> Patients {
    let names: Vec<&str> = cases.iter().map(|(case, _)| *case).collect();
    let mut ids = PatientIds::default();
    for (case, id) in cases.iter().filter(|(_, id)| *id != "-") {
        match crate::io::PatientHash::of(id) {
            Some(hash) => drop(ids.of.insert((*case).into(), hash)),
            None => drop(ids.without.insert((*case).into())),
        }
    }
    Patients::guess(&names).with_ids(ids)
}

#[test]
fn an_id_of_most_cases_is_not_followed_while_others_are() {
    let mut cases = vec![("a", "S"), ("b", "S"), ("c", "S"), ("d", "S")];
    // Four scans of one patient happen.
    assert_eq!(with_ids(&cases).count(["a", "b", "c", "d"]), 1);
    cases.extend([("e", "S"), ("f", "17"), ("g", "17"), ("h", "")]);
    let patients = with_ids(&cases);
    assert_eq!(patients.count(["a", "b", "c", "d", "e"]), 5);
    assert_eq!(patients.patient_of("f"), patients.patient_of("g"));
    assert_eq!(patients.source_of("a"), PatientSource::Itself);
    let note = patients.note().unwrap();
    for part in [
        "5 of 8 DICOM cases have the same PatientID",
        "1 DICOM case has no PatientID",
        "such as `f` and `g` of one",
        "write `patients.csv`",
    ] {
        assert!(note.contains(part), "{note}");
    }
    // Five of ten may be one patient.
    cases.extend([("i", "18"), ("j", "19")]);
    assert_eq!(with_ids(&cases).count(["a", "b", "c", "d", "e"]), 1);
    let none = with_ids(&[("a", "ANON"), ("b", "0000")]);
    let expected = "2 DICOM cases have no PatientID, and each is taken for a patient of its own";
    assert!(none.note().unwrap().starts_with(expected));
}

#[test]
fn names_and_ids_are_joined_over_formats() {
    let cases = [
        ("anna_t1", "7"),
        ("anna_t2", "-"),
        ("other", "7"),
        ("berta_t1", "8"),
        ("berta_t2", ""),
        ("c", "9"),
    ];
    let patients = with_ids(&cases);
    let of = |case| patients.patient_of(case);
    assert_eq!([of("anna_t1"), of("other")], [of("anna_t2"); 2]);
    assert_eq!([of("berta_t1"), of("berta_t2")], ["berta"; 2]);
    assert_eq!(patients.count(cases.map(|(case, _)| case)), 3);
    let by_name = PatientSource::Guess(NameRule::TimePoint);
    let sources = ["anna_t1", "other", "anna_t2", "berta_t1"].map(|case| patients.source_of(case));
    assert_eq!(sources[..2], [PatientSource::Dicom; 2]);
    assert_eq!(sources[2..], [by_name; 2]);
    // The name tells of `berta_t2`.
    assert!(!patients.note().unwrap().contains("no PatientID"));
}
