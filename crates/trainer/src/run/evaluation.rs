//! `evaluation.json`: what was measured, and under which protocol.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::RunError;
use super::folder::write_atomic;

/// The whole of `evaluation.json`.
///
/// Dice and Jaccard are fractions in 0..1, distances are in mm; a metric that
/// is not defined for a case (an empty mask) is `None`, in the file `null`.
///
/// # Examples
///
/// ```
/// use semivox_trainer::run::evaluation::*;
///
/// let class = |dice, hd95_mm| ClassEvaluation {
///     label: 1, dice: Some(dice), jaccard: None, hd95_mm, hd95_directed_max_mm: None, asd_mm: None,
///     assd_mm: None,
/// };
/// let case = |id: &str, class| CaseEvaluation { id: id.into(), classes: vec![class] };
/// let evaluation = Evaluation::new(
///     Protocol::default(),
///     vec![case("a", class(0.8, Some(4.0))), case("b", class(0.6, None))],
/// );
/// assert_eq!(evaluation.mean.dice, Some(0.7));
/// assert_eq!(evaluation.mean.hd95_mm, Some(4.0)); // over what is defined ...
/// assert_eq!(evaluation.undefined.hd95_mm, 1); // ... and counted where not
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// How the numbers came about.
    pub protocol: Protocol,
    /// One entry per case.
    pub cases: Vec<CaseEvaluation>,
    /// Means over all pairs of case and class for which a metric is defined.
    pub mean: Means,
    /// How many pairs of case and class each mean leaves out.
    pub undefined: UndefinedCounts,
}

/// How the numbers of an evaluation came about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Protocol {
    /// The recipe, by name.
    pub method: String,
    /// The preset it started from.
    pub preset: String,
    /// Labeled training cases.
    #[serde(default)]
    pub labeled: Option<usize>,
    /// Those who have these cases, where they are fewer: patients in ACDC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labeled_units: Option<usize>,
    /// Seed of the run.
    pub seed: u64,
    /// Training steps, over all stages.
    pub iterations: u64,
    /// Which checkpoint was evaluated.
    pub checkpoint: String,
    /// What was done to the predicted labels, or "none".
    pub postprocessing: String,
    /// Spacing of the grid the network saw, in mm; `None` for each case's own.
    pub spacing_mm: Option<[f64; 3]>,
    /// Source revision, where known.
    pub commit: Option<String>,
    /// The device it ran on.
    pub device: String,
}

/// The metrics of one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseEvaluation {
    /// The case.
    pub id: String,
    /// One entry per foreground class.
    pub classes: Vec<ClassEvaluation>,
}

impl CaseEvaluation {
    /// Mean Dice over the classes for which it is defined.
    ///
    /// # Examples
    ///
    /// ```
    /// use semivox_trainer::run::evaluation::CaseEvaluation;
    ///
    /// let case = CaseEvaluation { id: "a".into(), classes: vec![] };
    /// assert_eq!(case.mean_dice(), None);
    /// ```
    pub fn mean_dice(&self) -> Option<f64> {
        mean_of(self.classes.iter().map(|class| class.dice)).0
    }
}

/// The metrics of one class in one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassEvaluation {
    /// The label, from 1.
    pub label: u8,
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
    /// Mean of the surface distances in both directions, in mm.
    pub assd_mm: Option<f64>,
}

/// Means over what is defined; `None` where nothing is.
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

/// How many pairs of case and class have no value, by metric.
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

/// A table: one line per case and class, the means last.
impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several = self.cases.iter().any(|case| case.classes.len() > 1);
        writeln!(
            f,
            "{:<28} {:>9} {:>9} {:>9} {:>9}",
            "case", "Dice", "HD95 mm", "ASD mm", "ASSD mm"
        )?;
        for case in &self.cases {
            for class in &case.classes {
                let name = match several {
                    true => format!("{} label {}", case.id, class.label),
                    false => case.id.clone(),
                };
                let distances = [class.hd95_mm, class.asd_mm, class.assd_mm];
                writeln!(f, "{}", line(&name, class.dice, distances))?;
            }
        }
        let mean = &self.mean;
        let distances = [mean.hd95_mm, mean.asd_mm, mean.assd_mm];
        write!(f, "{}", line("mean", mean.dice, distances))
    }
}

fn line(name: &str, dice: Option<f64>, distances: [Option<f64>; 3]) -> String {
    let number = |value: Option<f64>, digits: usize| {
        value.map_or("undefined".into(), |value| format!("{value:.digits$}"))
    };
    let dice = number(dice, 4);
    let [hd95, asd, assd] = distances.map(|distance| number(distance, 2));
    format!("{name:<28} {dice:>9} {hd95:>9} {asd:>9} {assd:>9}")
}

