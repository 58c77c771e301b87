//! Comparison with SciPy; the golden values are written by `scripts/goldens/sdf.py`.
#![allow(clippy::unwrap_used)]

use ndarray::Array3;
use semivox_sdf::{
    Connectivity, SignedDistance, connected_components, distance_transform, signed_distance_map,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    shape: (usize, usize, usize),
    spacing: [f64; 3],
    mask: String,
    distance: Vec<f64>,
    signed_mm: Vec<f64>,
    signed_unit: Vec<f64>,
    components: [usize; 3],
    labels: [Vec<u32>; 3],
}

impl Golden {
    fn all() -> Vec<(Self, Array3<bool>)> {
        let text = include_str!("goldens/scipy.json");
        let goldens: Vec<Self> = serde_json::from_str(text).unwrap();
        goldens
            .into_iter()
            .map(|golden| {
                let voxels = golden.mask.bytes().map(|byte| byte == b'1').collect();
                let mask = Array3::from_shape_vec(golden.shape, voxels).unwrap();
                (golden, mask)
            })
            .collect()
    }
}

fn assert_close(found: &Array3<f32>, expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (&found, &expected) in found.iter().zip(expected) {
        let error = (f64::from(found) - expected).abs();
        assert!(error <= 1e-6 * expected.abs() + 1e-9, "{found} {expected}");
    }
}

#[test]
fn distances_match_distance_transform_edt() {
    for (golden, mask) in Golden::all() {
        let found = distance_transform(mask.view(), golden.spacing);
        assert_close(&found, &golden.distance);
    }
}

#[test]
fn signed_maps_match_the_routine_of_dtc() {
    for (golden, mask) in Golden::all() {
        let map = |unit| signed_distance_map(mask.view(), golden.spacing, unit);
        assert_close(&map(SignedDistance::Millimeters), &golden.signed_mm);
        assert_close(&map(SignedDistance::UnitRange), &golden.signed_unit);
    }
}

#[test]
fn components_match_ndimage_label() {
    for (golden, mask) in Golden::all() {
        let kinds = [
            Connectivity::Faces6,
            Connectivity::Edges18,
            Connectivity::Corners26,
        ];
        for (i, connectivity) in kinds.into_iter().enumerate() {
            let found = connected_components(mask.view(), connectivity);
            assert_eq!(found.sizes.len(), golden.components[i]);
            assert_eq!(found.labels.into_raw_vec_and_offset().0, golden.labels[i]);
        }
    }
}
