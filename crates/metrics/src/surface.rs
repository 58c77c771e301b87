//! Surface distances between two masks, and the metrics computed from them.

use ndarray::{Array3, ArrayView3};
use semivox_sdf::{Edge, border_by_axis, squared_distance_to};

use crate::crop::{Bounds, in_memory_order};
use crate::error::check_geometry;
use crate::percentile::percentile;
use crate::{Metric, MetricError, Overlap, UndefinedReason};

/// Relative slack of the tolerance check, since distances are stored as `f32`.
const ROUNDING: f64 = 1e-6;

/// Distances (mm) from each surface voxel of one mask to the nearest surface voxel of the other.
///
/// The surface of a mask is the mask minus its erosion with the six face neighbors; the outside of the
/// volume is background. Along an axis of one voxel there is no surface: masks of one slice are compared as images, as MedPy does
/// with arrays of two axes. Distances are measured between voxel centers:
///
/// | symbol | meaning |
/// |---|---|
/// | `P`, `R` | surface voxels of prediction and reference |
/// | `d(P, R)` | for each voxel of `P`, the distance to the nearest voxel of `R` |
///
/// Each direction takes one distance transform of the bounding box of both masks; all metrics share them.
///
/// # References
///
/// O. Maier, MedPy, `medpy.metric.binary`, version 0.5.
///
/// # Examples
///
/// ```
/// use ndarray::arr3;
/// use semivox_metrics::{Metric, SurfaceDistances};
///
/// let prediction = arr3(&[[[true, false, false, false]]]);
/// let reference = arr3(&[[[true, false, true, false]]]);
/// let surface = SurfaceDistances::new(prediction.view(), reference.view(), [1.0, 1.0, 2.0])?;
/// assert_eq!(surface.asd(), Metric::Defined(0.0));
/// assert_eq!(surface.assd(), Metric::Defined(1.0));
/// assert_eq!(surface.nsd(1.0)?, Metric::Defined(2.0 / 3.0));
/// # Ok::<(), semivox_metrics::MetricError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SurfaceDistances {
    distances: Result<Directions, UndefinedReason>,
    overlap: Overlap,
}

#[derive(Debug, Clone, PartialEq)]
struct Directions {
    /// `d(P, R)`
    to_reference: Vec<f32>,
    /// `d(R, P)`
    to_prediction: Vec<f32>,
}

impl SurfaceDistances {
    /// Computes the surface distances of two masks; spacing is in millimeters.
    ///
    /// # Shapes
    ///
    /// prediction and reference `[x, y, z]`, in any memory order.
    ///
    /// # Errors
    ///
    /// [`MetricError::Shape`] if the shapes differ, [`MetricError::Spacing`] if the spacing is not
    /// positive and finite. An empty mask is not an error: its metrics are undefined.
    pub fn new(
        prediction: ArrayView3<'_, bool>,
        reference: ArrayView3<'_, bool>,
        spacing: [f64; 3],
    ) -> Result<Self, MetricError> {
        check_geometry(&prediction, &reference, spacing)?;
        let (prediction, reference, spacing) = in_memory_order(prediction, reference, spacing);
        let (sides, bounds) = (
            reference.dim().into(),
            Bounds::of_union(&prediction, &reference),
        );
        let [prediction, reference] = [prediction, reference].map(|mask| bounds.crop(mask));
        Self::within(prediction, reference, sides, spacing)
    }

    /// Computes the distances of masks that are cut out of volumes of these sides around all of their voxels.
    pub(crate) fn within(
        prediction: ArrayView3<'_, bool>,
        reference: ArrayView3<'_, bool>,
        sides: [usize; 3],
        spacing: [f64; 3],
    ) -> Result<Self, MetricError> {
        let overlap = Overlap::new(prediction, reference)?;
        let distances = match overlap.no_distance() {
            Some(reason) => Err(reason),
            None => Ok(Directions::measure(prediction, reference, sides, spacing)),
        };
        Ok(Self { distances, overlap })
    }

    /// The voxel counts of the two masks, from which Dice and Jaccard are computed.
    #[must_use]
    pub fn overlap(&self) -> Overlap {
        self.overlap
    }

    /// HD95 pooled over both directions, as MedPy's `hd95`: the 95th percentile of `d(P, R)` and `d(R, P)`
    /// together, with linear interpolation.
    #[must_use]
    pub fn hd95(&self) -> Metric {
        self.metric(|both| {
            let pooled = [both.to_reference.as_slice(), &both.to_prediction].concat();
            percentile(pooled, 0.95)
        })
    }

