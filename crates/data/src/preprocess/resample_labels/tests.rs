//! Unit tests of the resampling of label maps.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::preprocess::Grid;
use crate::{Geometry, IGNORED, LabelMap};
use ndarray::{Array3, array};
use proptest::prelude::*;

fn ball(shape: [usize; 3], geometry: Geometry) -> LabelMap {
    let center = geometry.position(shape.map(|n| (n as f64 - 1.0) / 2.0));
    let inside = |(x, y, z): (usize, usize, usize)| {
        let p = geometry.position([x as f64, y as f64, z as f64]);
        let d2: f64 = p.iter().zip(center).map(|(p, c)| (p - c).powi(2)).sum();
        u8::from(d2 < 64.0)
    };
    LabelMap::new(Array3::from_shape_fn(shape, inside), geometry)
}

fn volume_mm3(labels: &LabelMap) -> f64 {
    let voxels = labels.data.iter().filter(|&&l| l == 1).count() as f64;
    voxels * labels.spacing().iter().product::<f64>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_volume_of_a_ball_is_kept(new in [0.35_f64..1.0, 0.35_f64..1.0, 0.35_f64..1.0]) {
        // A radius of 16 voxels, which a coarse grid still samples evenly.
        let labels = ball([40, 40, 40], Geometry::from_spacing([0.5; 3]));
        let there = resample_labels(&labels, new).unwrap();
        let ratio = volume_mm3(&there) / volume_mm3(&labels);
        prop_assert!((0.9..1.1).contains(&ratio), "{}", ratio);
        let back = resample_labels_to(&there, &Grid::from(&labels)).unwrap();
        let ratio = volume_mm3(&back) / volume_mm3(&labels);
        prop_assert!((0.88..1.12).contains(&ratio), "{}", ratio);
    }

    #[test]
    fn equal_spacing_is_the_identity(s in 0.3_f64..3.0) {
        let labels = ball([5, 6, 7], Geometry::from_spacing([s, 2.0, 3.0 * s]));
        prop_assert_eq!(&resample_labels(&labels, [s, 2.0, 3.0 * s]).unwrap(), &labels);
        prop_assert_eq!(resample_labels_to(&labels, &Grid::from(&labels)).unwrap(), labels);
    }
}

#[test]
fn the_table_agrees_with_the_general_way() {
    let labels = ball([9, 10, 11], Geometry::from_spacing([1.0, 2.0, 1.5]));
    let target = Grid {
        shape: [20, 14, 17],
        geometry: Geometry::default().translated([-2.0; 3]),
    };
    let straight = resample_labels_to(&labels, &target).unwrap();
    // A rotation by 90° of both the label map's frame and the target's.
    let turn = |g: Geometry| {
        let a = g.affine;
        Geometry {
            affine: [a[1].map(|x| -x), a[0], a[2], a[3]],
        }
    };
    let mut shifted = turn(labels.geometry);
    shifted.affine[0][2] += 1e-7;
    let turned = LabelMap::new(labels.data.clone(), shifted);
    let grid = Grid {
        geometry: turn(target.geometry),
        ..target
    };
    assert_eq!(
        resample_labels_to(&turned, &grid).unwrap().data,
        straight.data
    );
}

/// A label map of 11 voxels of 1 mm along an axis, which is 1 beyond `face` mm.
fn half_space(axis: usize, face: f64) -> LabelMap {
    let mut shape = [2; 3];
    shape[axis] = 11;
    let beyond = |(x, y, z): (usize, usize, usize)| u8::from([x, y, z][axis] as f64 > face);
    LabelMap::new(Array3::from_shape_fn(shape, beyond), Geometry::default())
}

/// Voxels from `first` mm on in steps of `spacing` are 1 exactly where their center is beyond the face.
fn expect_face(labels: &LabelMap, axis: usize, face: f64, [first, spacing]: [f64; 2]) {
    for ((x, y, z), &label) in labels.data.indexed_iter() {
        let index = [x, y, z];
        let expected = first + spacing * index[axis] as f64;
        let place = labels.geometry.position(index.map(|i| i as f64))[axis];
        assert!((place - expected).abs() < 1e-9, "{place} {expected}");
        assert_eq!(label, u8::from(expected > face), "{expected} mm, {face} mm");
    }
}

/// Some centers are 0.05 mm from a face, so that a shift of a tenth of a voxel to either side would show.
#[test]
fn a_plane_keeps_its_place_in_millimeters() {
    for axis in 0..3 {
        for face in (0..10).map(|voxel| f64::from(voxel) + 0.5) {
            let labels = half_space(axis, face);
            for (spacing, first, count) in [(0.7, -0.25, 16), (1.3, 0.45, 8)] {
                let mut wanted = [1.0; 3];
                wanted[axis] = spacing;
                let out = resample_labels(&labels, wanted).unwrap();
                assert_eq!(out.shape()[axis], count);
                expect_face(&out, axis, face, [first, spacing]);
                let mut grid = Grid::from(&out);
                // Another grid that does not share the center.
                grid.geometry.affine[axis][3] += 0.1;
                let other = resample_labels_to(&labels, &grid).unwrap();
                expect_face(&other, axis, face, [first + 0.1, spacing]);
            }
        }
    }
}

#[test]
fn ties_do_not_shrink_a_plane() {
    // A half space whose face cuts every second coarse voxel in half.
    let half = Array3::from_shape_fn((9, 4, 4), |(x, _, _)| u8::from(x % 4 == 1 || x % 4 == 2));
    let out = resample_labels(&LabelMap::new(half, Geometry::default()), [2.0; 3]).unwrap();
    let share = out.data.iter().filter(|&&l| l == 1).count() as f64 / out.data.len() as f64;
    assert!((0.3..0.7).contains(&share), "{share}");
}

/// Every third slice is annotated; coarser slices get the labels within them, finer ones the nearest.
#[test]
fn ignored_voxels_have_no_vote() {
    let (i, geometry) = (IGNORED, Geometry::default());
    let labels = LabelMap::new(array![[[i, 1, i, i, 2, i, i, i, i]]], geometry);
    let coarse = resample_labels(&labels, [1.0, 1.0, 3.0]).unwrap();
    assert_eq!(coarse.data, array![[[1, 2, i]]]);
    let fine = resample_labels(&labels, [1.0, 1.0, 0.5]).unwrap();
    assert_eq!(fine.data.iter().filter(|&&label| label != i).count(), 4);
    assert_eq!(labels.ignored_share(), 7.0 / 9.0);
}
