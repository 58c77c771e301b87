//! Short-axis and abdomen phantoms: fixed values, difficulty and anatomy.

#![allow(clippy::unwrap_used)]

use ndarray::{ArrayView2, Axis};
use semivox_data::Geometry;
use semivox_data::layout::{self, Layout};
use semivox_data::phantom::{PhantomConfig, PhantomKind, case, write_dataset};
use semivox_data::{LabelMap, Orientation, Volume};

/// FNV-1a over the little-endian bytes of the image and the label map.
fn hash(image: &Volume, labels: &LabelMap) -> u64 {
    let voxels = image.data.iter().flat_map(|x| x.to_le_bytes());
    voxels
        .chain(labels.data.iter().copied())
        .fold(0xcbf2_9ce4_8422_2325, |hash, b| {
            (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
        })
}

/// The fraction of the voxels with the label.
fn share(labels: &LabelMap, label: u8) -> f64 {
    count(labels.data.iter().copied(), label) as f64 / labels.data.len() as f64
}

/// The best Dice of a class by a band between any two of 200 evenly ranked intensities.
fn best_band_dice(image: &Volume, labels: &LabelMap, label: u8) -> f64 {
    let mut voxels: Vec<(f32, u8)> = std::iter::zip(&image.data, &labels.data)
        .map(|(&x, &l)| (x, l))
        .collect();
    voxels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let bins: Vec<[usize; 2]> = voxels
        .chunks(voxels.len().div_ceil(200))
        .map(|bin| [bin.len(), count(bin.iter().map(|v| v.1), label)])
        .collect();
    let total = count(labels.data.iter().copied(), label);
    let mut best = 0.0_f64;
    for first in 0..bins.len() {
        let (mut found, mut hits) = (0, 0);
        for bin in &bins[first..] {
            (found, hits) = (found + bin[0], hits + bin[1]);
            best = best.max(2.0 * hits as f64 / (found + total) as f64);
        }
    }
    best
}

fn count(labels: impl Iterator<Item = u8>, label: u8) -> usize {
    labels.filter(|&l| l == label).count()
}

fn short_axis(index: u64) -> (Volume, LabelMap) {
    case(&PhantomConfig::of(PhantomKind::ShortAxis), index)
}

/// The number of voxels with a label in each slice.
fn areas(labels: &LabelMap, label: u8) -> Vec<usize> {
    let area = |slice: ArrayView2<'_, u8>| slice.iter().filter(|&&l| l == label).count();
    labels.data.axis_iter(Axis(2)).map(area).collect()
}

#[test]
fn a_seed_fixes_the_bytes_of_a_short_axis() {
    let (image, labels) = short_axis(3);
    assert_eq!(hash(&image, &labels), 4_722_981_146_554_395_958);
    assert_ne!(image.data, short_axis(4).0.data);
}

#[test]
fn no_band_of_intensities_finds_a_part_of_the_heart() {
    for index in 0..8 {
        let (image, labels) = short_axis(index);
        assert_eq!(labels.values(), [0, 1, 2, 3]);
        for label in 1..=3 {
            let (share, best) = (
                share(&labels, label),
                best_band_dice(&image, &labels, label),
            );
            println!("case {index} label {label}: share {share:.3} band Dice {best:.3}");
            assert!(
                (0.02..0.15).contains(&share),
                "case {index}: label {label} has {share}"
            );
            assert!(
                best < 0.6,
                "case {index}: label {label} is found with Dice {best}"
            );
        }
    }
}

#[test]
fn the_myocardium_encloses_the_left_ventricle() {
    for index in 0..8 {
        let labels = short_axis(index).1.data;
        let (xs, ys, zs) = labels.dim();
        for z in 0..zs {
            for (x, y) in (0..xs).flat_map(|x| (0..ys).map(move |y| (x, y))) {
                if labels[[x, y, z]] != 3 {
                    continue;
                }
                assert!((1..xs - 1).contains(&x) && (1..ys - 1).contains(&y));
                for near in [[x - 1, y, z], [x + 1, y, z], [x, y - 1, z], [x, y + 1, z]] {
                    assert!(labels[near] >= 2, "case {index}: {near:?}");
                }
            }
        }
    }
}

#[test]
fn ventricles_shrink_toward_the_apex_and_the_right_one_ends_first() {
    for index in 0..8 {
        let (_, labels) = short_axis(index);
        let last = |label| areas(&labels, label).iter().rposition(|&n| n > 0);
        assert!(last(1) < last(2), "case {index}");
        let left = areas(&labels, 3);
        let first = left.iter().position(|&n| n > 0).unwrap_or(0);
        assert!(
            left[first..].is_sorted_by(|a, b| *a as f64 >= 0.9 * *b as f64),
            "{left:?}"
        );
        let heart = areas(&labels, 2);
        assert!(
            2 * heart[last(2).unwrap_or(0)] < 3 * heart[first],
            "{heart:?}"
        );
    }
}

/// Positions in millimeters towards the patient's right, front and head of the voxels that are kept.
fn positions<'a, T>(
    voxels: &'a ndarray::Array3<T>,
    geometry: &'a Geometry,
    kept: impl Fn(&T) -> bool + 'a,
) -> impl Iterator<Item = [f64; 3]> + 'a {
    let found = voxels.indexed_iter().filter(move |(_, value)| kept(value));
    found.map(|((x, y, z), _)| geometry.position([x, y, z].map(|i| i as f64)))
}

/// The mean of positions.
fn middle(positions: impl Iterator<Item = [f64; 3]>) -> [f64; 3] {
    let all: Vec<[f64; 3]> = positions.collect();
    std::array::from_fn(|a| all.iter().map(|p| p[a]).sum::<f64>() / all.len() as f64)
}

