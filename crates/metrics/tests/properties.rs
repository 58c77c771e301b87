//! Brute-force oracle of the surface distances, properties of the metrics, and undefined cases.
#![allow(clippy::unwrap_used)]

use ndarray::{Array3, ShapeBuilder, s};
use proptest::prelude::*;
use semivox_metrics::{
    ClassMetrics, Metric, MetricError, Summary, SurfaceDistances, UndefinedReason, aggregate, dice,
    evaluate, evaluate_without, jaccard,
};

const SHAPE: (usize, usize, usize) = (6, 7, 8);

fn masks() -> impl Strategy<Value = Array3<bool>> {
    (0.02..0.98).prop_flat_map(|density| {
        prop::collection::vec(prop::bool::weighted(density), 6 * 7 * 8)
            .prop_map(|voxels| Array3::from_shape_vec(SHAPE, voxels).unwrap())
            .prop_filter("not empty", |mask| mask.iter().any(|&on| on))
    })
}

fn surface(p: &Array3<bool>, r: &Array3<bool>, spacing: [f64; 3]) -> SurfaceDistances {
    SurfaceDistances::new(p.view(), r.view(), spacing).unwrap()
}

fn border_points(mask: &Array3<bool>, spacing: [f64; 3]) -> Vec<[f64; 3]> {
    let on = |p: [usize; 3]| mask.get(p).copied().unwrap_or(false);
    let inner = |p: [usize; 3]| {
        (0..3).all(|axis| {
            [-1, 1].into_iter().all(|step| {
                let mut q = p;
                q[axis] = q[axis].wrapping_add_signed(step);
                on(q)
            })
        })
    };
    let points = mask.indexed_iter().filter(|(_, on)| **on);
    points
        .map(|((x, y, z), _)| [x, y, z])
        .filter(|&p| !inner(p))
        .map(|p| [0, 1, 2].map(|axis| p[axis] as f64 * spacing[axis]))
        .collect()
}

