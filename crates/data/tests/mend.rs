//! Mended copies of data sets.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array3, Array4, s};
use semivox_data::inspect::Inspection;
use semivox_data::io::{
    read_label_values, read_labels, write_label_values, write_labels, write_volume,
};
use semivox_data::layout::Layout;
use semivox_data::layout::mend::{Mended, mend};
use semivox_data::{Geometry, LabelMap, LabelValues, Orientation, Volume, layout, rng};

/// Spacing and position of all scans.
fn geometry() -> Geometry {
    Geometry::from_spacing([1.0, 1.0, 2.0]).translated([-10.0, 5.0, 3.0])
}

const SHAPE: [usize; 3] = [6, 5, 4];

fn image(root: &Path, name: &str) {
    let path = root.join("images").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let data = Array3::from_shape_fn(SHAPE, |(x, y, z)| (x + 7 * y + 31 * z) as f32);
    write_volume(path, &Volume::new(data, geometry())).unwrap();
}

/// Labels 1 and 2 in different corners.
fn labels() -> LabelMap {
    let mut data = Array3::zeros(SHAPE);
    data.slice_mut(s![1..3, 1..4, 1..3]).fill(1);
    data[[4, 1, 2]] = 2;
    LabelMap::new(data, geometry())
}

fn label(root: &Path, name: &str, labels: &LabelMap) {
    let path = root.join("labels").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_labels(path, labels).unwrap();
}

fn mended(root: &Path) -> (PathBuf, Mended) {
    let out = root.with_file_name("mended");
    let result = mend(root, &out, &|_, _| ()).unwrap();
    (out, result)
}

fn setup() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("scans");
    fs::create_dir(&root).unwrap();
    (folder, root)
}

#[test]
fn label_maps_of_other_grids_and_names_fit_their_images_afterwards() {
    let (_folder, root) = setup();
    for id in ["part", "lps", "moved", "bare", "same", "none"] {
        image(&root, &format!("{id}.nii.gz"));
    }
    let drawn = labels();
    label(&root, "same.nii.gz", &drawn);
    let part = drawn.data.slice(s![1..5, 1..4, 1..3]).to_owned();
    label(
        &root,
        "PART_seg.nii.gz",
        &LabelMap::new(part, geometry().translated([1.0; 3])),
    );
    let lps: Orientation = "LPS".parse().unwrap();
    let turned = Orientation::of(&geometry())
        .reorientation_to(lps)
        .labels(&drawn);
    label(&root, "lps.nii.gz", &turned);
    let moved = geometry().translated([0.0, 0.1, 0.1]);
    label(
        &root,
        "moved.nii.gz",
        &LabelMap::new(drawn.data.clone(), moved),
    );
    label(
        &root,
        "bare.nii.gz",
        &LabelMap::new(drawn.data.clone(), Geometry::default()),
    );
    let before = fs::read_dir(root.join("labels")).unwrap().count();

    let (out, mended) = mended(&root);
    assert_eq!((mended.images, mended.labels), (6, 5), "{mended:#?}");
    assert!(mended.left.is_empty(), "{mended:#?}");
    let mends = mended.mends.join("\n");
    for part in [
        "label map `PART_seg` renamed to `part`",
        "`lps`, `part`: label map rearranged",
        "`moved`: label map laid exactly",
        "`bare`: label map placed as its image",
    ] {
        assert!(mends.contains(part), "{part}: {mends}");
    }
    for id in ["part", "lps", "moved", "bare", "same"] {
        let found = read_labels(out.join(format!("labels/{id}.nii.gz"))).unwrap();
        assert_eq!(found, drawn, "{id}");
    }
    let inspection = Inspection::read(&out, &Default::default(), &|_, _| ()).unwrap();
    assert!(inspection.errors.is_empty(), "{:?}", inspection.errors);
    assert_eq!(fs::read_dir(root.join("labels")).unwrap().count(), before);
}

