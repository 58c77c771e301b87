//! Unit tests: fingerprints of scans.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::io::{read_volume, write_volume};
use crate::phantom::{PhantomConfig, PhantomKind, case};
use crate::preprocess::resample;
use crate::rng::{keyed, normal};
use crate::{Geometry, Image};
use ndarray::{Array3, s};

fn scan(index: u64) -> Volume {
    let config = PhantomConfig {
        shape: [60, 50, 40],
        ..PhantomConfig::of(PhantomKind::Abdomen)
    };
    case(&config, index).0
}

fn compare(a: &Volume, b: &Volume) -> Option<Match> {
    Fingerprint::of(a).compare(&Fingerprint::of(b))
}

/// An oblique geometry with axes in another order than the body's.
fn oblique(scan: Volume) -> Volume {
    let (s, c) = 0.2_f64.sin_cos();
    let affine = [
        [0.1, -0.7 * c, 2.0 * s, 5.0],
        [0.9, 0.05, 0.0, -6.0],
        [0.0, -0.7 * s, -2.0 * c, 7.0],
        [0.0, 0.0, 0.0, 1.0],
    ];
    Volume::new(scan.data, Geometry { affine })
}

#[test]
fn orientation_and_place_change_nothing() {
    for scan in [scan(0), oblique(scan(1))] {
        let print = Fingerprint::of(&scan);
        let present = Orientation::of(&scan.geometry);
        for letters in ["RAS", "LPS", "LAS", "PIR", "ASL", "SRA", "IPL"] {
            let turned = present
                .reorientation_to(letters.parse().unwrap())
                .volume(&scan);
            assert_eq!(Fingerprint::of(&turned), print, "{letters}");
            // As a view of an array in another order of memory, too.
            let fortran = turned.data.t().to_owned().reversed_axes();
            let moved = turned.geometry.translated([3.0, 4.0, 5.0]);
            assert_eq!(Fingerprint::of(&Volume::new(fortran, moved)), print);
        }
    }
}

#[test]
fn a_file_is_the_scan_and_its_voxels_and_spacing_are_exact() {
    let scan = oblique(scan(2));
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.nii", "b.nii.gz"] {
        write_volume(folder.path().join(name), &scan).unwrap();
        let read = read_volume(folder.path().join(name)).unwrap();
        assert_eq!(compare(&scan, &read), Some(Match::Exact));
    }
    let mut changed = scan.clone();
    changed.data[[3, 4, 5]] += 1.0;
    assert_eq!(compare(&scan, &changed), Some(Match::Alike));
    let thicker = Volume::new(scan.data.clone(), scan.geometry.scaled(1.01));
    assert_eq!(compare(&scan, &thicker), Some(Match::Alike));
    let rounded = Volume::new(scan.data.clone(), scan.geometry.scaled(1.0 + 1e-7));
    assert_eq!(compare(&scan, &rounded), Some(Match::Exact));
    let mut zeros = scan.clone();
    zeros.data.slice_mut(s![..5, .., ..]).fill(0.0);
    let mut negative = zeros.clone();
    negative.data.slice_mut(s![..5, .., ..]).fill(-0.0);
    assert_eq!(compare(&zeros, &negative), Some(Match::Exact));
}

#[test]
fn a_disguised_scan_is_alike_and_another_one_is_not() {
    for index in 0..4 {
        let scan = scan(index);
        let of = |data| Volume::new(data, scan.geometry);
        let mut rng = keyed(3, index, "noise");
        let by = |factor: f64| resample(&scan, scan.spacing().map(|side| side / factor)).unwrap();
        let [x, y, z] = scan.shape();
        let levels = |top: f32| of(scan.data.mapv(|x| ((x + 1000.0) / 1500.0 * top).round()));
        for disguised in [
            of(scan.data.mapv(|x| 0.01 * x + 5.0)),
            levels(255.0),
            levels(65535.0),
            of(scan.data.mapv(|x| x + 15.0 * normal(&mut rng))),
            of(scan.data.slice(s![3..x - 3, 3..y - 3, 3..z - 3]).to_owned()),
            by(0.9),
            by(1.1),
            Volume::new(by(1.1).data, Geometry::default()),
            // The orientation is lost: another program would see a mirrored patient.
            of(scan.data.slice(s![..;-1, ..;-1, ..]).to_owned()),
        ] {
            assert_eq!(compare(&scan, &disguised), Some(Match::Alike), "{index}");
            assert_eq!(compare(&disguised, &scan), Some(Match::Alike), "{index}");
        }
        let noise = |seed| {
            let mut rng = keyed(seed, index, "other");
            of(Array3::from_shape_simple_fn((x, y, z), || normal(&mut rng)))
        };
        assert_eq!(compare(&scan, &noise(1)), None);
        assert_eq!(compare(&noise(1), &noise(2)), None);
    }
    for (a, b) in [(0, 1), (0, 2), (1, 2), (2, 3)] {
        assert_eq!(compare(&scan(a), &scan(b)), None, "{a} and {b}");
    }
}

