//! Comparison of methods on one data set: a table of means and standard deviations over seeds.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::TrainError;
use crate::run::RunError;
use crate::run::folder::write_atomic;
use semivox_inference::evaluation::{Evaluation, Means};

/// Mean and standard deviation of one metric over seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Mean over the runs in which the metric is defined.
    pub mean: f64,
    /// Sample standard deviation (n − 1); none for a single run.
    pub std: Option<f64>,
    /// Number of runs in which the metric is defined.
    pub runs: usize,
}

impl Spread {
    /// Computes mean and standard deviation of the values that are defined; none if there are none.
    ///
    /// # Examples
    /// ```
    /// use semivox_trainer::comparison::Spread;
    ///
    /// let spread = Spread::of([Some(0.7), None, Some(0.9)]).unwrap();
    /// assert!((spread.mean - 0.8).abs() < 1e-12);
    /// assert!((spread.std.unwrap() - 0.02_f64.sqrt()).abs() < 1e-12);
    /// assert_eq!(Spread::of([None]), None);
    /// ```
    pub fn of(values: impl IntoIterator<Item = Option<f64>>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().flatten().collect();
        let runs = values.len();
        let mean = values.iter().sum::<f64>() / runs as f64;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        (runs > 0).then(|| Self {
            mean,
            std: (runs > 1).then(|| (squares / (runs - 1) as f64).sqrt()),
            runs,
        })
    }

    fn text(spread: Option<Self>, digits: usize) -> String {
        match spread {
            None => "undefined".into(),
            Some(Self {
                mean, std: None, ..
            }) => format!("{mean:.digits$}"),
            Some(Self {
                mean,
                std: Some(std),
                ..
            }) => format!("{mean:.digits$} ± {std:.digits$}"),
        }
    }
}

/// A row of the table: a method with a number of labeled cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The method, by name.
    pub method: String,
    /// Number of labeled training cases.
    pub labeled: Option<usize>,
    /// Seeds of its runs.
    pub seeds: Vec<u64>,
    /// Mean Dice of each run.
    pub dice: Option<Spread>,
    /// HD95 in mm, pooled.
    pub hd95_mm: Option<Spread>,
    /// ASD in mm.
    pub asd_mm: Option<Spread>,
    /// Number of pairs of case and class whose HD95 is undefined, over all runs.
    pub undefined: usize,
}

/// A table of runs on one data set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Protocol that the runs share.
    pub protocol: String,
    /// A row for every method and number of labeled cases, in order of appearance.
    pub rows: Vec<Row>,
}

impl Comparison {
    /// Groups evaluations by method and number of labeled cases.
    ///
    /// # Errors
    /// [`TrainError::Unexpected`] if two runs were tested on different cases: their means are not comparable.
    pub fn new(evaluations: &[Evaluation]) -> Result<Self, TrainError> {
        check_same_cases(evaluations)?;
        let mut order: Vec<(String, Option<usize>)> = Vec::new();
        let mut groups: BTreeMap<_, Vec<&Evaluation>> = BTreeMap::new();
        for evaluation in evaluations {
            let key = (
                evaluation.protocol.method.clone(),
                evaluation.protocol.labeled,
            );
            if !order.contains(&key) {
                order.push(key.clone());
            }
            groups.entry(key).or_default().push(evaluation);
        }
        Ok(Self {
            protocol: protocol(evaluations),
            rows: order.iter().map(|key| row(key, &groups[key])).collect(),
        })
    }

    /// Writes `comparison.md`, `comparison.csv` and `comparison.json` into a folder; returns the first.
    ///
    /// # Errors
    /// [`RunError::Io`] if the folder cannot be written.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, RunError> {
        let markdown = folder.join("comparison.md");
        write_atomic(&markdown, format!("{self}\n").as_bytes())?;
        let path = folder.join("comparison.json");
        let json = serde_json::to_vec_pretty(self)
            .map_err(|error| RunError::io("write", &path, error.into()))?;
        write_atomic(&path, &json)?;
        let path = folder.join("comparison.csv");
        let csv = self
            .csv()
            .map_err(|error| RunError::io("write", &path, error.into()))?;
        write_atomic(&path, &csv)?;
        Ok(markdown)
    }

    fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record([
            "method",
            "labeled",
            "seeds",
            "dice_mean",
            "dice_std",
            "hd95_mm_mean",
            "hd95_mm_std",
            "asd_mm_mean",
            "asd_mm_std",
            "undefined",
        ])?;
        for row in &self.rows {
            let mut cells = vec![
                row.method.clone(),
                row.labeled.map(|n| n.to_string()).unwrap_or_default(),
                list(&row.seeds, " "),
            ];
            for spread in [row.dice, row.hd95_mm, row.asd_mm] {
                cells.push(spread.map(|s| s.mean.to_string()).unwrap_or_default());
                let std = spread.and_then(|s| s.std);
                cells.push(std.map(|s| s.to_string()).unwrap_or_default());
            }
            cells.push(row.undefined.to_string());
            csv.write_record(&cells)?;
        }
        csv.into_inner().map_err(|error| error.into_error().into())
    }
}