/// Not a mirrored or turned one: the directions of the file are those of the drawing.
#[test]
fn the_anatomy_is_on_the_sides_that_the_file_tells() {
    for (kind, letters) in [
        (PhantomKind::Atrium, "LPS"),
        (PhantomKind::ShortAxis, "LPI"),
        (PhantomKind::Abdomen, "LPS"),
    ] {
        let (image, labels) = case(&PhantomConfig::of(kind), 0);
        assert_eq!(Orientation::of(&image.geometry).to_string(), letters);
        assert_eq!(image.geometry, labels.geometry);
        let last = image.shape().map(|n| n as f64 - 1.0);
        let ends = [[0.0; 3], last].map(|index| image.geometry.position(index));
        for (first, last) in std::iter::zip(ends[0], ends[1]) {
            assert_eq!(first.min(last), 0.0, "{kind:?}");
        }
    }
    for index in 0..4 {
        let (_, heart) = short_axis(index);
        let of = |label| {
            middle(positions(&heart.data, &heart.geometry, move |&l| {
                l == label
            }))
        };
        let (right, left) = (of(1), of(3));
        assert!(right[0] > left[0], "ventricles: {right:?} {left:?}");
        let (image, pancreas) = abdomen(index);
        let bone = middle(positions(&image.data, &image.geometry, |&x| x > 250.0));
        let gland = middle(positions(&pancreas.data, &pancreas.geometry, |&l| l == 1));
        assert!(
            bone[1] < gland[1],
            "the spine is behind: {bone:?} {gland:?}"
        );
        // The tail of the pancreas, its upper part, is on the left.
        let of_pancreas = || positions(&pancreas.data, &pancreas.geometry, |&l| l == 1);
        let tail = middle(of_pancreas().filter(|p| p[2] > gland[2]));
        assert!(tail[0] < gland[0], "{tail:?} {gland:?}");
    }
}

fn abdomen(index: u64) -> (Volume, LabelMap) {
    case(&PhantomConfig::of(PhantomKind::Abdomen), index)
}

#[test]
fn a_seed_fixes_the_bytes_of_an_abdomen() {
    let (image, labels) = abdomen(3);
    assert_eq!(hash(&image, &labels), 15_475_047_183_675_268_754);
    assert_ne!(image.data, abdomen(4).0.data);
}

#[test]
fn no_band_of_intensities_finds_the_pancreas() {
    for index in 0..6 {
        let (image, labels) = abdomen(index);
        assert_eq!(labels.values(), [0, 1]);
        let (share, best) = (share(&labels, 1), best_band_dice(&image, &labels, 1));
        println!("case {index}: share {share:.4} band Dice {best:.3}");
        assert!(
            (0.005..0.03).contains(&share),
            "case {index}: the label has {share}"
        );
        assert!(
            best < 0.4,
            "case {index}: the label is found with Dice {best}"
        );
    }
}

#[test]
fn intensities_are_hounsfield_units() {
    let (image, labels) = abdomen(0);
    let part = |range: std::ops::Range<f32>| {
        let inside = image.data.iter().filter(|x| range.contains(x)).count();
        inside as f64 / image.data.len() as f64
    };
    assert!(image.data.iter().all(|x| (-1024.0..=3071.0).contains(x)));
    assert!(
        part(-1024.0..-850.0) > 0.15,
        "air {}",
        part(-1024.0..-850.0)
    );
    assert!(part(-180.0..-30.0) > 0.1, "fat {}", part(-180.0..-30.0));
    assert!(part(250.0..900.0) > 0.02, "bone {}", part(250.0..900.0));
    let pancreas = std::iter::zip(&image.data, &labels.data).filter(|(_, l)| **l == 1);
    let values: Vec<f64> = pancreas.map(|(x, _)| f64::from(*x)).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    assert!((30.0..110.0).contains(&mean), "pancreas {mean}");
}

#[test]
fn shapes_vary_within_the_jitter() {
    for kind in PhantomKind::ALL {
        let config = PhantomConfig {
            shape: [10, 12, 6],
            shape_jitter: [3, 0, 2],
            ..PhantomConfig::of(kind)
        };
        let shapes: Vec<[usize; 3]> = (0..12).map(|i| case(&config, i).1.shape()).collect();
        let fits =
            |s: &[usize; 3]| (10..=13).contains(&s[0]) && s[1] == 12 && (6..=8).contains(&s[2]);
        assert!(shapes.iter().all(fits), "{shapes:?}");
        assert!(shapes.iter().any(|s| *s != shapes[0]));
    }
}

#[test]
fn a_data_set_of_every_kind_opens_with_its_classes() {
    for kind in PhantomKind::ALL {
        let root = tempfile::tempdir().unwrap();
        let config = PhantomConfig {
            shape: [24, 20, 8],
            ..PhantomConfig::of(kind)
        };
        write_dataset(root.path(), 2, 1, &config).unwrap();
        assert_eq!(layout::detect(root.path()).unwrap(), Layout::Folder);
        let dataset = layout::open(root.path()).unwrap();
        assert_eq!(dataset.classes, kind.classes());
        assert_eq!((dataset.labeled.len(), dataset.test.len()), (2, 1));
        let case = &dataset.labeled[1];
        let (image, _) = case.load_checked(dataset.classes.len()).unwrap();
        assert_eq!(case.id, "phantom_001");
        for (found, expected) in std::iter::zip(image.spacing(), config.spacing_mm) {
            assert!((found - expected).abs() < 1e-5);
        }
    }
}