/// Slices of smooth noise.
fn slices(count: usize, seed: u64) -> Volume {
    let mut rng = keyed(seed, 0, "slices");
    let coarse = Array3::from_shape_simple_fn((25, 23, count), || normal(&mut rng));
    let coarse = Volume::new(coarse, Geometry::from_spacing([8.0, 8.0, 5.0]));
    let mut fine = resample(&coarse, [1.0, 1.0, 5.0]).unwrap();
    fine.data.mapv_inplace(|x| (100.0 + 40.0 * x).round());
    fine
}

/// Along one or two voxels there are no waves, whose signs would be those of rounding errors.
#[test]
fn disguised_slices_are_alike_and_other_slices_are_not() {
    for count in [1, 2] {
        let scan = slices(count, 0);
        let of = |data| Volume::new(data, scan.geometry);
        let mut rng = keyed(3, 0, "noise");
        let by = |side: f64| resample(&scan, [side, side, 5.0]).unwrap();
        let inner = scan.data.slice(s![3..197, 3..181, ..]).to_owned();
        for (name, disguised) in [
            ("scaled", of(scan.data.mapv(|x| (0.5 * x + 100.0).round()))),
            ("noise", of(scan.data.mapv(|x| x + 2.0 * normal(&mut rng)))),
            ("cropped", of(inner)),
            ("coarser", by(1.1)),
            ("finer", by(0.9)),
            (
                "mirrored",
                of(scan.data.slice(s![..;-1, ..;-1, ..]).to_owned()),
            ),
            (
                "stored as a sagittal slice",
                of(scan.data.view().permuted_axes([2, 0, 1]).to_owned()),
            ),
        ] {
            let prints = [&scan, &disguised].map(Fingerprint::of);
            let distance = prints[0].distance(&prints[1]);
            assert_eq!(
                prints[0].compare(&prints[1]),
                Some(Match::Alike),
                "{name}, {count} slices: {distance:?}"
            );
        }
        let prints: Vec<Fingerprint> = (0..8).map(|n| Fingerprint::of(&slices(count, n))).collect();
        for (n, a) in prints.iter().enumerate() {
            for b in &prints[..n] {
                let distance = a.distance(b);
                assert!(distance > Some(2 * Fingerprint::LIMIT), "{distance:?}");
            }
        }
    }
    let deep = Fingerprint::of(&slices(3, 0));
    assert_eq!(deep.distance(&Fingerprint::of(&slices(1, 0))), Some(126));
}

/// Too few voxels for a code: only equal ones count.
#[test]
fn a_changed_copy_of_a_line_is_not_found() {
    for shape in [(1, 40, 2), (1, 40, 12), (200, 1, 1)] {
        let data = Array3::from_shape_fn(shape, |(x, y, z)| ((x * 7 + y * 5 + z * z) % 11) as f32);
        let line = Volume::new(data, Geometry::default());
        let scaled = Volume::new(line.data.mapv(|x| 2.0 * x), line.geometry);
        assert_eq!(compare(&line, &line), Some(Match::Exact));
        assert_eq!(compare(&line, &scaled), None, "{shape:?}");
    }
}

#[test]
fn an_image_meets_another_by_the_channels_of_the_smaller_one() {
    let config = PhantomConfig {
        shape: [40, 40, 24],
        shape_jitter: [0; 3],
        ..PhantomConfig::of(PhantomKind::Atrium)
    };
    let channel = |index| case(&config, index).0;
    let image =
        |indices: &[u64]| Image::new(indices.iter().map(|&i| channel(i)).collect()).unwrap();
    let print = |indices: &[u64]| Fingerprint::of(&image(indices));
    let whole = print(&[0, 1, 2]);
    for part in [&[0, 1, 2][..], &[2, 0, 1], &[1], &[2, 0]] {
        assert_eq!(whole.compare(&print(part)), Some(Match::Exact), "{part:?}");
        assert_eq!(print(part).compare(&whole), Some(Match::Exact), "{part:?}");
    }
    // A channel that all scans share, such as an atlas, is none that tells.
    assert_eq!(whole.compare(&print(&[0, 7])), None);
    let mut scaled = image(&[0, 1]).into_channels();
    scaled[1].data.mapv_inplace(|x| 2.0 * x);
    let scaled = Fingerprint::of(&Image::new(scaled).unwrap());
    assert_eq!(whole.compare(&scaled), Some(Match::Alike));
    assert_eq!(print(&[0]), Fingerprint::of(&channel(0)));
}

