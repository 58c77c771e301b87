//! Patients of series, by their PatientIDs.

use std::fs;

use semivox_data::inspect::Inspection;
use semivox_data::io::{read_volume, write_labels};
use semivox_data::layout::mend::mend;
use semivox_data::layout::{self, HoldOut};
use semivox_data::{LabelMap, Patients, Source};
use tempfile::TempDir;

use super::{goldens, set, tag};

/// A folder with a series for each case, whose files have these PatientIDs.
fn of_patients(cases: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let series = ["axial", "oblique", "sagittal", "implicit"];
    for ((case, id), series) in cases.iter().zip(series) {
        let to = root.path().join("images").join(case);
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(goldens().join(series)).unwrap() {
            let entry = entry.unwrap();
            let file = to.join(entry.file_name());
            fs::copy(entry.path(), &file).unwrap();
            set(&file, tag(0x0010, 0x0020), id.as_bytes());
        }
        let labels = root.path().join("labels").join(format!("{case}.nii"));
        fs::create_dir_all(labels.parent().unwrap()).unwrap();
        let image = read_volume(&to).unwrap();
        let drawn = LabelMap::new(image.data.mapv(|x| u8::from(x > 0.0)), image.geometry);
        write_labels(labels, &drawn).unwrap();
    }
    root
}

#[test]
fn two_series_of_one_patient_on_both_sides_are_a_leak() {
    let root = of_patients(&[("a", "Secret17"), ("b", "Secret18"), ("c", "Secret17")]);
    fs::write(root.path().join("test.list"), "c\n").unwrap();
    let inspected = || Inspection::read(root.path(), &HoldOut::default(), &|_, _| ()).unwrap();
    let found = inspected();
    let errors = found.errors_by_kind().join("\n");
    let expected = "test case `c` and labeled case `a` (one patient by the DICOM PatientID)";
    assert!(errors.contains(expected), "{errors}");
    let warnings = found.warnings.join("\n");
    let expected =
        "3 DICOM cases are scans of 2 patients by their PatientID, such as `a` and `c` of one";
    assert!(warnings.contains(expected), "{warnings}");
    let everything = format!("{found:?}");
    assert!(!everything.contains("Secret"), "{everything}");

    // So does the PatientID of one of several channels.
    let mut dataset = layout::open(root.path()).unwrap();
    let series = |case: &str| root.path().join("images").join(case);
    dataset.test[0].image = Source::Channels(vec![series("c"), series("c")]);
    let patients = Patients::open(root.path(), &dataset).unwrap();
    assert_eq!(patients.patient_of("c"), patients.patient_of("a"));
    // The file decides.
    fs::write(root.path().join("patients.csv"), "a,1\nb,2\nc,3\n").unwrap();
    assert!(inspected().errors.is_empty());
    // Removed IDs tell nothing, which is noted.
    let root = of_patients(&[("a", "ANON"), ("b", "ANON"), ("c", "anonymous")]);
    fs::write(root.path().join("test.list"), "c\n").unwrap();
    let found = Inspection::read(root.path(), &HoldOut::default(), &|_, _| ()).unwrap();
    assert!(found.errors.is_empty(), "{:?}", found.errors);
    let warnings = found.warnings.join("\n");
    assert!(
        warnings.contains("3 DICOM cases have no PatientID"),
        "{warnings}"
    );
}

#[test]
fn a_mended_copy_knows_the_patients_without_their_ids() {
    let root = of_patients(&[("a", "Secret17"), ("b", "Secret18"), ("c", "Secret17")]);
    fs::write(root.path().join("test.list"), "c\n").unwrap();
    let out = tempfile::tempdir().unwrap();
    let out = out.path().join("mended");
    let mended = mend(root.path(), &out, &|_, _| ()).unwrap();
    assert_eq!((mended.images, mended.left.len()), (3, 0), "{mended:?}");
    let said = |mend: &String| mend.starts_with("patients.csv tells");
    assert!(mended.mends.iter().any(said), "{:?}", mended.mends);
    let text = fs::read_to_string(out.join("patients.csv")).unwrap();
    let expected = "case,patient\na,DICOM patient 1\nb,DICOM patient 2\nc,DICOM patient 1\n";
    assert_eq!(text, expected);
    let leak = "test case `c` and labeled case `a` (one patient by";
    for folder in [root.path(), &out] {
        let found = Inspection::read(folder, &HoldOut::default(), &|_, _| ()).unwrap();
        let errors = found.errors_by_kind().join("\n");
        assert!(errors.contains(leak), "{errors}");
    }
    // Where each patient has one case, nothing has to be told.
    let root = of_patients(&[("a", "Secret17"), ("b", "Secret18")]);
    let out = out.with_file_name("other");
    mend(root.path(), &out, &|_, _| ()).unwrap();
    assert!(!out.join("patients.csv").exists());
}
