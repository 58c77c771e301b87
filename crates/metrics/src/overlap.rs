//! Dice and Jaccard coefficients.

use ndarray::{ArrayView3, Zip};

use crate::error::check_shapes;
use crate::{Metric, MetricError, UndefinedReason};

/// Voxel counts of two masks and their intersection, from which overlap metrics are computed.
///
/// # Examples
///
/// ```
/// use semivox_metrics::{Metric, Overlap};
///
/// let overlap = Overlap { prediction: 4, reference: 2, intersection: 2 };
/// assert_eq!(overlap.dice(), Metric::Defined(4.0 / 6.0));
/// assert_eq!(overlap.jaccard(), Metric::Defined(0.5));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overlap {
    /// Number of voxels of the prediction, `|P|`.
    pub prediction: usize,
    /// Number of voxels of the reference, `|R|`.
    pub reference: usize,
    /// Number of voxels in both, `|P ∩ R|`.
    pub intersection: usize,
}

impl Overlap {
    /// Counts the voxels of two masks.
    ///
    /// # Errors
    ///
    /// [`MetricError::Shape`] if the shapes differ.
    pub fn new(
        prediction: ArrayView3<'_, bool>,
        reference: ArrayView3<'_, bool>,
    ) -> Result<Self, MetricError> {
        check_shapes(&prediction, &reference)?;
        let mut counts = Self::default();
        Zip::from(prediction)
            .and(reference)
            .for_each(|&p, &r| counts.add(p, r));
        Ok(counts)
    }

    /// Adds a voxel to the counts of the masks it belongs to.
    fn add(&mut self, prediction: bool, reference: bool) {
        self.prediction += usize::from(prediction);
        self.reference += usize::from(reference);
        self.intersection += usize::from(prediction && reference);
    }

    /// The Dice coefficient `2 |P ∩ R| / (|P| + |R|)`; 0 if one mask is empty, undefined if both are.
    #[must_use]
    pub fn dice(&self) -> Metric {
        fraction(2 * self.intersection, self.prediction + self.reference)
    }

    /// The Jaccard index `|P ∩ R| / |P ∪ R|`; 0 if one mask is empty, undefined if both are.
    #[must_use]
    pub fn jaccard(&self) -> Metric {
        let union = self.prediction + self.reference - self.intersection;
        fraction(self.intersection, union)
    }

    /// The reason why surface distances are undefined, `None` if they are defined.
    pub(crate) fn no_distance(&self) -> Option<UndefinedReason> {
        UndefinedReason::of(self.prediction, self.reference)
    }
}

fn fraction(part: usize, whole: usize) -> Metric {
    if whole == 0 {
        Metric::Undefined(UndefinedReason::BothEmpty)
    } else {
        Metric::Defined(part as f64 / whole as f64)
    }
}

/// The Dice coefficient `2 |P ∩ R| / (|P| + |R|)` of two masks; 0 if one is empty, undefined if both are.
///
/// # Errors
///
/// [`MetricError::Shape`] if the shapes differ.
///
/// # Examples
///
/// ```
/// use ndarray::arr3;
/// use semivox_metrics::{Metric, dice};
///
/// let prediction = arr3(&[[[true, true, false]]]);
/// let reference = arr3(&[[[false, true, true]]]);
/// assert_eq!(dice(prediction.view(), reference.view())?, Metric::Defined(0.5));
/// # Ok::<(), semivox_metrics::MetricError>(())
/// ```
pub fn dice(
    prediction: ArrayView3<'_, bool>,
    reference: ArrayView3<'_, bool>,
) -> Result<Metric, MetricError> {
    Ok(Overlap::new(prediction, reference)?.dice())
}

/// The Jaccard index `|P ∩ R| / |P ∪ R|` of two masks; 0 if one is empty, undefined if both are.
///
/// # Errors
///
/// [`MetricError::Shape`] if the shapes differ.
///
/// # Examples
///
/// ```
/// use ndarray::arr3;
/// use semivox_metrics::{Metric, jaccard};
///
/// let prediction = arr3(&[[[true, true, false, false]]]);
/// let reference = arr3(&[[[false, true, true, true]]]);
/// assert_eq!(jaccard(prediction.view(), reference.view())?, Metric::Defined(0.25));
/// # Ok::<(), semivox_metrics::MetricError>(())
/// ```
pub fn jaccard(
    prediction: ArrayView3<'_, bool>,
    reference: ArrayView3<'_, bool>,
) -> Result<Metric, MetricError> {
    Ok(Overlap::new(prediction, reference)?.jaccard())
}
