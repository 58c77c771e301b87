//! Own scans: what is mended, left out and described.

use std::fs;
use std::path::Path;

use ndarray::{Array4, s};
use semivox_data::inspect::Inspection;
use semivox_data::io::{read_label_values, read_labels, write_label_values, write_volume};
use semivox_data::layout::mend::mend;
use semivox_data::{Geometry, LabelMap, LabelValues, Orientation, Volume, layout};

use crate::{geometry, image, label, labels, mended, setup};

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