/// Mean of the finite values, and how many are missing.
fn mean_of(values: impl Iterator<Item = Option<f64>>) -> (Option<f64>, usize) {
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

/// Means and counts over any set of class metrics.
pub(crate) fn summarize<'a>(
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

impl Evaluation {
    /// Sums up the cases.
    pub fn new(protocol: Protocol, cases: Vec<CaseEvaluation>) -> Self {
        let (mean, undefined) = summarize(cases.iter().flat_map(|case| &case.classes));
        Self {
            protocol,
            cases,
            mean,
            undefined,
        }
    }

    /// Writes `evaluation.json`.
    ///
    /// # Errors
    ///
    /// [`RunError::Io`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), RunError> {
        let path = path.as_ref();
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| RunError::io("write", path, error.into()))?;
        text.push('\n');
        write_atomic(path, text.as_bytes())
    }

    /// Writes one line per case and class as comma-separated values; what is undefined stays empty.
    ///
    /// # Errors
    ///
    /// [`RunError::Io`].
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<(), RunError> {
        let path = path.as_ref();
        let bytes = self.csv();
        let bytes = bytes.map_err(|error| RunError::io("write", path, error.into()))?;
        write_atomic(path, &bytes)
    }

    fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        // The fields of a class follow in their order.
        let mut csv = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(Vec::new());
        csv.write_record([
            "case",
            "label",
            "dice",
            "jaccard",
            "hd95_mm",
            "hd95_directed_max_mm",
            "asd_mm",
            "assd_mm",
        ])?;
        for case in &self.cases {
            for class in &case.classes {
                csv.serialize((&case.id, class))?;
            }
        }
        csv.into_inner().map_err(|error| error.into_error().into())
    }

    /// Reads `evaluation.json`.
    ///
    /// # Errors
    ///
    /// [`RunError::Io`], or [`RunError::Malformed`] with the line at fault.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, RunError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|error| RunError::io("read", path, error))?;
        serde_json::from_slice(&bytes).map_err(|error| RunError::Malformed {
            path: path.to_path_buf(),
            line: error.line(),
            expected: "an evaluation of protocol, cases, mean and undefined",
            found: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_file_has_the_documented_keys_and_reads_back() {
        let class = ClassEvaluation {
            label: 1,
            dice: Some(0.5),
            jaccard: Some(0.25),
            hd95_mm: None,
            hd95_directed_max_mm: None,
            asd_mm: Some(1.5),
            assd_mm: Some(f64::INFINITY),
        };
        let case = CaseEvaluation {
            id: "case 1".into(),
            classes: vec![class],
        };
        let evaluation = Evaluation::new(Protocol::default(), vec![case]);
        assert_eq!(evaluation.undefined.assd_mm, 1);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("evaluation.json");
        evaluation.write(&path).unwrap();

        let json: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for key in [
            "method",
            "preset",
            "seed",
            "iterations",
            "checkpoint",
            "postprocessing",
            "spacing_mm",
            "commit",
            "device",
        ] {
            assert!(json["protocol"].get(key).is_some(), "{key}");
        }
        assert!(json["cases"][0]["classes"][0]["hd95_mm"].is_null());
        assert_eq!(json["undefined"]["hd95_mm"], 1);
        assert_eq!(json["mean"]["asd_mm"], 1.5);
        assert_eq!(Evaluation::read(&path).unwrap().mean, evaluation.mean);

        let path = dir.path().join("evaluation.csv");
        evaluation.write_csv(&path).unwrap();
        let csv = fs::read_to_string(&path).unwrap();
        assert_eq!(csv.lines().nth(1), Some("case 1,1,0.5,0.25,,,1.5,inf"));

        fs::write(&path, "{\n \"protocol\": 3}").unwrap();
        let message = Evaluation::read(&path).unwrap_err().to_string();
        assert!(message.contains("line 2"), "{message}");
    }

    #[test]
    fn the_table_has_a_line_per_class_and_says_undefined() {
        let class = |label, dice| ClassEvaluation {
            label,
            dice,
            jaccard: None,
            hd95_mm: Some(2.5),
            hd95_directed_max_mm: None,
            asd_mm: None,
            assd_mm: None,
        };
        let case = |id: &str, classes| CaseEvaluation {
            id: id.into(),
            classes,
        };
        let cases = vec![case("a", vec![class(1, Some(0.5)), class(2, None)])];
        let text = Evaluation::new(Protocol::default(), cases).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[1].starts_with("a label 1") && lines[1].contains("0.5000"));
        assert!(lines[2].contains("undefined"));
        assert!(lines[3].starts_with("mean") && lines[3].contains("2.50"));
    }
}
