//! Reading and writing of files: comparison with nibabel, round trips, damaged files.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use ndarray::Array3;
use semivox_data::io::{read_labels, read_volume, write_labels, write_volume};
use semivox_data::{
    AxisOrder, DataError, Geometry, Image, LabelMap, LabeledCase, Orientation, Source, Volume, io,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    file: String,
    shape: Vec<usize>,
    affine: Option<[[f64; 4]; 4]>,
    values: Vec<f64>,
}

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

fn oblique() -> Geometry {
    let text = std::fs::read(goldens().join("nifti.json")).unwrap();
    let goldens: Vec<Golden> = serde_json::from_slice(&text).unwrap();
    Geometry {
        affine: goldens[0].affine.unwrap(),
    }
}

fn ramp() -> Array3<f32> {
    Array3::from_shape_fn((19, 4, 3), |(x, y, z)| (x * 100 + y * 10 + z) as f32 - 0.5)
}

#[test]
fn every_type_byte_order_scaling_and_affine_reads_as_nibabel_does() {
    let text = std::fs::read(goldens().join("nifti.json")).unwrap();
    let goldens_read: Vec<Golden> = serde_json::from_slice(&text).unwrap();
    assert_eq!(goldens_read.len(), 18);
    for golden in goldens_read {
        let volume = read_volume(goldens().join(&golden.file)).unwrap();
        assert_eq!(volume.shape()[..], golden.shape[..3], "{}", golden.file);
        for (found, expected) in volume.data.iter().zip(&golden.values) {
            let difference = (f64::from(*found) - expected).abs();
            assert!(
                difference <= expected.abs() * 1e-6,
                "{}: {found}, not {expected}",
                golden.file
            );
        }
        // Without sform and qform nibabel centers and mirrors, unlike the standard.
        let pixdim = Geometry::from_spacing([0.5, 0.75, 2.0]);
        let geometry = golden.affine.map_or(pixdim, |affine| Geometry { affine });
        assert!(
            volume.geometry.approx_eq(&geometry, 1e-5),
            "{}",
            golden.file
        );
    }
}

#[test]
fn volumes_survive_a_round_trip_with_an_oblique_affine() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.nii", "a.nii.gz"] {
        let volume = Volume::new(ramp(), oblique());
        let path = folder.path().join(name);
        write_volume(&path, &volume).unwrap();
        let read = read_volume(&path).unwrap();
        assert_eq!(read.data, volume.data);
        assert!(read.data.is_standard_layout());
        assert!(read.geometry.approx_eq(&volume.geometry, 1e-5));
    }
}

#[test]
fn the_qform_written_says_what_the_sform_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    let volume = Volume::new(ramp(), oblique());
    write_volume(&path, &volume).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[254..256].copy_from_slice(&[0, 0]); // no sform
    std::fs::write(&path, bytes).unwrap();
    let read = read_volume(&path).unwrap();
    assert!(read.geometry.approx_eq(&volume.geometry, 1e-5));
}

#[test]
fn shear_survives_in_the_sform() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii.gz");
    let mut volume = Volume::new(ramp(), Geometry::default());
    volume.geometry.affine[0][1] = 0.25;
    write_volume(&path, &volume).unwrap();
    assert_eq!(read_volume(&path).unwrap(), volume);
}

#[test]
fn label_maps_are_stored_as_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    let labels = LabelMap::new(
        Array3::from_shape_fn((3, 4, 5), |(x, y, z)| (50 * x + 5 * y + z) as u8),
        oblique(),
    );
    write_labels(&path, &labels).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 352 + 60);
    assert_eq!(read_labels(&path).unwrap().data, labels.data);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Writes floats and reads them as labels.
fn labels_of(values: [f32; 2]) -> Result<LabelMap, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad_labels.nii.gz");
    let data = Array3::from_shape_vec((2, 1, 1), values.to_vec()).unwrap();
    write_volume(&path, &Volume::new(data, Geometry::default())).unwrap();
    read_labels(&path)
}

#[test]
fn label_values_are_checked() {
    assert_eq!(labels_of([3.0, 255.0]).unwrap().values(), [3, 255]);
    for (values, named) in [
        ([0.0, 0.5], "0.5"),
        ([-1.0, 0.0], "-1"),
        ([256.0, 0.0], "256"),
        ([f32::NAN, 0.0], "NaN"),
    ] {
        let message = labels_of(values).unwrap_err().to_string();
        assert!(
            message.contains(named) && message.contains("bad_labels.nii.gz"),
            "{message}"
        );
    }
}