/// Formats a Markdown table, below a sentence that states the protocol.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.protocol)?;
        writeln!(
            f,
            "| method | labeled | seeds | Dice | HD95 mm | ASD mm | undefined |"
        )?;
        write!(f, "|---|---|---|---|---|---|---|")?;
        for row in &self.rows {
            let labeled = row.labeled.map_or("–".into(), |n| n.to_string());
            let [dice, hd95, asd] = [(row.dice, 3), (row.hd95_mm, 2), (row.asd_mm, 2)]
                .map(|(spread, digits)| Spread::text(spread, digits));
            let seeds = list(&row.seeds, ", ");
            let Row {
                method, undefined, ..
            } = row;
            write!(
                f,
                "\n| {method} | {labeled} | {seeds} | {dice} | {hd95} | {asd} | {undefined} |"
            )?;
        }
        Ok(())
    }
}

fn row((method, labeled): &(String, Option<usize>), runs: &[&Evaluation]) -> Row {
    let of = |metric: fn(&Means) -> Option<f64>| Spread::of(runs.iter().map(|e| metric(&e.mean)));
    Row {
        method: method.clone(),
        labeled: *labeled,
        seeds: runs.iter().map(|e| e.protocol.seed).collect(),
        dice: of(|m| m.dice),
        hd95_mm: of(|m| m.hd95_mm),
        asd_mm: of(|m| m.asd_mm),
        undefined: runs.iter().map(|e| e.undefined.hd95_mm).sum(),
    }
}

fn check_same_cases(evaluations: &[Evaluation]) -> Result<(), TrainError> {
    let ids = |e: &Evaluation| -> Vec<String> { e.cases.iter().map(|c| c.id.clone()).collect() };
    for pair in evaluations.windows(2) {
        let (first, second) = (ids(&pair[0]), ids(&pair[1]));
        if first != second {
            return Err(TrainError::unexpected(
                "comparison",
                "all runs tested on the same cases",
                format!(
                    "{} for {} and other {} for {}",
                    first.len(),
                    pair[0].protocol.method,
                    second.len(),
                    pair[1].protocol.method,
                ),
                "compare runs of one data set and one --test-list",
            ));
        }
    }
    Ok(())
}

fn protocol(evaluations: &[Evaluation]) -> String {
    let shared = |of: fn(&Evaluation) -> String| {
        let mut values: Vec<String> = evaluations.iter().map(of).collect();
        values.sort();
        values.dedup();
        values.join(", ")
    };
    let cases = evaluations.first().map_or(0, |e| e.cases.len());
    let leaks = evaluations.iter().find_map(|e| e.protocol.leaks.as_ref());
    let leaks = leaks.map_or(String::new(), |leaks| {
        format!(" Not an independent test: {leaks}.")
    });
    format!(
        "Preset {}; {} iterations; {} checkpoint; postprocessing {}; mean over {cases} test cases and their classes, \
         then mean ± sample standard deviation over seeds; undefined distances are left out.{leaks}",
        shared(|e| e.protocol.preset.clone()),
        shared(|e| e.protocol.iterations.to_string()),
        shared(|e| e.protocol.checkpoint.clone()),
        shared(|e| e.protocol.postprocessing.clone()),
    )
}

fn list(seeds: &[u64], between: &str) -> String {
    let seeds: Vec<String> = seeds.iter().map(ToString::to_string).collect();
    seeds.join(between)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use semivox_inference::evaluation::{CaseEvaluation, ClassEvaluation, Protocol};

    fn run(method: &str, seed: u64, dice: f64, hd95_mm: Option<f64>, id: &str) -> Evaluation {
        let class = ClassEvaluation {
            label: 1,
            dice: Some(dice),
            jaccard: None,
            hd95_mm,
            hd95_directed_max_mm: None,
            asd_mm: None,
            assd_mm: None,
        };
        let protocol = Protocol {
            method: method.into(),
            labeled: Some(8),
            seed,
            iterations: 1_000,
            preset: "quick".into(),
            ..Protocol::default()
        };
        let classes = vec![class];
        Evaluation::new(
            protocol,
            vec![CaseEvaluation {
                id: id.into(),
                seen: None,
                classes,
            }],
        )
    }

    #[test]
    fn seeds_of_a_method_make_one_line() {
        let runs = [
            run("supervised", 0, 0.7, Some(4.0), "a"),
            run("action", 0, 0.8, None, "a"),
            run("supervised", 1, 0.9, Some(6.0), "a"),
        ];
        let comparison = Comparison::new(&runs).unwrap();
        let text = comparison.to_string();
        let supervised = "| supervised | 8 | 0, 1 | 0.800 ± 0.141 | 5.00 ± 1.41 | undefined | 0 |";
        let action = "| action | 8 | 0 | 0.800 | undefined | undefined | 1 |";
        assert!(text.contains(supervised) && text.contains(action), "{text}");
        assert!(text.starts_with("Preset quick; 1000 iterations"), "{text}");

        let folder = tempfile::tempdir().unwrap();
        comparison.write(folder.path()).unwrap();
        let csv = std::fs::read_to_string(folder.path().join("comparison.csv")).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert!(
            lines[1].starts_with("supervised,8,0 1,0.8,0.14142"),
            "{csv}"
        );
        assert!(lines[2].ends_with(",,,,,1"), "{csv}");
        let json = std::fs::read(folder.path().join("comparison.json")).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["rows"][0]["hd95_mm"]["runs"], 2);
    }

    #[test]
    fn runs_on_other_cases_do_not_compare() {
        let runs = [run("a", 0, 0.7, None, "x"), run("b", 0, 0.7, None, "y")];
        let message = Comparison::new(&runs).unwrap_err().to_string();
        assert!(message.contains("same cases"), "{message}");
    }
}