    /// HD95 as the maximum of the two directed percentiles: `max(P95 d(P, R), P95 d(R, P))`.
    ///
    /// # Notes
    ///
    /// This is MONAI's convention. DeepMind's `surface-distance` also takes the larger direction, but
    /// weights each surface element by its area.
    #[must_use]
    pub fn hd95_directed_max(&self) -> Metric {
        self.metric(|both| {
            let directed = [&both.to_reference, &both.to_prediction];
            let [p, r] = directed.map(|distances| percentile(distances.clone(), 0.95));
            p.max(r)
        })
    }

    /// Average surface distance from prediction to reference, as MedPy's `asd`: `mean d(P, R)`.
    #[must_use]
    pub fn asd(&self) -> Metric {
        self.metric(|both| mean(&both.to_reference))
    }

    /// Average symmetric surface distance, as the mean of the two directed means:
    /// `(mean d(P, R) + mean d(R, P)) / 2`.
    ///
    /// # Notes
    ///
    /// Both surfaces have equal weight, whatever their sizes. Earlier versions of MedPy used this definition;
    /// `assd` of MedPy 0.5 is [`Self::assd_pooled`].
    #[must_use]
    pub fn assd(&self) -> Metric {
        self.metric(|both| 0.5 * (mean(&both.to_reference) + mean(&both.to_prediction)))
    }

    /// Average symmetric surface distance pooled over both directions, as `assd` of MedPy 0.5: every surface
    /// voxel has equal weight.
    #[must_use]
    pub fn assd_pooled(&self) -> Metric {
        self.metric(|both| {
            let [p, r] = [&both.to_reference, &both.to_prediction].map(|all| all.len() as f64);
            (p * mean(&both.to_reference) + r * mean(&both.to_prediction)) / (p + r)
        })
    }

    /// Normalized surface distance (surface Dice): the fraction of the voxels of both surfaces that are
    /// within `tolerance_mm` of the other surface.
    ///
    /// ```text
    /// NSD = (#{d(P, R) <= t} + #{d(R, P) <= t}) / (|P| + |R|)
    /// ```
    ///
    /// As for Dice, one empty mask gives 0; two empty masks are undefined.
    ///
    /// # Errors
    ///
    /// [`MetricError::Tolerance`] if the tolerance is negative or not a number.
    pub fn nsd(&self, tolerance_mm: f64) -> Result<Metric, MetricError> {
        if tolerance_mm.is_nan() || tolerance_mm < 0.0 {
            return Err(MetricError::Tolerance {
                found: tolerance_mm,
            });
        }
        Ok(match &self.distances {
            Ok(both) => Metric::Defined(both.share_within(tolerance_mm * (1.0 + ROUNDING))),
            Err(UndefinedReason::BothEmpty) => Metric::Undefined(UndefinedReason::BothEmpty),
            Err(_) => Metric::Defined(0.0),
        })
    }

    fn metric(&self, value: impl FnOnce(&Directions) -> f64) -> Metric {
        match &self.distances {
            Ok(both) => Metric::Defined(value(both)),
            Err(reason) => Metric::Undefined(*reason),
        }
    }
}

impl Directions {
    fn measure(
        prediction: ArrayView3<'_, bool>,
        reference: ArrayView3<'_, bool>,
        sides: [usize; 3],
        spacing: [f64; 3],
    ) -> Self {
        // A scan of one slice is an image, whose masks have no surface across it.
        let flat = |side: usize| side == 1 && sides != [1; 3];
        let edges = sides.map(|side| match flat(side) {
            true => Edge::Ignored,
            false => Edge::Background,
        });
        let surface = |mask| border_by_axis(mask, edges);
        let (p, r) = rayon::join(|| surface(prediction), || surface(reference));
        let (to_reference, to_prediction) =
            rayon::join(|| distances(&p, &r, spacing), || distances(&r, &p, spacing));
        Self {
            to_reference,
            to_prediction,
        }
    }

    fn share_within(&self, tolerance: f64) -> f64 {
        let directed = [&self.to_reference, &self.to_prediction];
        let all: usize = directed.iter().map(|distances| distances.len()).sum();
        let near = directed.into_iter().flatten();
        near.filter(|&&mm| f64::from(mm) <= tolerance).count() as f64 / all as f64
    }
}

/// For each voxel of `from`, the distance to the nearest voxel of `to`.
fn distances(from: &Array3<bool>, to: &Array3<bool>, spacing: [f64; 3]) -> Vec<f32> {
    let squared = squared_distance_to(to.view(), spacing);
    let on = squared.iter().zip(from).filter(|&(_, &on)| on);
    on.map(|(mm2, _)| mm2.sqrt()).collect()
}

fn mean(distances: &[f32]) -> f64 {
    distances.iter().copied().map(f64::from).sum::<f64>() / distances.len() as f64
}