#[test]
fn what_cannot_be_mended_is_left_out_with_its_error() {
    let (_folder, root) = setup();
    for id in ["cut", "half", "outside", "case_1", "case_1_img"] {
        image(&root, &format!("{id}.nii.gz"));
    }
    fs::write(root.join("images/cut.nii.gz"), [31, 139, 8]).unwrap();
    let drawn = labels();
    let half = geometry().translated([0.5, 0.0, 0.0]);
    label(
        &root,
        "half.nii.gz",
        &LabelMap::new(drawn.data.clone(), half),
    );
    // Labels beyond the image's edge would be lost.
    let beyond = geometry().translated([4.0, 0.0, 0.0]);
    label(
        &root,
        "outside.nii.gz",
        &LabelMap::new(drawn.data.clone(), beyond),
    );
    // Two images that it may belong to.
    label(&root, "case_1_seg.nii.gz", &drawn);
    let (out, mended) = mended(&root);
    assert_eq!((mended.images, mended.labels), (2, 0), "{mended:#?}");
    assert!(mended.mends.is_empty(), "{mended:#?}");
    let left = mended.left.join("\n");
    for part in [
        "label map `case_1_seg`: expected the name of an image",
        "cut: `",
        "half: expected one geometry",
        "outside: expected one geometry",
    ] {
        assert!(left.contains(part), "{part}: {left}");
    }
    assert!(!out.join("images/half.nii.gz").exists());
}

