//! Means over cases and classes.

use serde::{Deserialize, Serialize};

use super::ClassEvaluation;

/// Means over the defined values; `None` where no value is defined.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Means {
    /// Dice coefficient.
    pub dice: Option<f64>,
    /// Jaccard index.
    pub jaccard: Option<f64>,
    /// Pooled 95th percentile distance, in mm.
    pub hd95_mm: Option<f64>,
    /// Larger of the directed 95th percentile distances, in mm.
    #[serde(default)]
    pub hd95_directed_max_mm: Option<f64>,
    /// Average surface distance, in mm.
    pub asd_mm: Option<f64>,
    /// Average symmetric surface distance, in mm.
    pub assd_mm: Option<f64>,
}

/// Number of pairs of case and class without a value, by metric.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndefinedCounts {
    /// Dice coefficient.
    pub dice: usize,
    /// Jaccard index.
    pub jaccard: usize,
    /// Pooled 95th percentile distance.
    pub hd95_mm: usize,
    /// Larger of the directed 95th percentile distances.
    #[serde(default)]
    pub hd95_directed_max_mm: usize,
    /// Average surface distance.
    pub asd_mm: usize,
    /// Average symmetric surface distance.
    pub assd_mm: usize,
}

/// Computes the mean of the finite values, and the number of values that are missing or not finite.
pub(super) fn mean_of(values: impl Iterator<Item = Option<f64>>) -> (Option<f64>, usize) {
    let (mut sum, mut defined, mut missing) = (0.0, 0_usize, 0);
    for value in values {
        match value {
            Some(value) if value.is_finite() => {
                sum += value;
                defined += 1;
            }
            _ => missing += 1,
        }
    }
    ((defined > 0).then(|| sum / defined as f64), missing)
}

/// Computes the means of any set of class metrics, and the numbers of undefined values.
pub fn summarize<'a>(
    classes: impl Iterator<Item = &'a ClassEvaluation> + Clone,
) -> (Means, UndefinedCounts) {
    let of = |field: fn(&ClassEvaluation) -> Option<f64>| mean_of(classes.clone().map(field));
    let dice = of(|class| class.dice);
    let jaccard = of(|class| class.jaccard);
    let hd95_mm = of(|class| class.hd95_mm);
    let hd95_directed_max_mm = of(|class| class.hd95_directed_max_mm);
    let asd_mm = of(|class| class.asd_mm);
    let assd_mm = of(|class| class.assd_mm);
    let means = Means {
        dice: dice.0,
        jaccard: jaccard.0,
        hd95_mm: hd95_mm.0,
        hd95_directed_max_mm: hd95_directed_max_mm.0,
        asd_mm: asd_mm.0,
        assd_mm: assd_mm.0,
    };
    let undefined = UndefinedCounts {
        dice: dice.1,
        jaccard: jaccard.1,
        hd95_mm: hd95_mm.1,
        hd95_directed_max_mm: hd95_directed_max_mm.1,
        asd_mm: asd_mm.1,
        assd_mm: assd_mm.1,
    };
    (means, undefined)
}
