//! Brute-force oracles on random masks, and edge cases of the definitions.
#![allow(clippy::unwrap_used)]

use ndarray::{Array3, Axis, ShapeBuilder, Zip, s};
use proptest::prelude::*;
use semivox_sdf::{
    Connectivity, Edge, SdfError, SignedDistance, border, check_spacing, connected_components,
    distance_transform, largest_component, signed_distance_map, squared_distance_to,
    squared_distance_transform, squared_distance_transform_1d, squared_distance_transform_2d,
};

const KINDS: [Connectivity; 3] = [
    Connectivity::Faces6,
    Connectivity::Edges18,
    Connectivity::Corners26,
];

fn brute(mask: &Array3<bool>, spacing: [f64; 3]) -> Array3<f32> {
    Array3::from_shape_fn(mask.dim(), |p| {
        mask.indexed_iter()
            .filter(|(_, on)| !**on)
            .map(|(q, _)| {
                let steps = [p.0.abs_diff(q.0), p.1.abs_diff(q.1), p.2.abs_diff(q.2)];
                let axis = |a: usize| (steps[a] as f64 * spacing[a]).powi(2);
                axis(0) + axis(1) + axis(2)
            })
            .fold(f64::INFINITY, f64::min) as f32
    })
}

/// Components by repeated flood fill from the first voxel without a label.
fn flood(mask: &Array3<bool>, order: usize) -> Array3<u32> {
    let mut labels = Array3::zeros(mask.dim());
    let mut next = 0;
    for (seed, _) in mask.indexed_iter().filter(|(_, on)| **on) {
        if labels[seed] != 0 {
            continue;
        }
        next += 1;
        labels[seed] = next;
        let mut stack = vec![seed];
        while let Some(p) = stack.pop() {
            for (q, &on) in mask.indexed_iter() {
                let steps = [p.0.abs_diff(q.0), p.1.abs_diff(q.1), p.2.abs_diff(q.2)];
                let near =
                    steps.iter().all(|&step| step < 2) && steps.iter().sum::<usize>() <= order;
                if on && near && labels[q] == 0 {
                    labels[q] = next;
                    stack.push(q);
                }
            }
        }
    }
    labels
}

fn masks() -> impl Strategy<Value = Array3<bool>> {
    let axis = || 1..8_usize;
    (axis(), axis(), axis(), 0.05..1.0).prop_flat_map(|(x, y, z, density)| {
        prop::collection::vec(prop::bool::weighted(density), x * y * z)
            .prop_map(move |voxels| Array3::from_shape_vec((x, y, z), voxels).unwrap())
    })
}

fn assert_close(found: &Array3<f32>, expected: &Array3<f32>) {
    Zip::from(found)
        .and(expected)
        .for_each(|&found, &expected| {
            let same = found == expected || (found - expected).abs() <= 3e-7 * expected;
            assert!(same, "{found} {expected}");
        });
}

proptest! {
    #[test]
    fn transform_is_the_nearest_false_voxel(
        mask in masks(), x in 0.3..5.0, y in 0.3..5.0, z in 0.3..5.0,
    ) {
        let spacing = [x, y, z];
        let expected = brute(&mask, spacing);
        assert_close(&squared_distance_transform(mask.view(), spacing), &expected);
        let complement = mask.mapv(|on| !on);
        assert_close(&squared_distance_to(complement.view(), spacing), &expected);
    }

    #[test]
    fn transform_is_an_exact_integer_in_voxels(mask in masks()) {
        let found = squared_distance_transform(mask.view(), [1.0; 3]);
        prop_assert_eq!(found, brute(&mask, [1.0; 3]));
    }

    #[test]
    fn components_are_what_flooding_finds(mask in masks()) {
        for (order, connectivity) in KINDS.into_iter().enumerate() {
            let found = connected_components(mask.view(), connectivity);
            let expected = flood(&mask, order + 1);
            prop_assert_eq!(&found.labels, &expected);
            for (i, &size) in found.sizes.iter().enumerate() {
                let count = expected.iter().filter(|&&label| label as usize == i + 1).count();
                prop_assert_eq!(size, count);
            }
        }
    }

    #[test]
    fn border_is_made_of_voxels_with_a_neighbor_outside(mask in masks()) {
        for edge in [Edge::Background, Edge::Ignored] {
            let expected = Array3::from_shape_fn(mask.dim(), |p| {
                let at = |dx, dy, dz| {
                    let index = [(p.0, dx), (p.1, dy), (p.2, dz)].map(|(i, d)| i.wrapping_add_signed(d));
                    mask.get(index).copied().unwrap_or(edge == Edge::Ignored)
                };
                let within = at(1, 0, 0) && at(-1, 0, 0) && at(0, 1, 0) && at(0, -1, 0)
                    && at(0, 0, 1) && at(0, 0, -1);
                mask[p] && !within
            });
            prop_assert_eq!(border(mask.view(), edge), expected);
        }
    }

    #[test]
    fn layout_of_the_mask_does_not_matter(mask in masks()) {
        let mut columns = Array3::from_elem(mask.dim().f(), false);
        columns.assign(&mask);
        let spacing = [1.0, 2.0, 0.5];
        let found = squared_distance_transform(columns.view(), spacing);
        prop_assert!(found.is_standard_layout());
        prop_assert_eq!(found, squared_distance_transform(mask.view(), spacing));
        prop_assert_eq!(border(columns.view(), Edge::Background), border(mask.view(), Edge::Background));
        let found = connected_components(columns.view(), Connectivity::Edges18);
        prop_assert_eq!(found, connected_components(mask.view(), Connectivity::Edges18));
    }

    #[test]
    fn signs_and_ranges_of_signed_maps(mask in masks()) {
        let unit = signed_distance_map(mask.view(), [1.0, 2.0, 3.0], SignedDistance::UnitRange);
        let defined = mask.iter().any(|&on| on) && !mask.iter().all(|&on| on);
        Zip::from(&unit).and(&mask).for_each(|&value, &on| {
            assert!((-1.0..=1.0).contains(&value));
            assert!(if !defined { value == 0.0 } else if on { value <= 0.0 } else { value > 0.0 });
        });
        if defined {
            prop_assert_eq!(unit.iter().copied().fold(0.0, f32::max), 1.0);
        }
    }
}

