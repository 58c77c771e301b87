//! Folders of series as cases of a data set.

use std::fs;

use semivox_data::io::read_volume;
use semivox_data::layout;

use super::{goldens, message};

#[test]
fn folders_of_series_and_series_in_a_folder_are_cases() {
    let root = tempfile::tempdir().unwrap();
    let images = root.path().join("images");
    for (series, case) in [("axial", "one"), ("oblique", "two.a")] {
        let to = images.join(case);
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(goldens().join(series)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    let dataset = layout::open(root.path()).unwrap();
    let ids: Vec<&str> = dataset.unlabeled.iter().map(|case| &*case.id).collect();
    assert_eq!(ids, ["one", "two.a"]);
    let expected = read_volume(goldens().join("axial")).unwrap();
    assert_eq!(
        dataset.unlabeled[0].load().unwrap(),
        expected.clone().into()
    );

    // One series is named like its folder, several by their descriptions.
    let found = layout::volumes(images.join("one")).unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["one"]);
    for entry in fs::read_dir(images.join("one")).unwrap() {
        let entry = entry.unwrap();
        let name = format!("b{}", entry.file_name().to_string_lossy());
        fs::rename(entry.path(), images.join("two.a").join(name)).unwrap();
    }
    let found = layout::volumes(images.join("two.a")).unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["series_1", "series_2"]);
    assert_eq!(read_volume(&found["series_1"]).unwrap(), expected);
    let text = message(&images.join("two.a"));
    assert!(text.contains("2 series"), "{text}");
    assert!(text.contains("`series_1`, `series_2`"), "{text}");
}
