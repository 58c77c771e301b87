//! Segments a scan with a trained model and prints the volume of every structure.
//!
//! ```sh
//! cargo run --release --example segment -- runs/mine scan.nii.gz labels.nii.gz
//! ```

use std::process::ExitCode;

use semivox::data::io;
use semivox::inference::{InferenceError, Model, device};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, scan, out] = arguments.as_slice() else {
        eprintln!(
            "expected MODEL SCAN OUT, found {} arguments",
            arguments.len()
        );
        return ExitCode::from(2);
    };
    match segment(model, scan, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn segment(model: &str, scan: &str, out: &str) -> Result<(), InferenceError> {
    let model = Model::open_on(model, &device::by_name("cpu")?)?;
    let scan = io::read_volume(scan)?;
    // `model.segment(&scan)` combines these three steps.
    let prepared = model.prepare(&scan)?;
    let probabilities = model.probabilities(&prepared)?;
    let labels = model.labels(&prepared, probabilities.view())?;

    let voxel_ml = labels.geometry.spacing().iter().product::<f64>() / 1e3;
    for (class, name) in model.classes().iter().enumerate().skip(1) {
        let voxels = labels
            .data
            .iter()
            .filter(|&&label| usize::from(label) == class)
            .count();
        let certain = probabilities.outer_iter().nth(class);
        let largest = certain.map_or(0.0, |map| map.fold(0.0, |a: f32, &b| a.max(b)));
        println!(
            "{name}: {:.1} ml, largest probability {largest:.3}",
            voxels as f64 * voxel_ml
        );
    }
    // With the label values of the training data, where they are not 0, 1, 2, ….
    model.description().write_labels(out, &labels)
}
