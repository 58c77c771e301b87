//! Results of an evaluation, which `evaluation.json` stores with their protocol.

mod files;
mod summary;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use summary::mean_of;
pub use summary::{Means, UndefinedCounts, summarize};

/// An evaluation on test cases, as `evaluation.json` stores it.
///
/// Dice and Jaccard are fractions in 0..1, distances are in mm. A metric that is undefined is `None`, `null` in the file:
/// distances where one of the two masks is empty, Dice and Jaccard only where both are.
///
/// # Examples
///
/// ```
/// use semivox_inference::evaluation::*;
///
/// let class = |dice, hd95_mm| ClassEvaluation {
///     label: 1, dice: Some(dice), jaccard: None, hd95_mm, hd95_directed_max_mm: None, asd_mm: None,
///     assd_mm: None,
/// };
/// let case = |id: &str, class| CaseEvaluation { id: id.into(), classes: vec![class], seen: None };
/// let evaluation = Evaluation::new(
///     Protocol::default(),
///     vec![case("a", class(0.8, Some(4.0))), case("b", class(0.6, None))],
/// );
/// assert_eq!(evaluation.mean.dice, Some(0.7));
/// assert_eq!(evaluation.mean.hd95_mm, Some(4.0)); // over the defined values ...
/// assert_eq!(evaluation.undefined.hd95_mm, 1); // ... and counted where not
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Protocol of the evaluation.
    pub protocol: Protocol,
    /// One entry per case.
    pub cases: Vec<CaseEvaluation>,
    /// Means over all pairs of case and class for which a metric is defined.
    pub mean: Means,
    /// Number of pairs of case and class that each mean leaves out.
    pub undefined: UndefinedCounts,
    /// Means over the cases that are known not to be [`seen`](CaseEvaluation::seen), if some are seen and some are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_unseen: Option<Means>,
    /// Cases that could not be evaluated, which the means leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedCase>,
    /// Names of references without a prediction, which the means leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_predicted: Vec<String>,
}

/// A case that could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedCase {
    /// Name of the case.
    pub id: String,
    /// The error.
    pub error: String,
}

/// The protocol of an evaluation: how the model was trained and evaluated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Protocol {
    /// The training method, by name.
    pub method: String,
    /// Name of the preset.
    pub preset: String,
    /// Number of labeled training cases.
    #[serde(default)]
    pub labeled: Option<usize>,
    /// Number of patients that have these cases, if patients have several, as in ACDC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labeled_units: Option<usize>,
    /// Seed of the run.
    pub seed: u64,
    /// Number of training steps over all stages.
    pub iterations: u64,
    /// The checkpoint that was evaluated.
    pub checkpoint: String,
    /// Postprocessing of the predicted labels, or "none".
    pub postprocessing: String,
    /// Spacing to which scans were resampled for the network, in mm; `None` for each case's own.
    pub spacing_mm: Option<[f64; 3]>,
    /// Width and height to which slices were resampled for the network, in pixels, if they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice_size: Option<[usize; 2]>,
    /// Source revision, where known.
    pub commit: Option<String>,
    /// Name of the device.
    pub device: String,
    /// Test cases whose scan or patient is in the training data, in one sentence, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaks: Option<String>,
}

/// The metrics of one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseEvaluation {
    /// Name of the case.
    pub id: String,
    /// One entry per foreground class.
    pub classes: Vec<ClassEvaluation>,
    /// Whether its scan or patient is in the training data; `None` if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<bool>,
}

impl CaseEvaluation {
    /// Returns the mean Dice over the classes for which it is defined.
    ///
    /// # Examples
    ///
    /// ```
    /// use semivox_inference::evaluation::CaseEvaluation;
    ///
    /// let case = CaseEvaluation { id: "a".into(), classes: vec![], seen: None };
    /// assert_eq!(case.mean_dice(), None);
    /// ```
    pub fn mean_dice(&self) -> Option<f64> {
        mean_of(self.classes.iter().map(|class| class.dice)).0
    }
}

/// The metrics of one class in one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassEvaluation {
    /// The class index, from 1; in a comparison of two folders, the voxel value in the references.
    pub label: u32,
    /// Dice coefficient.
    pub dice: Option<f64>,
    /// Jaccard index.
    pub jaccard: Option<f64>,
    /// 95th percentile of the pooled surface distances, in mm.
    pub hd95_mm: Option<f64>,
    /// The larger of the two directions' 95th percentiles, in mm: the other convention of HD95.
    #[serde(default)]
    pub hd95_directed_max_mm: Option<f64>,
    /// Mean distance from predicted to reference surface, in mm.
    pub asd_mm: Option<f64>,
    /// Mean of the two directed mean distances, in mm.
    pub assd_mm: Option<f64>,
}

impl Evaluation {
    /// Creates an evaluation from the metrics of its cases, with their means.
    pub fn new(protocol: Protocol, cases: Vec<CaseEvaluation>) -> Self {
        let (mean, undefined) = summarize(cases.iter().flat_map(|case| &case.classes));
        Self {
            protocol,
            cases,
            mean,
            undefined,
            mean_unseen: None,
            failed: Vec::new(),
            not_predicted: Vec::new(),
        }
    }

    /// Returns the means of each class over the cases, by label.
    pub fn mean_by_class(&self) -> BTreeMap<u32, Means> {
        let all = || self.cases.iter().flat_map(|case| &case.classes);
        let labels: BTreeSet<u32> = all().map(|class| class.label).collect();
        let mean = |label| summarize(all().filter(move |class| class.label == label)).0;
        (labels.into_iter())
            .map(|label| (label, mean(label)))
            .collect()
    }

    /// Marks further cases whose scan or patient is in the training data, given a sentence on each by the name of the
    /// case, and adds the means over those that are known not to be.
    #[must_use]
    pub fn with_seen(mut self, seen: &BTreeMap<String, String>) -> Self {
        let seen: BTreeMap<&String, &String> = (seen.iter())
            .filter(|(id, _)| self.cases.iter().any(|case| case.id == **id))
            .collect();
        if seen.is_empty() {
            return self;
        }
        for case in &mut self.cases {
            if seen.contains_key(&case.id) {
                case.seen = Some(true);
            }
        }
        let of = |seen| {
            self.cases
                .iter()
                .filter(move |case| case.seen == Some(seen))
        };
        let unseen = of(false).flat_map(|case| &case.classes);
        let some = of(true).next().and(of(false).next());
        self.mean_unseen = some.map(|_| summarize(unseen).0);
        let first: Vec<&str> = seen
            .values()
            .take(3)
            .map(|sentence| sentence.as_str())
            .collect();
        self.protocol.leaks = Some(format!(
            "the training data contain the scan or patient of {} of {} cases, such as {}",
            of(true).count(),
            self.cases.len(),
            first.join("; ")
        ));
        self
    }
}
