//! Files that are written and read again.

use ndarray::Array3;
use semivox_data::io::{read_labels, read_volume, write_labels, write_volume};
use semivox_data::{Geometry, LabelMap, Volume};

use crate::{oblique, ramp};

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
