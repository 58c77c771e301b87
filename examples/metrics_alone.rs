//! Computes metrics and signed distance maps of two label maps in millimeters, without a network and without Burn.
//!
//! ```sh
//! cargo run --release --example metrics_alone
//! ```

use ndarray::Array3;
use semivox_metrics::{MetricError, SurfaceDistances, aggregate, evaluate};
use semivox_sdf::{Connectivity, SignedDistance, connected_components, signed_distance_map};

/// Voxel spacing with thick slices, as in cine MR.
const SPACING_MM: [f64; 3] = [1.5, 1.5, 5.0];

fn main() -> Result<(), MetricError> {
    // Class 1 is a ball, which the prediction shifts by 3 mm along x and adds a second, false ball to; class 2 is a
    // smaller ball, which the prediction misses.
    let reference = label_map([(1, [60.0; 3], 25.0), (2, [120.0, 60.0, 60.0], 12.0)]);
    let prediction = label_map([(1, [63.0, 60.0, 60.0], 25.0), (1, [20.0; 3], 10.0)]);

    let classes = evaluate(prediction.view(), reference.view(), 3, SPACING_MM)?;
    for class in &classes {
        println!("class {}: Dice {:.3}", class.label, class.dice);
        println!("  ASD in mm: {:.2}", class.asd_mm);
        println!("  HD95 in mm, as MedPy: {:.2}", class.hd95_mm);
        println!("  and as MONAI: {:.2}", class.hd95_directed_max_mm);
    }
    // Undefined values are counted, never taken as 0.
    let distance = aggregate(&classes).hd95_mm;
    if let Some(mean) = distance.mean {
        let (defined, undefined) = (distance.defined, distance.undefined.total());
        println!("mean HD95 {mean:.2} mm: {defined} defined, {undefined} undefined");
    }

    // Normalized surface distance (NSD) of one class: the share of both surfaces within 3 mm of the other.
    let [found, drawn] = [&prediction, &reference].map(|map| map.mapv(|label| label == 1));
    let surface = SurfaceDistances::new(found.view(), drawn.view(), SPACING_MM)?;
    println!("NSD at 3 mm {:.3}", surface.nsd(3.0)?);

    // Signed distance map, negative inside: the regression target of SimCVD and DTC.
    let map = signed_distance_map(drawn.view(), SPACING_MM, SignedDistance::Millimeters);
    let lowest = map.fold(f32::INFINITY, |a, &b| a.min(b));
    println!("the middle of class 1 lies {:.1} mm deep", -lowest);
    let pieces = connected_components(found.view(), Connectivity::Corners26);
    println!("the prediction has pieces of {:?} voxels", pieces.sizes);
    Ok(())
}

/// Returns a label map of balls, given by label, center and radius in millimeters.
fn label_map<const N: usize>(balls: [(u8, [f64; 3], f64); N]) -> Array3<u8> {
    Array3::from_shape_fn((100, 80, 24), |(x, y, z)| {
        let at = [x as f64, y as f64, z as f64];
        let within = |center: [f64; 3], radius: f64| {
            let squared = |a: usize| (at[a] * SPACING_MM[a] - center[a]).powi(2);
            (0..3).map(squared).sum::<f64>() <= radius * radius
        };
        let ball = balls.iter().find(|ball| within(ball.1, ball.2));
        ball.map_or(0, |ball| ball.0)
    })
}
