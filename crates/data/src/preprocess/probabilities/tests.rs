//! Unit tests of the resampling of class probabilities.
#![allow(clippy::unwrap_used)]

use super::super::most_probable;
use super::*;
use crate::Geometry;

#[test]
fn probabilities_still_sum_to_one_and_choose_the_class() {
    let source = Grid {
        shape: [4, 5, 3],
        geometry: Geometry::from_spacing([2.0, 1.5, 3.0]),
    };
    let p = Array4::from_shape_fn((2, 4, 5, 3), |(c, x, _, _)| {
        let one = x as f32 / 3.0;
        if c == 1 { one } else { 1.0 - one }
    });
    let target = source.with_spacing([1.0; 3]).unwrap();
    let fine = resample_probabilities_to(p.view(), &source, &target).unwrap();
    assert!(
        fine.sum_axis(Axis(0))
            .iter()
            .all(|s| (s - 1.0).abs() < 1e-5)
    );
    let labels = most_probable(fine.view(), &target).unwrap();
    assert_eq!(labels.shape(), target.shape);
    let half = labels.data.iter().filter(|&&l| l == 1).count() * 2;
    assert_eq!(half, labels.data.len());
}

#[test]
fn the_separable_way_agrees_with_the_general_one() {
    let source = Grid {
        shape: [4, 5, 3],
        geometry: Geometry::from_spacing([2.0, 1.5, 3.0]),
    };
    let p = Array4::from_shape_fn((3, 4, 5, 3), |(c, x, y, z)| {
        ((c + 2 * x + y * z) % 5) as f32
    });
    let geometry = Geometry::default().translated([-2.0, 1.0, -0.4]);
    let target = Grid {
        shape: [12, 7, 9],
        geometry,
    };
    let map = target.index_map(&source).unwrap();
    let a = separable(p.view(), &map, target.shape, 1.0);
    let b = general(p.view(), &map, target.shape, 1.0);
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn a_wrong_shape_is_an_error() {
    let grid = Grid {
        shape: [2, 2, 2],
        geometry: Geometry::default(),
    };
    let p = Array4::zeros((2, 2, 2, 3));
    assert!(resample_probabilities_to(p.view(), &grid, &grid).is_err());
    assert!(most_probable(p.view(), &grid).is_err());
}
