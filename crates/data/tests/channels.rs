//! Images of several channels: files for each, an axis of one file, and what is refused.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use ndarray::Array3;
use semivox_data::augment::StrongView;
use semivox_data::inspect::Inspection;
use semivox_data::io::{read_image, read_volume, write_labels, write_volume};
use semivox_data::preprocess::{ForegroundCrop, Intensity, Preprocess, Region, Threshold};
use semivox_data::rng::keyed;
use semivox_data::{DataError, Dataset, Geometry, Image, LabelMap, Source, Survey, Volume, layout};

const SHAPE: [usize; 3] = [6, 5, 4];

fn scan(offset: f32) -> Volume {
    let data = Array3::from_shape_fn(SHAPE, |(x, y, z)| offset + (x + 10 * y + 100 * z) as f32);
    Volume::new(data, Geometry::from_spacing([1.0, 1.0, 2.0]))
}

fn labels() -> LabelMap {
    let data = Array3::from_shape_fn(SHAPE, |(x, ..)| u8::from(x > 2));
    LabelMap::new(data, Geometry::from_spacing([1.0, 1.0, 2.0]))
}

/// Writes `images` with rising intensities and `drawn` label maps into the two folders.
fn write(root: &Path, [images, labels_in]: [&str; 2], names: &[&str], drawn: &[&str]) {
    for folder in [images, labels_in] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for (n, name) in names.iter().enumerate() {
        let path = root.join(images).join(format!("{name}.nii.gz"));
        write_volume(path, &scan(1000.0 * n as f32)).unwrap();
    }
    for name in drawn {
        let path = root.join(labels_in).join(format!("{name}.nii.gz"));
        write_labels(path, &labels()).unwrap();
    }
}

fn own(names: &[&str], drawn: &[&str], channels: Option<&str>) -> Result<Dataset, DataError> {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), ["images", "labels"], names, drawn);
    if let Some(channels) = channels {
        fs::write(root.path().join("channels.txt"), channels).unwrap();
    }
    let dataset = layout::open(root.path())?;
    for case in &dataset.labeled {
        case.load()?;
    }
    Ok(dataset)
}

const TWO: [&str; 4] = ["a_0000", "a_0001", "b_0000", "b_0001"];

#[test]
fn numbered_files_are_the_channels_of_the_case_that_a_label_map_is_named_by() {
    let dataset = own(&TWO, &["a"], None).unwrap();
    assert_eq!(dataset.channels, ["channel 0", "channel 1"]);
    let ids = (&*dataset.labeled[0].id, &*dataset.unlabeled[0].id);
    assert_eq!((dataset.labeled.len(), dataset.unlabeled.len()), (1, 1));
    assert_eq!(ids, ("a", "b"));
    assert!(matches!(&dataset.unlabeled[0].image, Source::Channels(files) if files.len() == 2));
    let named = own(&TWO, &["a"], Some("T1\nFLAIR\n")).unwrap();
    assert_eq!(named.channels, ["T1", "FLAIR"]);
}

#[test]
fn numbered_files_with_label_maps_of_their_own_are_scans_of_their_own() {
    let dataset = own(&TWO, &["a_0000", "b_0001"], None).unwrap();
    assert_eq!((dataset.labeled.len(), dataset.unlabeled.len()), (2, 2));
    assert!(dataset.channels.is_empty());
    let note = &dataset.notes[0];
    assert!(note.contains("`a_0000` and `a_0001`") && note.contains("channels.txt"));
    // Counting from 1, as many name their scans, is nothing to doubt.
    let dataset = own(&["scan_0001", "scan_0002"], &["scan_0001"], None).unwrap();
    assert_eq!((dataset.labeled.len(), dataset.notes.len()), (1, 0));
}

#[test]
fn one_numbered_file_a_case_is_one_channel() {
    let dataset = own(&["a_0000", "b_0000"], &["a"], None).unwrap();
    assert_eq!((dataset.labeled.len(), dataset.channel_count()), (1, 1));
    assert!(matches!(&dataset.labeled[0].image, Source::File(_)));
}

#[test]
fn a_missing_channel_and_twice_a_name_are_refused() {
    let message = |names: &[&str], list| own(names, &["a"], list).unwrap_err().to_string();
    let missing = message(&TWO[..3], None);
    assert!(
        missing.contains("2 channels of `b`") && missing.contains("no `b_0001`"),
        "{missing}"
    );
    let both = message(&["a", "a_0000", "a_0001"], Some("T1\nT2\n"));
    assert!(both.contains("one image for `a`"), "{both}");
    assert!(message(&TWO, Some("T1\nT1\n")).contains("`T1` twice"));
}

#[test]
fn channels_lie_on_one_grid() {
    let moved = Geometry::from_spacing([1.0, 1.0, 2.5]);
    let apart = Image::new(vec![scan(0.0), Volume::new(scan(0.0).data, moved)]);
    let message = apart.unwrap_err().to_string();
    assert!(
        message.contains("channel 2") && message.contains("voxels apart"),
        "{message}"
    );
    let smaller = Volume::new(Array3::zeros([5, 5, 4]), Geometry::default());
    let message = Image::new(vec![scan(0.0), smaller])
        .unwrap_err()
        .to_string();
    assert!(message.contains("[5, 5, 4]"), "{message}");
}

