//! Comparison with nibabel.

use semivox_data::Geometry;
use semivox_data::io::read_volume;

use crate::{descriptions, goldens};

#[test]
fn every_type_byte_order_scaling_and_affine_reads_as_nibabel_does() {
    let descriptions = descriptions();
    assert_eq!(descriptions.len(), 18);
    for golden in descriptions {
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
