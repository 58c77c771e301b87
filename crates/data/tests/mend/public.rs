//! Public data sets and those in the forms of nnU-Net and the Decathlon.

use std::fs;
use std::path::Path;

use ndarray::Array3;
use semivox_data::inspect::Inspection;
use semivox_data::io::{write_labels, write_volume};
use semivox_data::layout::mend::{Mended, mend};
use semivox_data::layout::{self, Layout};
use semivox_data::{Geometry, LabelMap, Orientation, Volume, rng};

use crate::{SHAPE, image, label, labels, mended, setup};

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

    // A test image with a label map, whatever the ending of its name, would train in the copy.
    fs::create_dir(root.join("labelsTs")).unwrap();
    for name in ["b_seg", "a"] {
        fs::copy(
            root.join("labelsTr/a_seg.nii.gz"),
            root.join(format!("labelsTs/{name}.nii.gz")),
        )
        .unwrap();
    }
    let tested = mend(&root, root.with_file_name("tested"), &|_, _| ()).unwrap();
    assert_eq!((tested.images, tested.labels), (1, 1), "{tested:#?}");
    assert!(
        tested.left[0].starts_with("b: a test case"),
        "{:?}",
        tested.left
    );
    fs::remove_dir_all(root.join("labelsTs")).unwrap();

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