#[test]
fn voxels_that_are_not_finite_are_counted_and_placed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.nii.gz");
    let mut data = ramp();
    data[[1, 2, 0]] = f32::NAN;
    data[[17, 0, 2]] = f32::INFINITY;
    write_volume(&path, &Volume::new(data, Geometry::default())).unwrap();
    let error = read_volume(&path).unwrap_err();
    assert!(matches!(
        error,
        DataError::NonFinite {
            count: 2,
            first: [1, 2, 0],
            ..
        }
    ));
    assert!(error.to_string().contains("scan.nii.gz"));
}

#[test]
fn a_file_cut_short_anywhere_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["cut.nii.gz", "cut.nii"] {
        let path = folder.path().join(name);
        write_volume(&path, &Volume::new(ramp(), Geometry::default())).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for length in [
            0,
            1,
            5,
            20,
            100,
            bytes.len() / 2,
            bytes.len() - 9,
            bytes.len() - 1,
        ] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let message = read_volume(&path).unwrap_err().to_string();
            assert!(message.contains(name), "{length}: {message}");
            assert!(
                message.contains("again") || message.contains("convert"),
                "{length}: {message}"
            );
        }
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let error = read_volume(&path).unwrap_err();
        assert!(matches!(error, DataError::Truncated { .. }), "{error}");
    }
}

#[test]
fn a_flipped_bit_fails_the_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped.nii.gz");
    write_volume(&path, &Volume::new(ramp(), Geometry::default())).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() - 6;
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let message = read_volume(&path).unwrap_err().to_string();
    assert!(
        message.contains("flipped.nii.gz") && message.contains("intact"),
        "{message}"
    );
}

#[test]
fn other_formats_and_shapes_are_refused_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.nii");
    write_volume(&path, &Volume::new(ramp(), Geometry::default())).unwrap();
    let sound = std::fs::read(&path).unwrap();
    let edited = |at: usize, value: &[u8]| {
        let mut bytes = sound.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        std::fs::write(&path, bytes).unwrap();
        read_volume(&path).unwrap_err().to_string()
    };
    assert!(edited(0, &540_i32.to_le_bytes()).contains("NIfTI-2"));
    assert!(edited(344, b"ni1\0").contains(".hdr"));
    assert!(edited(344, b"abcd").contains("convert"));
    assert!(edited(70, &128_i16.to_le_bytes()).contains("Rgb24"));
    assert!(edited(42, &[0, 0]).contains("shape"));
    assert!(edited(108, &f32::NAN.to_le_bytes()).contains("offset"));
    // A header that claims far more than the file contains does not allocate memory.
    assert!(edited(42, &[255, 127, 255, 127, 255, 127]).contains("cut short"));
    let frames = read_volume(goldens().join("two_frames.nii"))
        .unwrap_err()
        .to_string();
    assert!(
        frames.contains("[5, 4, 3, 2]") && frames.contains("split"),
        "{frames}"
    );
    let missing = read_volume(folder.path().join("none.nii")).unwrap_err();
    assert!(matches!(missing, DataError::Missing { .. }));
    let volume = Volume::new(ramp(), Geometry::default());
    assert!(
        write_volume(folder.path().join("x.mha"), &volume)
            .unwrap_err()
            .to_string()
            .contains(".nii.gz")
    );
    assert!(write_volume(folder.path().join("no/folder.nii"), &volume).is_err());
}

