//! Comparison with MedPy; the golden values are written by `scripts/goldens/metrics.py`.
//!
//! Real label maps are read from the folder in the environment variable `SEMIVOX_DATA`, or from
//! `shared/data` beside the workspace; without them the test says that it was skipped.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};

use ndarray::Array3;
use semivox_data::io::read_labels;
use semivox_metrics::{Metric, SurfaceDistances, evaluate};
use semivox_sdf::{Edge, border};
use serde::Deserialize;

#[derive(Deserialize)]
struct Goldens {
    synthetic: Vec<Synthetic>,
    real: Vec<Real>,
}

#[derive(Deserialize)]
struct Synthetic {
    shape: (usize, usize, usize),
    prediction: [[f64; 3]; 2],
    reference: [[f64; 3]; 2],
    metrics: Vec<Numbers>,
}

#[derive(Deserialize)]
struct Real {
    case: String,
    recipe: Recipe,
    metrics: Vec<Numbers>,
}

#[derive(Deserialize)]
struct Recipe {
    shift: [isize; 3],
    erode: usize,
    dilate: usize,
}

#[derive(Deserialize)]
struct Numbers {
    spacing: [f64; 3],
    dice: f64,
    jaccard: f64,
    hd95: f64,
    hd95_directed_max: f64,
    asd: f64,
    assd: f64,
    assd_pooled: f64,
}

impl Numbers {
    fn check(&self, prediction: &Array3<bool>, reference: &Array3<bool>) {
        let [p, r] = [prediction, reference].map(|mask| mask.mapv(u8::from));
        let found = evaluate(p.view(), r.view(), 2, self.spacing).unwrap()[0];
        assert_close("dice", found.dice, self.dice);
        assert_close("jaccard", found.jaccard, self.jaccard);
        assert_close("hd95", found.hd95_mm, self.hd95);
        let largest = found.hd95_directed_max_mm;
        assert_close("hd95_directed_max", largest, self.hd95_directed_max);
        assert_close("asd", found.asd_mm, self.asd);
        assert_close("assd", found.assd_mm, self.assd);
        let surface = SurfaceDistances::new(prediction.view(), reference.view(), self.spacing);
        let pooled = surface.unwrap().assd_pooled();
        assert_close("assd_pooled", pooled, self.assd_pooled);
    }
}

fn assert_close(name: &str, found: Metric, expected: f64) {
    let found = found.value().unwrap();
    let error = (found - expected).abs();
    assert!(error <= 1e-6 * expected, "{name}: {found} {expected}");
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("goldens/medpy.json")).unwrap()
}

fn ellipsoid(shape: (usize, usize, usize), [center, radii]: [[f64; 3]; 2]) -> Array3<bool> {
    let term = |i: usize, axis: usize| ((i as f64 - center[axis]) / radii[axis]).powi(2);
    Array3::from_shape_fn(shape, |(x, y, z)| {
        term(x, 0) + term(y, 1) + term(z, 2) <= 1.0
    })
}

fn perturbed(mask: &Array3<bool>, recipe: &Recipe) -> Array3<bool> {
    let mut result = Array3::from_shape_fn(mask.dim(), |(x, y, z)| {
        let [dx, dy, dz] = recipe.shift;
        let source = [(x, dx), (y, dy), (z, dz)].map(|(i, by)| i.wrapping_add_signed(-by));
        mask.get(source).copied().unwrap_or(false)
    });
    for _ in 0..recipe.erode {
        result = &result ^ &border(result.view(), Edge::Background);
    }
    for _ in 0..recipe.dilate {
        // Dilation is erosion of the complement, with the outside of the volume as complement.
        let outside = result.mapv(|on| !on);
        result = &result | &border(outside.view(), Edge::Ignored);
    }
    result
}

fn data() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    std::env::var_os("SEMIVOX_DATA").map_or(beside, PathBuf::from)
}

/// Says on standard error that a test was skipped; `.ci/run` counts these lines. libtest captures what `println!` and
/// `eprintln!` write, but not what is written to the stream itself.
fn skipped(test: &str, reason: &str) {
    let line = format!("skipped: {test} ({reason})\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

#[test]
fn ellipsoids_match_medpy() {
    for golden in goldens().synthetic {
        let prediction = ellipsoid(golden.shape, golden.prediction);
        let reference = ellipsoid(golden.shape, golden.reference);
        for numbers in golden.metrics {
            numbers.check(&prediction, &reference);
        }
    }
}

#[test]
fn real_label_maps_match_medpy() {
    let folder = data().join("la/labels");
    if !folder.is_dir() {
        let reason = format!("no real data at `{}`; set SEMIVOX_DATA", folder.display());
        return skipped("real_label_maps_match_medpy", &reason);
    }
    for golden in goldens().real {
        let path = folder.join(format!("{}.nii.gz", golden.case));
        let reference = read_labels(path).unwrap().data.mapv(|voxel| voxel > 0);
        let prediction = perturbed(&reference, &golden.recipe);
        for numbers in golden.metrics {
            numbers.check(&prediction, &reference);
        }
    }
}