#[test]
fn transform_of_a_volume_with_long_lines_is_exact() {
    let mut mask = Array3::from_elem((41, 37, 53), true);
    let seeds = [[3, 4, 50], [40, 36, 0], [20, 18, 25], [0, 30, 7]];
    for seed in seeds {
        mask[seed] = false;
    }
    let spacing = [0.625, 0.9, 2.0];
    let expected = Array3::from_shape_fn(mask.dim(), |p| {
        let to = |q: [usize; 3]| {
            let steps = [p.0.abs_diff(q[0]), p.1.abs_diff(q[1]), p.2.abs_diff(q[2])];
            (0..3)
                .map(|a| (steps[a] as f64 * spacing[a]).powi(2))
                .sum::<f64>()
        };
        seeds.into_iter().map(to).fold(f64::INFINITY, f64::min) as f32
    });
    assert_close(&squared_distance_transform(mask.view(), spacing), &expected);
}

#[test]
fn lines_and_images_are_slices_of_volumes() {
    let mask = Array3::from_shape_fn((4, 5, 6), |(x, y, z)| (x * 7 + y * 3 + z * 5) % 11 != 0);
    for slab in mask.outer_iter() {
        let volume = slab.insert_axis(Axis(2));
        let expected = squared_distance_transform(volume, [1.5, 0.5, 9.0]);
        let found = squared_distance_transform_2d(slab, [1.5, 0.5]);
        assert_eq!(found, expected.remove_axis(Axis(2)));
    }
    let line = mask.slice(s![0, 0, ..]);
    let expected = squared_distance_transform_2d(line.insert_axis(Axis(1)), [2.0, 7.0]);
    assert_eq!(squared_distance_transform_1d(line, 2.0), expected.column(0));
}

#[test]
fn masks_without_a_surface() {
    let full = Array3::from_elem((3, 4, 5), true);
    let empty = full.mapv(|on| !on);
    assert!(
        distance_transform(full.view(), [1.0; 3])
            .iter()
            .all(|&d| d == f32::INFINITY)
    );
    assert!(
        distance_transform(empty.view(), [1.0; 3])
            .iter()
            .all(|&d| d == 0.0)
    );
    for unit in [SignedDistance::Millimeters, SignedDistance::UnitRange] {
        for mask in [&full, &empty] {
            let map = signed_distance_map(mask.view(), [1.0; 3], unit);
            assert!(map.iter().all(|&value| value == 0.0));
        }
    }
    assert_eq!(largest_component(empty.view(), Connectivity::Faces6), empty);
    assert_eq!(
        connected_components(empty.view(), Connectivity::Faces6).largest(),
        None
    );
    let nothing = Array3::from_elem((3, 0, 5), true);
    assert_eq!(
        distance_transform(nothing.view(), [1.0; 3]).dim(),
        (3, 0, 5)
    );
}

#[test]
fn the_first_of_two_equal_components_is_the_largest() {
    let mut mask = Array3::from_elem((1, 1, 7), false);
    mask.slice_mut(s![.., .., 1..3]).fill(true);
    mask.slice_mut(s![.., .., 4..6]).fill(true);
    let kept = largest_component(mask.view(), Connectivity::Corners26);
    assert!(kept[[0, 0, 1]] && kept[[0, 0, 2]] && !kept[[0, 0, 4]]);
}

#[test]
fn a_bad_spacing_is_named() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = check_spacing([1.0, bad, 1.0]).unwrap_err();
        assert!(matches!(error, SdfError::Spacing { .. }));
        assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
    }
}

#[test]
#[should_panic(expected = "positive finite spacing")]
fn the_transform_refuses_a_bad_spacing() {
    let mask = Array3::from_elem((1, 1, 1), true);
    let _ = distance_transform(mask.view(), [0.0, 1.0, 1.0]);
}

#[test]
fn types_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<semivox_sdf::Components>();
    crosses::<SdfError>();
}

/// Voxels that touch at a corner are one part, which is larger than a single voxel.
#[test]
fn parts_of_a_label_map_are_joined_at_corners() {
    let mut labels = Array3::<u8>::zeros((5, 4, 4));
    for at in [[4, 3, 3], [0, 0, 0], [1, 1, 1]] {
        labels[at] = 2;
    }
    labels[[2, 2, 2]] = 1;
    let mut expected = labels.clone();
    expected[[4, 3, 3]] = 0;
    semivox_sdf::keep_largest_components(&mut labels);
    assert_eq!(labels, expected);
}