#[test]
fn an_image_and_a_label_map_have_to_agree() {
    let folder = tempfile::tempdir().unwrap();
    let (image, label) = (
        folder.path().join("image.nii"),
        folder.path().join("label.nii"),
    );
    write_volume(&image, &Volume::new(ramp(), oblique())).unwrap();
    let case = LabeledCase {
        id: "a".into(),
        image: Source::File(image),
        label: Source::File(label.clone()),
    };

    write_labels(&label, &LabelMap::new(Array3::zeros((19, 4, 2)), oblique())).unwrap();
    let message = case.load().unwrap_err().to_string();
    let whole = "a part of the image's grid, from voxel [0, 0, 0] on";
    for part in ["image.nii", "label.nii", "[19, 4, 3]", "[19, 4, 2]", whole] {
        assert!(message.contains(part), "{message}");
    }
    let cropped = oblique().translated([7.0, 1.0, 1.0]);
    write_labels(&label, &LabelMap::new(Array3::zeros((12, 3, 2)), cropped)).unwrap();
    let message = case.load().unwrap_err().to_string();
    assert!(
        message.contains("from voxel [7, 1, 1] on: export it on the whole grid"),
        "{message}"
    );
    write_labels(&label, &LabelMap::new(Array3::zeros((13, 3, 2)), cropped)).unwrap();
    let message = case.load().unwrap_err().to_string();
    assert!(message.contains("belong to the same scan"), "{message}");
    write_labels(
        &label,
        &LabelMap::new(Array3::zeros((19, 4, 3)), Geometry::default()),
    )
    .unwrap();
    assert!(matches!(
        case.load(),
        Err(DataError::GeometryMismatch { .. })
    ));
    let drawn = LabelMap::new(Array3::zeros((19, 4, 3)), oblique());
    // The same voxels along other axes: copying the image's header would mirror the labels.
    let own = Orientation::of(&oblique());
    for orientation in ["LPS", "SRA", "ASR", "RAI"] {
        let turned = own
            .reorientation_to(orientation.parse().unwrap())
            .labels(&drawn);
        if Orientation::of(&turned.geometry) == own {
            continue;
        }
        write_labels(&label, &turned).unwrap();
        let message = case.load().unwrap_err().to_string();
        assert!(
            message.contains("axes in another order or direction"),
            "{message}"
        );
    }
    write_labels(&label, &drawn).unwrap();
    assert!(case.load().is_ok());
}

#[test]
fn no_header_byte_brings_the_reader_down() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.nii");
    write_volume(&path, &Volume::new(ramp(), oblique())).unwrap();
    let sound = std::fs::read(&path).unwrap();
    for at in 0..348 {
        for value in [0, 1, 8, 0x7f, 0x80, 0xff] {
            let mut bytes = sound.clone();
            bytes[at] = value;
            std::fs::write(&path, bytes).unwrap();
            match read_volume(&path) {
                Ok(volume) => assert!(
                    volume.geometry.determinant().is_normal() && volume.data.len() <= 4 * 228
                ),
                Err(error) => assert!(error.to_string().contains("x.nii"), "{at}: {error}"),
            }
        }
    }
}

#[test]
fn hdf5_floats_of_16_bits_are_read_as_h5py_reads_them() {
    for name in ["half.h5", "half_big_endian.h5"] {
        let source = |dataset: &str| Source::Hdf5 {
            path: goldens().join("hdf5").join(name),
            dataset: dataset.into(),
            axes: AxisOrder::SlicesLast,
            spacing_mm: [1.0; 3],
        };
        let read = |dataset| io::read_image(&source(dataset)).unwrap();
        let (half, single) = (read("image"), read("single"));
        assert_eq!(half.shape(), [2, 3, 2]);
        let bits = |image: &Image| -> Vec<u32> {
            image
                .first()
                .data
                .iter()
                .map(|value| value.to_bits())
                .collect()
        };
        assert_eq!(bits(&half), bits(&single), "{name}");
        let labels = io::read_label(&source("label")).unwrap();
        let above = single.first().data.mapv(|value| u8::from(value > 1.0));
        assert_eq!(labels.data, above, "{name}");
    }
}

#[test]
fn links_in_hdf5_files_are_refused_by_that_word() {
    for name in ["links.h5", "links_new.h5", "links_ordered.h5"] {
        let source = |dataset: &str| Source::Hdf5 {
            path: goldens().join("hdf5").join(name),
            dataset: dataset.into(),
            axes: AxisOrder::SlicesLast,
            spacing_mm: [1.0; 3],
        };
        assert_eq!(io::read_image(&source("hard")).unwrap().shape(), [2, 3, 2]);
        let message = |dataset| io::read_image(&source(dataset)).unwrap_err().to_string();
        let soft = message("image");
        let expected = "expected a data set named `image`, found a soft link of this name to `/data/single`; soft links \
            are not followed: replace it by a hard one";
        assert!(soft.contains(name) && soft.contains(expected), "{soft}");
        if name != "links.h5" {
            let external = message("label");
            let expected = "found an external link of this name to `drawn/label` in `other.h5`; external links are";
            assert!(external.contains(expected), "{external}");
        }
        // A part of a name, or a group, is no link.
        for absent in ["absent", "dat", "imag", "data"] {
            assert!(!message(absent).contains("link of"), "{absent}");
        }
    }
}
