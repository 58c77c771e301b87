//! Values of voxels that are refused.

use ndarray::Array3;
use semivox_data::io::{read_labels, read_volume, write_volume};
use semivox_data::{DataError, Geometry, LabelMap, Volume};

use crate::ramp;

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
