//! The metrics in the columns of tables.

use semivox_inference::evaluation::{Evaluation, Means, UndefinedCounts};

const DIRECTED: &str = "HD95&nbsp;max&nbsp;mm";

/// A metric: its name, whether larger is better, and its values.
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) best_high: bool,
    pub(super) mean: fn(&Means) -> Option<f64>,
    pub(super) undefined: fn(&UndefinedCounts) -> usize,
}

/// All metrics: fractions in percent, distances in mm.
const ALL: [Metric; 6] = [
    Metric {
        name: "Dice&nbsp;%",
        best_high: true,
        mean: |mean| Some(100.0 * mean.dice?),
        undefined: |counts| counts.dice,
    },
    Metric {
        name: "Jaccard&nbsp;%",
        best_high: true,
        mean: |mean| Some(100.0 * mean.jaccard?),
        undefined: |counts| counts.jaccard,
    },
    Metric {
        name: "HD95&nbsp;mm",
        best_high: false,
        mean: |mean| mean.hd95_mm,
        undefined: |counts| counts.hd95_mm,
    },
    Metric {
        name: DIRECTED,
        best_high: false,
        mean: |mean| mean.hd95_directed_max_mm,
        undefined: |counts| counts.hd95_directed_max_mm,
    },
    Metric {
        name: "ASD&nbsp;mm",
        best_high: false,
        mean: |mean| mean.asd_mm,
        undefined: |counts| counts.asd_mm,
    },
    Metric {
        name: "ASSD&nbsp;mm",
        best_high: false,
        mean: |mean| mean.assd_mm,
        undefined: |counts| counts.assd_mm,
    },
];

/// Returns the metrics of an evaluation: those made before the second convention of
/// HD95 was added lack it.
pub(super) fn metrics(evaluation: &Evaluation) -> Vec<&'static Metric> {
    let pooled = (evaluation.mean.hd95_mm).is_some();
    let directed = evaluation.mean.hd95_directed_max_mm.is_some();
    let known = |metric: &&Metric| directed || !pooled || metric.name != DIRECTED;
    ALL.iter().filter(known).collect()
}