#[test]
fn values_channels_and_folders_are_described() {
    let (_folder, root) = setup();
    let values = LabelValues::new([(0, 0), (205, 1), (420, 2)]);
    for id in ["a", "b"] {
        let path = root.join(format!("images/{id}/scan.nii"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::create_dir_all(root.join("labels")).unwrap();
        write_channels(&path);
        let path = root.join(format!("labels/{id}.nii.gz"));
        write_label_values(path, &labels(), &values).unwrap();
    }
    fs::write(root.join("test.list"), "b\n").unwrap();
    let (out, mended) = mended(&root);
    assert!(mended.left.is_empty(), "{mended:#?}");
    assert_eq!(
        (mended.images, mended.labels, mended.mends.len()),
        (2, 2, 2),
        "{mended:#?}"
    );
    let classes = fs::read_to_string(out.join("classes.txt")).unwrap();
    assert_eq!(classes, "0 background\n205 class 205\n420 class 420\n");
    assert_eq!(
        read_label_values(out.join("labels/a.nii.gz")).unwrap(),
        [0, 205, 420]
    );
    let dataset = layout::open(&out).unwrap();
    assert_eq!((dataset.channels.len(), dataset.classes.len()), (2, 3));
    assert_eq!((dataset.labeled.len(), dataset.test.len()), (1, 1));
    let (image, _) = dataset.labeled[0].load().unwrap();
    assert_eq!(image.channels()[1].data[[1, 0, 0]], 1001.0);
}

/// Writes a NIfTI file with a fourth axis of two entries: a volume written by this crate with its header changed.
fn write_channels(path: &Path) {
    let both = Array4::from_shape_fn([6, 5, 4, 2], |(x, y, z, c)| {
        (x + 7 * y + 31 * z + 1000 * c) as f32
    });
    let one = |c: usize| both.slice(s![.., .., .., c]).to_owned();
    write_volume(path, &Volume::new(one(0), geometry())).unwrap();
    let mut bytes = fs::read(path).unwrap();
    bytes[40..42].copy_from_slice(&4_i16.to_le_bytes());
    bytes[48..50].copy_from_slice(&2_i16.to_le_bytes());
    let second = one(1);
    bytes.extend(second.t().iter().flat_map(|value| value.to_le_bytes()));
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_decathlon_becomes_own_scans_unless_its_description_pairs_the_files() {
    let (_folder, root) = setup();
    for (name, id) in [("images", "a"), ("imagesTs", "b")] {
        image(&root, &format!("{id}.nii.gz"));
        fs::create_dir_all(root.join(name)).unwrap();
        let from = root.join(format!("images/{id}.nii.gz"));
        fs::rename(&from, root.join(name).join(format!("{id}.nii.gz"))).unwrap();
    }
    fs::rename(root.join("images"), root.join("imagesTr")).unwrap();
    label(&root, "a_seg.nii.gz", &labels());
    fs::rename(root.join("labels"), root.join("labelsTr")).unwrap();
    let json = r#"{"labels": {"background": 0, "one": 1, "two": 2}, "training": [], "test": ["./imagesTs/b.nii.gz"]}"#;
    fs::write(root.join("dataset.json"), json).unwrap();
    let (out, result) = mended(&root);
    assert_eq!((result.images, result.labels), (2, 1), "{result:#?}");
    let mends = result.mends.join("\n");
    assert!(
        mends.contains("are not followed") && mends.contains("renamed to `a`"),
        "{mends}"
    );
    let dataset = layout::open(&out).unwrap();
    assert_eq!(dataset.classes, ["background", "one", "two"]);

    fs::copy(
        root.join("imagesTs/b.nii.gz"),
        root.join("imagesTr/b.nii.gz"),
    )
    .unwrap();
    let again = |out: &str| mend(&root, root.with_file_name(out), &|_, _| ()).unwrap_err();
    assert!(again("twice").to_string().contains("one image `b`"));
    let paired = json.replace(
        "\"training\"",
        r#""dataset": {"a": {"images": ["x.nii.gz"], "label": "y.nii.gz"}}, "training""#,
    );
    fs::write(root.join("dataset.json"), paired).unwrap();
    assert!(again("paired").to_string().contains("a `dataset` entry"));
}

#[test]
fn the_source_and_existing_folders_are_never_written_to() {
    let (_folder, root) = setup();
    image(&root, "a.nii.gz");
    let message = |out: &Path| mend(&root, out, &|_, _| ()).unwrap_err().to_string();
    assert!(message(&root).contains("something there already"));
    assert!(message(&root.join("copy")).contains("a folder inside the data set"));
    #[cfg(unix)]
    {
        let link = root.with_file_name("link");
        std::os::unix::fs::symlink(&root, &link).unwrap();
        assert!(message(&link.join("copy")).contains("a folder inside the data set"));
    }
    mend(&root, root.join("../beside"), &|_, _| ()).unwrap();
    assert!(
        root.with_file_name("beside")
            .join("images/a.nii.gz")
            .is_file()
    );
    let empty = root.with_file_name("empty");
    fs::create_dir(&empty).unwrap();
    assert!(mend(&empty, root.with_file_name("x"), &|_, _| ()).is_err());
}

/// The label map of one class.
fn organ() -> Array3<u8> {
    labels().data.mapv(|label| label.min(1))
}

/// Writes an image with voxels of its own and its label map, which is turned to another orientation.
fn turned_case(root: &Path, id: &str, [images, drawn]: [&str; 2], spacing: [f64; 3]) {
    let case = id.strip_suffix("_0000").unwrap_or(id);
    let geometry = Geometry::from_spacing(spacing);
    let [images, drawn] = [images, drawn].map(|folder| root.join(folder));
    fs::create_dir_all(&images).unwrap();
    fs::create_dir_all(&drawn).unwrap();
    let mut random = rng::keyed(7, 0, id);
    let data = Array3::from_shape_simple_fn(SHAPE, || rng::unit(&mut random));
    let scan = Volume::new(data, geometry);
    write_volume(images.join(format!("{id}.nii.gz")), &scan).unwrap();
    let lps: Orientation = "LPS".parse().unwrap();
    let turn = Orientation::of(&geometry).reorientation_to(lps);
    let turned = turn.labels(&LabelMap::new(organ(), geometry));
    write_labels(drawn.join(format!("{case}.nii.gz")), &turned).unwrap();
}

/// Checks that the copy of a data set opens as `layout`, without errors, with these labeled and test cases.
fn check_copy(root: &Path, layout: Layout, labeled: usize, test: usize) -> Mended {
    let before = Inspection::read(root, &Default::default(), &|_, _| ()).unwrap();
    assert!(!before.errors.is_empty(), "there is something to mend");
    let (out, mended) = mended(root);
    assert!(mended.left.is_empty(), "{mended:#?}");
    let found = Inspection::read(&out, &Default::default(), &|_, _| ()).unwrap();
    assert!(found.errors.is_empty(), "{:?}", found.errors_by_kind());
    let dataset = found.dataset;
    assert_eq!(
        (dataset.layout, dataset.labeled.len(), dataset.test.len()),
        (layout, labeled, test)
    );
    let (_, drawn) = dataset.labeled[0].load().unwrap();
    assert_eq!(drawn.data, organ());
    fs::remove_dir_all(out).unwrap();
    mended
}

#[test]
fn la_and_acdc_in_folders_are_mended_and_keep_their_lists() {
    let own = ["images", "labels"];
    let (_folder, root) = setup();
    let ids = [
        "0RZDK210BSMWAA6467LU",
        "1D7CUD1955YZPGK8XHJX",
        "2XTAQ35U3R60T8O3G3XV",
    ];
    for id in ids {
        turned_case(&root, id, own, [0.625; 3]);
    }
    fs::write(root.join("train.list"), format!("{}\n{}\n", ids[1], ids[0])).unwrap();
    fs::write(root.join("test.list"), ids[2]).unwrap();
    check_copy(&root, Layout::La, 2, 1);

    let (_folder, root) = setup();
    for id in [
        "patient001_frame01",
        "patient001_frame12",
        "patient002_frame01",
    ] {
        turned_case(&root, id, own, [1.5, 1.5, 10.0]);
    }
    fs::write(
        root.join("train.list"),
        "patient001_frame01\npatient001_frame12\n",
    )
    .unwrap();
    fs::write(root.join("val.list"), "patient002_frame01\n").unwrap();
    check_copy(&root, Layout::Acdc, 2, 1);
}

#[test]
fn nn_u_net_and_the_decathlon_are_mended_as_own_scans() {
    for (ending, channels) in [("", "modality"), ("_0000", "channel_names")] {
        let (_folder, root) = setup();
        for id in ["a", "b"] {
            turned_case(
                &root,
                &format!("{id}{ending}"),
                ["imagesTr", "labelsTr"],
                [1.0; 3],
            );
        }
        let json = format!(
            r#"{{"labels": {{"background": 0, "organ": 1, "tumor": 2}}, "{channels}": {{"0": "CT"}}, "numTraining": 2, "file_ending": ".nii.gz"}}"#
        );
        fs::write(root.join("dataset.json"), json).unwrap();
        let mended = check_copy(&root, Layout::Folder, 2, 0);
        assert_eq!((mended.images, mended.labels), (2, 2), "{mended:#?}");
    }
}

#[test]
fn hdf5_files_of_public_data_sets_have_nothing_to_mend() {
    for (file, layout) in [
        ("CASE/mri_norm2.h5", "la"),
        ("data/slices/patient001_frame01_slice_1.h5", "acdc"),
        ("Pancreas_h5/image0001_norm.h5", "pancreas"),
    ] {
        let (_folder, root) = setup();
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
        let out = root.with_file_name("mended");
        let message = mend(&root, &out, &|_, _| ()).unwrap_err().to_string();
        let expected = format!("found the HDF5 files of {layout}; nothing in them can be mended");
        assert!(
            message.contains(&expected) && message.contains("train on the folder as it is"),
            "{message}"
        );
        assert!(!out.exists());
    }
}