/// A NIfTI file whose last axis is split into `[2, 2]`, from the fourth axis on or the fifth.
fn four_axes(path: &Path, fifth: bool) {
    write_volume(path, &scan(0.0)).unwrap();
    let mut bytes = fs::read(path).unwrap();
    let dims: [i16; 6] = match fifth {
        false => [4, 6, 5, 2, 2, 1],
        true => [5, 6, 5, 2, 1, 2],
    };
    for (at, dim) in dims.iter().enumerate() {
        bytes[40 + 2 * at..42 + 2 * at].copy_from_slice(&dim.to_le_bytes());
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn an_axis_of_channels_is_read_where_it_is_described() {
    let root = tempfile::tempdir().unwrap();
    for fifth in [false, true] {
        let path = root.path().join("scan.nii");
        four_axes(&path, fifth);
        let channels = 2;
        let image = read_image(&Source::ChannelAxis {
            path: path.clone(),
            channels,
        })
        .unwrap();
        assert_eq!(image.shape(), [6, 5, 2]);
        let whole = scan(0.0).data;
        for (c, channel) in image.channels().iter().enumerate() {
            for ((x, y, z), value) in channel.data.indexed_iter() {
                assert_eq!(*value, whole[[x, y, z + 2 * c]], "{fifth} {c}");
            }
        }
        let message = read_volume(&path).unwrap_err().to_string();
        assert!(
            message.contains("[6, 5, 2, 2]") && message.contains("channels.txt"),
            "{message}"
        );
        let channels = 3;
        let message = read_image(&Source::ChannelAxis { path, channels }).unwrap_err();
        assert!(
            message.to_string().contains("axis of 3 channels"),
            "{message}"
        );
    }
}

/// nnU-Net's second form (files found by name), its first (lists without numbers), and the Decathlon's (one file).
#[test]
fn descriptions_tell_how_many_channels_there_are() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), ["imagesTr", "labelsTr"], &TWO, &["a", "b"]);
    let open = |text: &str| {
        fs::write(root.path().join("dataset.json"), text).unwrap();
        layout::open(root.path()).unwrap()
    };
    let labels = r#""labels": {"background": 0, "organ": 1}"#;
    let second = open(&format!(
        r#"{{"channel_names": {{"1": "T2", "0": "T1"}}, {labels}}}"#
    ));
    let list = r#"[{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}]"#;
    let modality = r#""modality": {"0": "T1", "1": "T2"}"#;
    let first = open(&format!(r#"{{{modality}, {labels}, "training": {list}}}"#));
    assert_eq!((second.labeled.len(), first.labeled.len()), (2, 1));
    for dataset in [second, first] {
        assert_eq!(dataset.channels, ["T1", "T2"]);
        let (image, _) = dataset.labeled[0].load().unwrap();
        assert_eq!(image.channels()[1].data, scan(1000.0).data);
    }
    fs::remove_file(root.path().join("imagesTr/a_0000.nii.gz")).unwrap();
    four_axes(&root.path().join("imagesTr/a.nii"), false);
    let list = r#"[{"image": "imagesTr/a.nii", "label": "labelsTr/a.nii.gz"}]"#;
    let axis = open(&format!(r#"{{{modality}, {labels}, "training": {list}}}"#));
    assert_eq!(axis.labeled[0].id, "a");
    assert!(matches!(
        axis.labeled[0].image,
        Source::ChannelAxis { channels: 2, .. }
    ));
}

#[test]
fn every_channel_is_normalized_by_itself_and_cropped_to_the_foreground_of_all() {
    let spot = |at: usize| {
        let data = Array3::from_shape_fn(SHAPE, |(x, ..)| if x == at { 9.0 } else { 0.0 });
        Volume::new(data, Geometry::default())
    };
    let image = Image::new(vec![spot(1), spot(3)]).unwrap();
    let window = Intensity::Window {
        low: 0.0,
        high: 9.0,
    };
    let steps = Preprocess {
        channel_intensity: vec![Intensity::Unchanged, window],
        foreground: Some(ForegroundCrop {
            threshold: Threshold::Above(1.0),
            margin_voxels: 0,
        }),
        ..Preprocess::default()
    };
    let scan = steps.apply(&image).unwrap();
    assert_eq!(
        scan.region,
        Region {
            start: [1, 0, 0],
            size: [3, 5, 4]
        }
    );
    let highest = |channel: &Volume| channel.data.iter().copied().fold(0.0, f32::max);
    let highest: Vec<f32> = scan.image.channels().iter().map(highest).collect();
    assert_eq!(highest, [9.0, 1.0]);
    let message = steps.apply(spot(1)).unwrap_err().to_string();
    assert!(
        message.contains("channel_intensity") && message.contains("found 2"),
        "{message}"
    );
    assert!(steps.apply(Vec::<Volume>::new()).is_err());
}

#[test]
fn inspection_and_survey_know_every_channel() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), ["images", "labels"], &TWO, &["a", "b"]);
    let found = Inspection::read(root.path(), &Default::default(), &|_, _| ()).unwrap();
    assert_eq!(
        found.cases[1].intensities,
        [[2000.0, 2345.0], [3000.0, 3345.0]]
    );
    let survey = Survey::read(&found.dataset.labeled, &found.dataset.classes).unwrap();
    let lowest: Vec<f32> = survey
        .channels
        .iter()
        .map(|channel| channel.lowest)
        .collect();
    assert_eq!(lowest, [2000.0, 3000.0]);
}

#[test]
fn strong_views_differ_in_intensity_and_agree_in_place() {
    let drawn = StrongView::all().draw_channels(&mut keyed(5, 0, "channels"), [16; 3], 3);
    let cut: Vec<_> = drawn.iter().map(|params| params.cutout).collect();
    assert!(cut.windows(2).all(|two| two[0] == two[1]));
    let one = StrongView::all().draw(&mut keyed(5, 0, "channels"), [16; 3]);
    assert_eq!(drawn[0], one);
    let mut apart = drawn.clone();
    apart.dedup_by(|a, b| a.noise == b.noise && a.jitter == b.jitter && a.gamma == b.gamma);
    assert!(apart.len() > 1);
}
