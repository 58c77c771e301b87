//! Benchmark of distance transform, surface metrics and file reading, as `benches/peers/geometry.py` does for others.
//!
//! ```sh
//! cargo bench --bench geometry -- edt LA_FOLDER CASE 10
//! ```
//!
//! Arguments: `edt`, `metrics` or `read`, the folder of the LA data set, a case, repetitions. Prints
//! one line of JSON with the seconds of every repetition. `edt` is the distance of every voxel of the
//! case's label map to the background; `metrics` HD95, ASD and ASSD of the label map against itself
//! shifted by 3, 2 and 1 voxels; `read` ten images.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ndarray::{Array3, s};
use rayon::prelude::*;
use semivox::data::io::{read_labels, read_volume};
use semivox::metrics::SurfaceDistances;
use semivox::sdf::distance_transform;

const SPACING_MM: [f64; 3] = [0.625; 3];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let [what, root, case, repetitions] = arguments.as_slice() else {
        println!("usage: geometry edt|metrics|read LA_FOLDER CASE REPETITIONS");
        return Ok(());
    };
    let root = Path::new(root);
    let mask = read_labels(root.join(format!("labels/{case}.nii.gz")))?;
    let mask = mask.data.mapv(|label| label != 0);
    let moved = moved(&mask);
    let images = images(root)?;
    let mut seconds = Vec::new();
    for _ in 0..=repetitions.parse()? {
        let start = Instant::now();
        match what.as_str() {
            "edt" => assert!(distance_transform(mask.view(), SPACING_MM)[[0, 0, 0]] >= 0.0),
            "metrics" => {
                let distances = SurfaceDistances::new(moved.view(), mask.view(), SPACING_MM)?;
                let found = [distances.hd95(), distances.asd(), distances.assd()];
                assert!(found.iter().all(|metric| metric.value().is_some()));
            }
            _ => {
                let read: Result<Vec<_>, _> = images.par_iter().map(read_volume).collect();
                assert_eq!(read?.len(), images.len());
            }
        }
        seconds.push(start.elapsed().as_secs_f64());
    }
    let seconds: Vec<String> = seconds[1..].iter().map(|s| format!("{s:.6}")).collect();
    println!("{{\"seconds\": [{}]}}", seconds.join(", "));
    Ok(())
}

/// Returns the mask shifted by 3, 2 and 1 voxels.
fn moved(mask: &Array3<bool>) -> Array3<bool> {
    let (d, h, w) = mask.dim();
    let mut moved = Array3::from_elem(mask.dim(), false);
    let from = mask.slice(s![..d - 3, ..h - 2, ..w - 1]);
    moved.slice_mut(s![3.., 2.., 1..]).assign(&from);
    moved
}

/// Returns the paths of the first ten images of `train.list`.
fn images(root: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let list = std::fs::read_to_string(root.join("train.list"))?;
    let path = |id: &str| root.join(format!("images/{}.nii.gz", id.trim()));
    Ok(list.lines().take(10).map(path).collect())
}
