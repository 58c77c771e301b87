//! Numbers at the end of names: channels of a case, or a part of its name.

use std::fs;

use semivox_data::layout;
use semivox_data::{Dataset, Source};
use tempfile::TempDir;

use crate::made::{image, label, labeled, refused, text, unlabeled};

/// A folder with these images and label maps, and one text file.
fn folder(images: &[&str], labels: &[&str], (name, content): (&str, &str)) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for name in images {
        image(root.path(), &format!("{name}.nii.gz"));
    }
    for name in labels {
        label(root.path(), &format!("{name}.nii.gz"), 1);
    }
    text(&root, name, content);
    root
}

/// Splits the two slices of an image into two channels of one slice.
fn two_channels(root: &TempDir, name: &str) {
    let path = root.path().join(format!("{name}.nii"));
    image(root.path(), &format!("{name}.nii"));
    fs::remove_file(root.path().join(format!("{name}.nii.gz"))).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    for (at, dim) in [4_i16, 3, 2, 1, 2].iter().enumerate() {
        bytes[40 + 2 * at..42 + 2 * at].copy_from_slice(&dim.to_le_bytes());
    }
    fs::write(path, bytes).unwrap();
}

fn files(dataset: &Dataset) -> Vec<String> {
    let first = |image: &Source| {
        let file = image.files()[0].file_name().unwrap();
        file.to_string_lossy().into_owned()
    };
    let images = dataset.labeled.iter().map(|case| first(&case.image));
    images.collect()
}

const LABELS: &str = r#""labels": {"background": 0, "organ": 1}"#;

/// nnU-Net's first form: the lists have the names of cases, the files a channel's number after them.
#[test]
fn a_listed_id_of_four_digits_keeps_them() {
    for (channels, names) in [(1, r#""0": "CT""#), (2, r#""0": "T1", "1": "T2""#)] {
        let ids = ["p_0000", "p_0001"];
        let pair = |id| {
            format!(r#"{{"image": "./imagesTr/{id}.nii.gz", "label": "./labelsTr/{id}.nii.gz"}}"#)
        };
        let list = ids.map(pair).join(", ");
        let json = format!(
            r#"{{"modality": {{{names}}}, {LABELS}, "training": [{list}], "test": ["./imagesTs/p_0002.nii.gz"]}}"#
        );
        let images = |channel| {
            let training = ids.map(|id| format!("imagesTr/{id}_000{channel}"));
            training
                .into_iter()
                .chain([format!("imagesTs/p_0002_000{channel}")])
        };
        let images: Vec<String> = (0..channels).flat_map(images).collect();
        let images: Vec<&str> = images.iter().map(String::as_str).collect();
        let root = folder(
            &images,
            &["labelsTr/p_0000", "labelsTr/p_0001"],
            ("dataset.json", &json),
        );
        let dataset = layout::open(root.path()).unwrap();
        assert_eq!(labeled(&dataset), ids);
        assert_eq!(
            files(&dataset),
            ["p_0000_0000.nii.gz", "p_0001_0000.nii.gz"]
        );
        assert_eq!(unlabeled(&dataset), ["p_0002"]);
        assert_eq!(dataset.labeled[1].image.files().len(), channels);
    }
}

#[test]
fn ids_that_look_like_the_only_channel_stay_whole() {
    let images = ["imagesTr/c_0000", "imagesTr/c_0001", "imagesTs/d_0000"];
    let labels = ["labelsTr/c_0000", "labelsTr/c_0001"];
    let list = r#"[{"image": "imagesTr/c_0000.nii.gz", "label": "labelsTr/c_0000.nii.gz"},
        {"image": "imagesTr/c_0001.nii.gz", "label": "labelsTr/c_0001.nii.gz"}]"#;
    for training in ["[]", list] {
        let json =
            format!(r#"{{"channel_names": {{"0": "MR"}}, {LABELS}, "training": {training}}}"#);
        let root = folder(&images, &labels, ("dataset.json", &json));
        let dataset = layout::open(root.path()).unwrap();
        assert_eq!(labeled(&dataset), ["c_0000", "c_0001"], "{training}");
        assert_eq!(unlabeled(&dataset), ["d_0000"], "{training}");
    }
}

#[test]
fn a_numbered_file_with_an_axis_of_channels_is_a_whole_image() {
    let images = ["images/s_0000", "images/s_0001", "images/s_0002"];
    let labels = ["labels/s_0000", "labels/s_0001"];
    let root = folder(&images, &labels, ("channels.txt", "T1\nT2\n"));
    for name in images {
        two_channels(&root, name);
    }
    text(&root, "classes.txt", "background\norgan\n");
    let dataset = layout::open(root.path()).unwrap();
    assert_eq!(labeled(&dataset), ["s_0000", "s_0001"]);
    assert_eq!(unlabeled(&dataset), ["s_0002"]);
    let axis = |image: &Source| matches!(image, Source::ChannelAxis { channels: 2, .. });
    assert!(axis(&dataset.labeled[0].image));
    // Without label maps beside them, too.
    let found = layout::scans(root.path().join("images"), 2).unwrap();
    assert!(found.images.len() == 3 && found.images.values().all(axis));
    let (id, image) = layout::scan(&root.path().join("images/s_0000.nii"), 2).unwrap();
    assert!(id == "s_0000" && axis(&image));
}

#[test]
fn a_channel_that_nobody_described_is_no_scan_of_its_own() {
    let labels = ["labels/a", "labels/b"];
    for (images, file, parts) in [
        (
            &["a_0000", "b_0000", "c_0000", "c_0001"][..],
            ("notes.txt", ""),
            ["`c_0000` as the only channel of `c`", "`c_0001` too"],
        ),
        (
            &["a_0000", "a_0001", "b_0000"],
            ("channels.txt", "T1,T2\n"),
            ["only channel of `a`", "one a line in channels.txt"],
        ),
        (
            &["a_0000", "a_0001", "b_0000", "b_0001", "b_0002"],
            ("channels.txt", "T1\nT2\n"),
            ["2 channels of `b`, `b_0000` to `b_0001`", "`b_0002` too"],
        ),
    ] {
        let images: Vec<String> = images.iter().map(|name| format!("images/{name}")).collect();
        let images: Vec<&str> = images.iter().map(String::as_str).collect();
        let root = folder(&images, &labels, file);
        refused(layout::open(root.path()), &parts);
    }
    for further in ["imagesTr/a_0001", "imagesTs/t_0001"] {
        let images = ["imagesTr/a_0000", "imagesTs/t_0000", further];
        let json = format!(r#"{{"channel_names": {{"0": "MR"}}, {LABELS}}}"#);
        let root = folder(&images, &["labelsTr/a"], ("dataset.json", &json));
        refused(
            layout::open(root.path()),
            &["_0001` too", "`channel_names`"],
        );
    }
}

#[test]
fn scans_that_may_be_channels_are_noted_where_one_is_wanted() {
    let root = folder(&["a_0000", "a_0001"], &[], ("notes.txt", ""));
    let found = layout::scans(root.path(), 1).unwrap();
    assert_eq!(found.images.len(), 2);
    let notes = found.notes.join("\n");
    assert!(
        notes.contains("if they are channels of `a`, leave only"),
        "{notes}"
    );
}
