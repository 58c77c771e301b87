//! Grids of an image and its label map.

use ndarray::Array3;
use semivox_data::io::{write_labels, write_volume};
use semivox_data::{DataError, Geometry, LabelMap, LabeledCase, Orientation, Source, Volume};

use crate::{oblique, ramp};

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