#[test]
fn a_scan_of_one_intensity_meets_nothing() {
    let flat = |value| Volume::new(Array3::from_elem((30, 30, 30), value), Geometry::default());
    for blank in [
        flat(0.0),
        flat(0.1),
        Volume::new(Array3::zeros((0, 3, 3)), Geometry::default()),
    ] {
        let print = Fingerprint::of(&blank);
        assert_eq!(print.to_string(), "1:");
        assert_eq!(
            (print.compare(&print), print.distance(&print)),
            (None, None)
        );
        assert_eq!("1:".parse::<Fingerprint>().unwrap(), print);
    }
    let mut last = flat(0.0);
    last.data[[29, 29, 29]] = 1.0;
    assert_eq!(compare(&last, &last), Some(Match::Exact));
    // Equal averages of all cells tell nothing, so only equal voxels count.
    let board = |from: usize| {
        let data = Array3::from_shape_fn((32, 32, 32), |(x, y, z)| ((x + y + z + from) % 2) as f32);
        Volume::new(data, Geometry::default())
    };
    assert_eq!(compare(&board(0), &board(0)), Some(Match::Exact));
    assert_eq!(compare(&board(0), &board(1)), None);
    for shape in [(1, 1, 2), (1, 40, 3), (17, 2, 1)] {
        let data = Array3::from_shape_fn(shape, |(x, y, z)| (x * 7 + y * 5 + z) as f32);
        let small = Volume::new(data, Geometry::default());
        assert_eq!(compare(&small, &small), Some(Match::Exact));
    }
}

#[test]
fn text_goes_both_ways_and_everything_else_is_refused() {
    let print = Fingerprint::of(&Image::new(vec![oblique(scan(0)), oblique(scan(0))]).unwrap());
    let text = print.to_string();
    assert_eq!(
        (text.len(), &text[..2], &text[98..99]),
        (2 + 96 + 1 + 96, "1:", "+")
    );
    let json = serde_json::to_string(&print).unwrap();
    assert_eq!(json, format!("\"{text}\""));
    assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), print);
    for wrong in [
        "",
        "2:",
        &text[2..],
        &text[..97],
        &format!("{text}+"),
        &format!("{text}0"),
        &text.replace('+', "é"),
    ] {
        let message = wrong.parse::<Fingerprint>().unwrap_err().to_string();
        assert!(message.contains("96 hexadecimal digits"), "{message}");
        assert!(serde_json::from_str::<Fingerprint>(&format!("\"{wrong}\"")).is_err());
    }
}

/// What was written by an earlier version is still recognized.
#[test]
fn the_algorithm_has_not_changed_without_its_number() {
    let data = Array3::from_shape_fn((24, 20, 18), |(x, y, z)| {
        ((x * x + 3 * y * z + 7 * z) % 41) as f32
    });
    let volume = Volume::new(data, Geometry::from_spacing([0.8, 0.8, 2.0]));
    let earlier = "1:4435950377db90898526f729668fca542112417810328daf1422c46f5a0a0e063f1972f09032e97e7352c6716f7a1e94";
    let (found, earlier) = (
        Fingerprint::of(&volume),
        earlier.parse::<Fingerprint>().unwrap(),
    );
    assert_eq!(found.compare(&earlier), Some(Match::Exact), "{found}");
    // A cosine that is rounded otherwise may turn the sign of a sum near zero.
    assert!(found.distance(&earlier) <= Some(1), "{found}");
}

/// The codes are those of a script that follows the documented algorithm in 64 bits.
#[test]
fn the_codes_of_a_slice_are_the_documented_ones() {
    let data = Array3::from_shape_fn((40, 36, 1), |(x, y, _)| {
        ((x * x + 3 * x * y + 7 * y) % 41) as f32
    });
    let found = Fingerprint::of(&Volume::new(data, Geometry::default()));
    let codes = "81f98e5f4045228801eebc68b45ce4b988691e8f44f9e28973daae40d9016382";
    let text = format!("1:{:032x}{codes}", 0);
    let documented = text.parse::<Fingerprint>().unwrap();
    assert!(found.distance(&documented) <= Some(1), "{found}");
}
