//! Means over cases, with counts of undefined values.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{ClassMetrics, Metric, UndefinedReason};

/// Number of undefined values by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct UndefinedCounts {
    /// The prediction was empty, the reference was not.
    pub prediction_empty: usize,
    /// The reference was empty, the prediction was not.
    pub reference_empty: usize,
    /// Both were empty.
    pub both_empty: usize,
}

impl UndefinedCounts {
    /// The total over all reasons.
    #[must_use]
    pub fn total(&self) -> usize {
        self.prediction_empty + self.reference_empty + self.both_empty
    }

    fn add(&mut self, reason: UndefinedReason) {
        *match reason {
            UndefinedReason::PredictionEmpty => &mut self.prediction_empty,
            UndefinedReason::ReferenceEmpty => &mut self.reference_empty,
            UndefinedReason::BothEmpty => &mut self.both_empty,
        } += 1;
    }
}

/// The mean of a metric over the entries where it is defined.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MetricSummary {
    /// The mean over the defined values; `None` (null) if there are none.
    pub mean: Option<f64>,
    /// The number of defined values.
    pub defined: usize,
    /// The number of undefined values, by reason.
    pub undefined: UndefinedCounts,
}

impl MetricSummary {
    /// Averages the defined values and counts the undefined ones.
    ///
    /// # Examples
    ///
    /// ```
    /// use semivox_metrics::{Metric, MetricSummary, UndefinedReason};
    ///
    /// let undefined = Metric::Undefined(UndefinedReason::PredictionEmpty);
    /// let summary = MetricSummary::new([Metric::Defined(1.0), undefined, Metric::Defined(2.0)]);
    /// assert_eq!(summary.mean, Some(1.5));
    /// assert_eq!(summary.undefined.prediction_empty, 1);
    /// ```
    pub fn new(metrics: impl IntoIterator<Item = Metric>) -> Self {
        let (mut sum, mut defined) = (0.0, 0);
        let mut undefined = UndefinedCounts::default();
        for metric in metrics {
            match metric {
                Metric::Defined(value) => {
                    sum += value;
                    defined += 1;
                }
                Metric::Undefined(reason) => undefined.add(reason),
            }
        }
        Self {
            mean: (defined > 0).then(|| sum / defined as f64),
            defined,
            undefined,
        }
    }
}

/// A summary of each metric in [`ClassMetrics`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Dice.
    pub dice: MetricSummary,
    /// Jaccard.
    pub jaccard: MetricSummary,
    /// Pooled HD95.
    pub hd95_mm: MetricSummary,
    /// HD95 as the maximum of the directed percentiles.
    pub hd95_directed_max_mm: MetricSummary,
    /// Average surface distance from prediction to reference.
    pub asd_mm: MetricSummary,
    /// Average symmetric surface distance.
    pub assd_mm: MetricSummary,
}

/// Averages each metric over all entries (cases and classes alike) where it is defined.
///
/// # Examples
///
/// ```
/// use ndarray::arr3;
/// use semivox_metrics::{aggregate, evaluate};
///
/// let prediction = arr3(&[[[1_u8, 0]]]);
/// let reference = arr3(&[[[1_u8, 2]]]);
/// let classes = evaluate(prediction.view(), reference.view(), 3, [1.0; 3])?;
/// let summary = aggregate(&classes);
/// assert_eq!(summary.dice.mean, Some(0.5));
/// assert_eq!(summary.hd95_mm.mean, Some(0.0));
/// assert_eq!(summary.hd95_mm.undefined.prediction_empty, 1);
/// # Ok::<(), semivox_metrics::MetricError>(())
/// ```
pub fn aggregate<'a>(entries: impl IntoIterator<Item = &'a ClassMetrics>) -> Summary {
    let entries: Vec<&ClassMetrics> = entries.into_iter().collect();
    let over = |metric: fn(&ClassMetrics) -> Metric| {
        MetricSummary::new(entries.iter().map(|entry| metric(entry)))
    };
    Summary {
        dice: over(|entry| entry.dice),
        jaccard: over(|entry| entry.jaccard),
        hd95_mm: over(|entry| entry.hd95_mm),
        hd95_directed_max_mm: over(|entry| entry.hd95_directed_max_mm),
        asd_mm: over(|entry| entry.asd_mm),
        assd_mm: over(|entry| entry.assd_mm),
    }
}

/// Averages each metric per label; see [`aggregate`].
///
/// # Examples
///
/// ```
/// use ndarray::arr3;
/// use semivox_metrics::{aggregate_by_label, evaluate};
///
/// let prediction = arr3(&[[[1_u8, 0]]]);
/// let reference = arr3(&[[[1_u8, 2]]]);
/// let classes = evaluate(prediction.view(), reference.view(), 3, [1.0; 3])?;
/// let summaries = aggregate_by_label(&classes);
/// assert_eq!(summaries[&1].dice.mean, Some(1.0));
/// assert_eq!(summaries[&2].dice.mean, Some(0.0));
/// # Ok::<(), semivox_metrics::MetricError>(())
/// ```
pub fn aggregate_by_label<'a>(
    entries: impl IntoIterator<Item = &'a ClassMetrics>,
) -> BTreeMap<u8, Summary> {
    let mut by_label: BTreeMap<u8, Vec<&ClassMetrics>> = BTreeMap::new();
    for entry in entries {
        by_label.entry(entry.label).or_default().push(entry);
    }
    by_label
        .into_iter()
        .map(|(label, entries)| (label, aggregate(entries)))
        .collect()
}
