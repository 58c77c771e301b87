//! All metrics for all classes of two label maps.

use ndarray::parallel::prelude::*;
use ndarray::{ArrayView3, Zip};
use serde::Serialize;

use crate::crop::{Bounds, in_memory_order};
use crate::error::check_geometry;
use crate::{LabelSource, Metric, MetricError, SurfaceDistances};

/// The metrics of one class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClassMetrics {
    /// The label of the class.
    pub label: u8,
    /// Dice, see [`crate::dice`].
    pub dice: Metric,
    /// Jaccard, see [`crate::jaccard`].
    pub jaccard: Metric,
    /// Pooled HD95, see [`SurfaceDistances::hd95`].
    pub hd95_mm: Metric,
    /// HD95 as the maximum of the directed percentiles, see [`SurfaceDistances::hd95_directed_max`].
    pub hd95_directed_max_mm: Metric,
    /// Average surface distance from prediction to reference, see [`SurfaceDistances::asd`].
    pub asd_mm: Metric,
    /// Average symmetric surface distance, see [`SurfaceDistances::assd`].
    pub assd_mm: Metric,
}

impl ClassMetrics {
    fn new(label: u8, surface: &SurfaceDistances) -> Self {
        Self {
            label,
            dice: surface.overlap().dice(),
            jaccard: surface.overlap().jaccard(),
            hd95_mm: surface.hd95(),
            hd95_directed_max_mm: surface.hd95_directed_max(),
            asd_mm: surface.asd(),
            assd_mm: surface.assd(),
        }
    }
}

/// Compares two label maps class by class, without the background (label 0).
///
/// `classes` includes the background; spacing is in millimeters. The result holds one entry for each of
/// the labels `1..classes`, in this order.
///
/// # Shapes
///
/// prediction and reference `[x, y, z]`, in any memory order.
///
/// # Errors
///
/// [`MetricError::Shape`] if the shapes differ, [`MetricError::Label`] if a label is not below
/// `classes`, [`MetricError::Spacing`] if the spacing is not positive and finite,
/// [`MetricError::Classes`] if `classes` is not in `2..=256`.
///
/// # Examples
///
/// ```
/// use ndarray::arr3;
/// use semivox_metrics::{Metric, evaluate};
///
/// let prediction = arr3(&[[[0_u8, 1, 1, 0, 0]]]);
/// let reference = arr3(&[[[0_u8, 0, 1, 1, 0]]]);
/// let found = evaluate(prediction.view(), reference.view(), 3, [1.0, 1.0, 2.5])?;
/// assert_eq!(found[0].dice, Metric::Defined(0.5));
/// assert_eq!(found[0].asd_mm, Metric::Defined(1.25));
/// assert_eq!(found[1].dice.to_string(), "undefined (prediction and reference are empty)");
/// # Ok::<(), semivox_metrics::MetricError>(())
/// ```
pub fn evaluate(
    prediction: ArrayView3<'_, u8>,
    reference: ArrayView3<'_, u8>,
    classes: usize,
    spacing: [f64; 3],
) -> Result<Vec<ClassMetrics>, MetricError> {
    check_geometry(&prediction, &reference, spacing)?;
    let last = match classes {
        2..=256 => (classes - 1) as u8,
        _ => return Err(MetricError::Classes { found: classes }),
    };
    check_labels(&prediction, last, LabelSource::Prediction)?;
    check_labels(&reference, last, LabelSource::Reference)?;
    let (prediction, reference, spacing) = in_memory_order(prediction, reference, spacing);
    let (sides, bounds) = (
        reference.dim().into(),
        Bounds::of_labels(&prediction, &reference),
    );
    (1..=last)
        .into_par_iter()
        .map(|label| {
            // Whole masks of many classes would need more memory than the scan, most of it for background.
            let inside = &bounds[usize::from(label)];
            let mask = |map| inside.crop(map).mapv(|voxel| voxel == label);
            let [p, r] = [prediction, reference].map(mask);
            let surface = SurfaceDistances::within(p.view(), r.view(), sides, spacing)?;
            Ok(ClassMetrics::new(label, &surface))
        })
        .collect()
}

/// Like [`evaluate`], without the voxels that the reference marks as `ignored`, such as those that nobody has drawn.
///
/// They are taken out of prediction and reference before any metric: what is left of a structure has its surface where
/// ignored voxels begin, in both, so that the cut itself is no distance.
///
/// # Errors
///
/// As for [`evaluate`]; the prediction may not hold `ignored` elsewhere.
///
/// # Examples
///
/// ```
/// use ndarray::arr3;
/// use semivox_metrics::{Metric, evaluate_without};
///
/// let prediction = arr3(&[[[0_u8, 1, 1, 0, 1]]]);
/// let reference = arr3(&[[[0_u8, 0, 1, 1, 255]]]);
/// let found = evaluate_without(prediction.view(), reference.view(), 255, 2, [1.0; 3])?;
/// assert_eq!(found[0].dice, Metric::Defined(0.5));
/// # Ok::<(), semivox_metrics::MetricError>(())
/// ```
pub fn evaluate_without(
    prediction: ArrayView3<'_, u8>,
    reference: ArrayView3<'_, u8>,
    ignored: u8,
    classes: usize,
    spacing: [f64; 3],
) -> Result<Vec<ClassMetrics>, MetricError> {
    check_geometry(&prediction, &reference, spacing)?;
    if !reference.iter().any(|&label| label == ignored) {
        return evaluate(prediction, reference, classes, spacing);
    }
    let keep = |label: u8, drawn: u8| if drawn == ignored { 0 } else { label };
    let [prediction, reference] = [prediction, reference].map(|map| {
        Zip::from(map)
            .and(reference)
            .map_collect(|&label, &drawn| keep(label, drawn))
    });
    evaluate(prediction.view(), reference.view(), classes, spacing)
}

fn check_labels(
    map: &ArrayView3<'_, u8>,
    last: u8,
    source_map: LabelSource,
) -> Result<(), MetricError> {
    if map.fold(0, |largest: u8, &voxel| largest.max(voxel)) <= last {
        return Ok(());
    }
    let beyond = map.iter().copied().filter(|&voxel| voxel > last);
    let label = beyond.fold(u8::MAX, u8::min);
    Err(MetricError::Label {
        source_map,
        label,
        voxels: map.iter().filter(|&&voxel| voxel == label).count(),
        classes: usize::from(last) + 1,
    })
}