fn brute(from: &[[f64; 3]], to: &[[f64; 3]]) -> Vec<f64> {
    let distance = |a: &[f64; 3], b: &[f64; 3]| {
        let squares = a.iter().zip(b).map(|(a, b)| (a - b).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let nearest = |a| {
        to.iter()
            .map(|b| distance(a, b))
            .fold(f64::INFINITY, f64::min)
    };
    from.iter().map(nearest).collect()
}

fn percentile95(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let position = 0.95 * (values.len() - 1) as f64;
    let (low, high) = (position.floor() as usize, position.ceil() as usize);
    values[low] + (position - low as f64) * (values[high] - values[low])
}

fn close(found: Metric, expected: f64) -> bool {
    (found.value().unwrap() - expected).abs() <= 1e-6 * expected
}

proptest! {
    #[test]
    fn surface_metrics_follow_from_all_pairs(
        p in masks(), r in masks(), x in 0.3..3.0, y in 0.3..3.0, z in 0.3..3.0,
    ) {
        let spacing = [x, y, z];
        let found = surface(&p, &r, spacing);
        let (p, r) = (border_points(&p, spacing), border_points(&r, spacing));
        let (pr, rp) = (brute(&p, &r), brute(&r, &p));
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        prop_assert!(close(found.asd(), mean(&pr)));
        prop_assert!(close(found.assd(), 0.5 * (mean(&pr) + mean(&rp))));
        let all = pr.iter().chain(&rp).copied().collect::<Vec<_>>();
        prop_assert!(close(found.assd_pooled(), mean(&all)));
        let pooled = [pr.clone(), rp.clone()].concat();
        prop_assert!(close(found.hd95(), percentile95(pooled.clone())));
        let directed = percentile95(pr).max(percentile95(rp));
        prop_assert!(close(found.hd95_directed_max(), directed));
        let near = pooled.iter().filter(|&&mm| mm <= 1.0).count();
        prop_assert!(close(found.nsd(1.0).unwrap(), near as f64 / pooled.len() as f64));
    }

    #[test]
    fn symmetric_metrics_do_not_depend_on_the_order(p in masks(), r in masks()) {
        let (there, back) = (surface(&p, &r, [1.0, 0.5, 2.0]), surface(&r, &p, [1.0, 0.5, 2.0]));
        prop_assert_eq!(there.hd95(), back.hd95());
        prop_assert_eq!(there.hd95_directed_max(), back.hd95_directed_max());
        prop_assert_eq!(there.assd(), back.assd());
        prop_assert_eq!(there.nsd(0.7), back.nsd(0.7));
        prop_assert_eq!(there.overlap().dice(), back.overlap().dice());
        prop_assert_eq!(there.overlap().jaccard(), back.overlap().jaccard());
    }

    #[test]
    fn identical_masks_are_perfect(mask in masks()) {
        let found = surface(&mask, &mask, [0.3, 0.7, 1.1]);
        for distance in [found.hd95(), found.hd95_directed_max(), found.asd(), found.assd()] {
            prop_assert_eq!(distance, Metric::Defined(0.0));
        }
        for share in [found.nsd(0.0).unwrap(), found.overlap().dice(), found.overlap().jaccard()] {
            prop_assert_eq!(share, Metric::Defined(1.0));
        }
    }

    #[test]
    fn distances_scale_with_the_spacing(p in masks(), r in masks()) {
        let (one, two) = (surface(&p, &r, [1.0, 2.0, 0.5]), surface(&p, &r, [4.0, 8.0, 2.0]));
        for (one, two) in [(one.hd95(), two.hd95()), (one.asd(), two.asd()), (one.assd(), two.assd())] {
            prop_assert!(close(two, 4.0 * one.value().unwrap()));
        }
    }

    #[test]
    fn translation_and_layout_change_nothing(p in masks(), r in masks()) {
        let embed = |mask: &Array3<bool>, at: usize| {
            let mut volume = Array3::from_elem((12, 12, 12).f(), false);
            volume.slice_mut(s![at..at + 6, at..at + 7, at..at + 8]).assign(mask);
            volume
        };
        let spacing = [0.9, 1.3, 2.0];
        let here = surface(&p, &r, spacing);
        for at in 0..4 {
            let moved = surface(&embed(&p, at), &embed(&r, at), spacing);
            prop_assert!(close(moved.assd(), here.assd().value().unwrap()));
            prop_assert!(close(moved.hd95(), here.hd95().value().unwrap()));
            prop_assert_eq!(moved.overlap(), here.overlap());
        }
    }
}

#[test]
fn empty_masks_are_undefined_with_the_reason() {
    let empty = Array3::from_elem((2, 3, 4), false);
    let mut full = empty.clone();
    full[[1, 1, 1]] = true;
    let undefined = |p, r| surface(p, r, [1.0; 3]).hd95().undefined().unwrap();
    assert_eq!(undefined(&empty, &full), UndefinedReason::PredictionEmpty);
    assert_eq!(undefined(&full, &empty), UndefinedReason::ReferenceEmpty);
    assert_eq!(undefined(&empty, &empty), UndefinedReason::BothEmpty);
    let both = Metric::Undefined(UndefinedReason::BothEmpty);
    for metric in [dice, jaccard] {
        assert_eq!(metric(empty.view(), full.view()), Ok(Metric::Defined(0.0)));
        assert_eq!(metric(full.view(), empty.view()), Ok(Metric::Defined(0.0)));
        assert_eq!(metric(empty.view(), empty.view()), Ok(both));
    }
    assert_eq!(
        surface(&full, &empty, [1.0; 3]).nsd(1.0),
        Ok(Metric::Defined(0.0))
    );
    assert_eq!(surface(&empty, &empty, [1.0; 3]).nsd(1.0), Ok(both));
}

#[test]
fn errors_name_what_was_found() {
    let a = Array3::<u8>::zeros((2, 3, 4));
    let b = Array3::<u8>::zeros((2, 3, 5));
    let message = |error: MetricError| error.to_string();
    let shape = message(evaluate(a.view(), b.view(), 2, [1.0; 3]).unwrap_err());
    assert!(
        shape.contains("[2, 3, 4]") && shape.contains("[2, 3, 5]"),
        "{shape}"
    );
    let mut labels = a.clone();
    labels[[0, 0, 0]] = 7;
    labels[[0, 0, 1]] = 5;
    labels[[0, 0, 2]] = 5;
    let label = message(evaluate(a.view(), labels.view(), 4, [1.0; 3]).unwrap_err());
    assert!(
        label.contains("(4)") && label.contains("label 5 in 2 voxels of the reference"),
        "{label}"
    );
    let spacing = message(evaluate(a.view(), a.view(), 2, [1.0, -2.0, 1.0]).unwrap_err());
    assert!(spacing.contains("-2.0"), "{spacing}");
    let classes = evaluate(a.view(), a.view(), 1, [1.0; 3]).unwrap_err();
    assert_eq!(classes, MetricError::Classes { found: 1 });
    let mask = a.mapv(|voxel| voxel > 0);
    let tolerance = surface(&mask, &mask, [1.0; 3]).nsd(-1.0).unwrap_err();
    assert_eq!(tolerance, MetricError::Tolerance { found: -1.0 });
}

#[test]
fn classes_serialize_as_numbers_and_null_and_are_counted() {
    let mut prediction = Array3::<u8>::zeros((4, 4, 4));
    prediction.slice_mut(s![1..3, 1..3, 1..3]).fill(1);
    let mut reference = prediction.clone();
    reference[[0, 0, 0]] = 2;
    let classes = evaluate(prediction.view(), reference.view(), 4, [1.0; 3]).unwrap();
    assert_eq!(
        classes.iter().map(|class| class.label).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    let json = serde_json::to_value(&classes).unwrap();
    assert_eq!(json[0]["hd95_mm"], 0.0);
    assert_eq!(json[1]["dice"], 0.0);
    assert!(json[1]["hd95_mm"].is_null() && json[2]["dice"].is_null());
    let summary = aggregate(&classes);
    assert_eq!(summary.dice.mean, Some(0.5));
    assert_eq!(summary.dice.undefined.both_empty, 1);
    assert_eq!(
        (summary.assd_mm.defined, summary.assd_mm.undefined.total()),
        (1, 2)
    );
    let nothing: [ClassMetrics; 0] = [];
    assert_eq!(aggregate(&nothing).dice.mean, None);
}

#[test]
fn types_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<SurfaceDistances>();
    crosses::<Summary>();
    crosses::<MetricError>();
}

proptest! {
    /// Overlap and surfaces by plain loops over the voxels that are left.
    #[test]
    fn ignored_voxels_are_in_no_metric(p in masks(), r in masks(), ignored in masks()) {
        let spacing = [1.0, 0.7, 2.5];
        let mut reference = r.mapv(u8::from);
        reference.zip_mut_with(&ignored, |label, &out| if out { *label = 255 });
        let (found, prediction) = {
            let prediction = p.mapv(u8::from);
            let found = evaluate_without(prediction.view(), reference.view(), 255, 2, spacing);
            (found.unwrap()[0], prediction)
        };
        let left = |mask: &Array3<bool>| {
            let mut left = mask.clone();
            left.zip_mut_with(&ignored, |on, &out| *on &= !out);
            left
        };
        let (p, r) = (left(&p), left(&r));
        let count = |mask: &Array3<bool>| mask.iter().filter(|&&on| on).count() as f64;
        let both = p.iter().zip(&r).filter(|&(&p, &r)| p && r).count() as f64;
        if count(&p) + count(&r) == 0.0 {
            prop_assert_eq!(found.dice, Metric::Undefined(UndefinedReason::BothEmpty));
        } else {
            prop_assert_eq!(found.dice, Metric::Defined(2.0 * both / (count(&p) + count(&r))));
        }
        let (from, to) = (border_points(&p, spacing), border_points(&r, spacing));
        match (from.is_empty() || to.is_empty(), found.asd_mm) {
            (true, asd) => prop_assert!(matches!(asd, Metric::Undefined(_))),
            (false, asd) => {
                let distances = brute(&from, &to);
                let mean = distances.iter().sum::<f64>() / distances.len() as f64;
                prop_assert!((asd.value().unwrap() - mean).abs() < 1e-5);
                let pooled = percentile95([distances, brute(&to, &from)].concat());
                prop_assert!((found.hd95_mm.value().unwrap() - pooled).abs() < 1e-5);
            }
        }
        // Without ignored voxels nothing is masked.
        let plain = r.mapv(u8::from);
        let same = evaluate_without(prediction.view(), plain.view(), 255, 2, spacing).unwrap();
        prop_assert_eq!(same, evaluate(prediction.view(), plain.view(), 2, spacing).unwrap());
    }
}

/// The border of a disc in an image, by its pixels.
fn rim(radius: i32) -> Vec<[i32; 2]> {
    let inside = |x: i32, y: i32| (x - 32).pow(2) + (y - 32).pow(2) <= radius * radius;
    let pixels = (0..64).flat_map(|x| (0..64).map(move |y| [x, y]));
    let on_rim = |&[x, y]: &[i32; 2]| {
        let beside = [[x - 1, y], [x + 1, y], [x, y - 1], [x, y + 1]];
        inside(x, y) && beside.iter().any(|&[x, y]| !inside(x, y))
    };
    pixels.filter(on_rim).collect()
}

/// A scan of one slice is an image: its masks have no surface across the slice, whichever axis that is.
#[test]
fn masks_of_one_slice_are_compared_as_images() {
    let disc = |radius: i32, axis: usize| {
        let shape = [0, 1, 2].map(|a| if a == axis { 1 } else { 64 });
        Array3::from_shape_fn(shape, |(x, y, z)| {
            let mut at = vec![x as i32, y as i32, z as i32];
            at.remove(axis);
            (at[0] - 32).pow(2) + (at[1] - 32).pow(2) <= radius * radius
        })
    };
    let [small, large] = [rim(20), rim(25)];
    let nearest = |&[x, y]: &[i32; 2], others: &[[i32; 2]]| {
        let squared = others.iter().map(|[u, v]| (x - u).pow(2) + (y - v).pow(2));
        squared
            .min()
            .map_or(f64::NAN, |squared| f64::from(squared).sqrt())
    };
    let distances: Vec<f64> = small.iter().map(|pixel| nearest(pixel, &large)).collect();
    let expected = distances.iter().sum::<f64>() / distances.len() as f64;
    assert!((4.0..6.0).contains(&expected), "{expected}");
    for axis in 0..3 {
        let (small, large) = (disc(20, axis), disc(25, axis));
        let surface = SurfaceDistances::new(small.view(), large.view(), [1.0; 3]).unwrap();
        let Metric::Defined(found) = surface.asd() else {
            panic!("undefined");
        };
        assert!(
            (found - expected).abs() < 1e-5,
            "{axis}: {found} {expected}"
        );
    }
}

/// In single precision 0.3 is more than in double precision.
#[test]
fn a_distance_of_the_tolerance_is_within_it() {
    let mut p = Array3::from_elem((4, 3, 3), false);
    let mut r = p.clone();
    (p[[1, 1, 1]], r[[2, 1, 1]]) = (true, true);
    let found = surface(&p, &r, [0.3, 1.0, 1.0]);
    assert_eq!(found.nsd(0.3), Ok(Metric::Defined(1.0)));
    assert_eq!(found.nsd(0.299), Ok(Metric::Defined(0.0)));
}

/// A class within one slice of a volume is a thin structure, not an image; cutting the classes out must not confuse the two.
#[test]
fn classes_have_the_metrics_of_their_whole_masks() {
    let mut prediction = Array3::<u8>::zeros((6, 7, 5));
    let mut reference = prediction.clone();
    for (x, y) in [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3)] {
        prediction[[x, y, 3]] = 2;
        reference[[x + 1, y, 3]] = 2;
        prediction[[x, y, 0]] = 4;
    }
    reference[[5, 6, 4]] = 1;
    let spacing = [0.7, 1.0, 3.0];
    let found = evaluate(prediction.view(), reference.view(), 5, spacing).unwrap();
    for (class, label) in found.iter().zip(1..) {
        let [p, r] = [&prediction, &reference].map(|map| map.mapv(|voxel| voxel == label));
        let whole = surface(&p, &r, spacing);
        assert_eq!(class.label, label);
        assert_eq!(class.dice, whole.overlap().dice());
        assert_eq!(class.hd95_mm, whole.hd95());
        assert_eq!(class.asd_mm, whole.asd());
        assert_eq!(class.assd_mm, whole.assd());
    }
    assert!(found[1].asd_mm.value().is_some_and(|asd| asd > 0.0));
}
