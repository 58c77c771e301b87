//! The files of a comparison: tables in Markdown, comma-separated values and JSON, and a chart.

use std::fmt;
use std::path::{Path, PathBuf};

use semivox_report::{DiceRow, dice_chart};

use super::{Comparison, Row, RunSummary, Spread};
use crate::run::RunError;
use crate::run::folder::write_atomic;

impl Comparison {
    /// Writes the files of the comparison into a folder; returns the path of `comparison.md`.
    ///
    /// `comparison.md`, `.csv` and `.json` have a row for every method, `runs.csv` one for every run, `cases.csv` one for
    /// every case of a run, and `comparison.svg` shows the Dice of every case.
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
        for (name, csv) in [
            ("comparison.csv", self.methods_csv()),
            ("runs.csv", self.runs_csv()),
            ("cases.csv", self.cases_csv()),
        ] {
            let path = folder.join(name);
            let csv = csv.map_err(|error| RunError::io("write", &path, error.into()))?;
            write_atomic(&path, &csv)?;
        }
        write_atomic(&folder.join("comparison.svg"), self.chart().as_bytes())?;
        Ok(markdown)
    }

    fn methods_csv(&self) -> Result<Vec<u8>, csv::Error> {
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
            "over_supervised_mean",
            "over_supervised_std",
            "over_supervised_seeds",
            "over_control_mean",
            "over_control_std",
            "over_control_seeds",
            "training_minutes",
        ])?;
        for row in &self.rows {
            let mut cells = vec![row.method.clone(), text(row.labeled), list(&row.seeds, " ")];
            for spread in [row.dice, row.hd95_mm, row.asd_mm] {
                cells.push(text(spread.map(|s| s.mean)));
                cells.push(text(spread.and_then(|s| s.std)));
            }
            cells.push(row.undefined.to_string());
            for gain in [row.over_supervised, row.over_control] {
                cells.push(text(gain.map(|s| s.mean)));
                cells.push(text(gain.and_then(|s| s.std)));
                cells.push(text(gain.map(|s| s.runs)));
            }
            cells.push(text(row.minutes.map(|minutes| format!("{minutes:.1}"))));
            csv.write_record(&cells)?;
        }
        csv.into_inner().map_err(|error| error.into_error().into())
    }

    fn runs_csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let labels = (self.runs.first()).map_or(vec![], |run| run.dice_by_class.keys().collect());
        let mut head: Vec<String> = ["method", "labeled", "seed", "iterations", "dice"]
            .map(String::from)
            .into();
        head.extend(labels.iter().map(|label| format!("dice_{label}")));
        let end = [
            "hd95_mm",
            "asd_mm",
            "undefined",
            "training_minutes",
            "commit",
        ];
        head.extend(end.map(String::from));
        csv.write_record(&head)?;
        for run in &self.runs {
            let digits = |value: Option<f64>| text(value.map(|v| format!("{v:.4}")));
            let mut cells = vec![
                run.method.clone(),
                text(run.labeled),
                run.seed.to_string(),
                run.iterations.to_string(),
                digits(run.mean.dice),
            ];
            let of_class = |label: &&u32| digits(run.dice_by_class.get(label).copied().flatten());
            cells.extend(labels.iter().map(of_class));
            cells.extend([
                digits(run.mean.hd95_mm),
                digits(run.mean.asd_mm),
                run.undefined.to_string(),
                text(run.training_seconds.map(|s| format!("{:.1}", s / 60.0))),
                run.commit.clone().unwrap_or_default(),
            ]);
            csv.write_record(&cells)?;
        }
        csv.into_inner().map_err(|error| error.into_error().into())
    }

    /// Lists the mean Dice of every case and run, for paired tests.
    fn cases_csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(["method", "labeled", "seed", "case", "dice"])?;
        for run in &self.runs {
            let of_run = [run.method.clone(), text(run.labeled), run.seed.to_string()];
            for (case, dice) in &run.dice_by_case {
                let dice = text(dice.map(|dice| format!("{dice:.4}")));
                csv.write_record(of_run.iter().chain([case, &dice]))?;
            }
        }
        csv.into_inner().map_err(|error| error.into_error().into())
    }

    /// Draws the Dice of every case, a row for each method.
    pub(super) fn chart(&self) -> String {
        let row = |row: &Row| {
            let runs = || (self.runs.iter()).filter(|run| run.is_of(row));
            DiceRow {
                name: match self.rows.iter().any(|other| other.labeled != row.labeled) {
                    true => match row.labeled {
                        Some(labeled) => format!("{}, {labeled} labeled", row.method),
                        None => row.method.clone(),
                    },
                    false => row.method.clone(),
                },
                cases: runs()
                    .flat_map(|run| run.dice_by_case.iter().filter_map(|(_, dice)| *dice))
                    .collect(),
                means: runs().filter_map(|run| run.mean.dice).collect(),
            }
        };
        let rows: Vec<DiceRow> = self.rows.iter().map(row).collect();
        dice_chart(&rows, self.measured_on)
    }
}

/// Formats a Markdown table, below sentences that state the protocol.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}\n", self.protocol, self.training)?;
        writeln!(
            f,
            "| method | labeled | seeds | Dice | over supervised | over its control | HD95 mm | ASD mm | undefined | \
             minutes |"
        )?;
        write!(f, "|---|---|---|---|---|---|---|---|---|---|")?;
        for row in &self.rows {
            let labeled = row.labeled.map_or("–".into(), |n| n.to_string());
            let [dice, hd95, asd] = [(row.dice, 3), (row.hd95_mm, 2), (row.asd_mm, 2)]
                .map(|(spread, digits)| Spread::text(spread, digits, row.seeds.len()));
            let [supervised, control] = [row.over_supervised, row.over_control]
                .map(|gain| Spread::points(gain, row.seeds.len()));
            let seeds = list(&row.seeds, ", ");
            let minutes = (row.minutes).map_or("–".into(), |minutes| format!("{minutes:.1}"));
            let (method, undefined) = (&row.method, row.undefined);
            write!(
                f,
                "\n| {method} | {labeled} | {seeds} | {dice} | {supervised} | {control} | {hd95} | {asd} | {undefined} \
                 | {minutes} |"
            )?;
        }
        write!(
            f,
            "\n\nGains are differences in Dice between runs of the same seed, in points (hundredths): mean ± sample standard \
             deviation over the seeds that both methods have. A control is supervised training with the augmentation of \
             the method; – where a method has none of its own, or it was not run. Labeled counts cases. Undefined: pairs of \
             case and class without HD95, over all seeds. Minutes are those of training, mean over the runs, without \
             evaluation; – where a run has no log."
        )
    }
}

impl RunSummary {
    fn is_of(&self, row: &Row) -> bool {
        self.method == row.method && self.labeled == row.labeled
    }
}

fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn list(seeds: &[u64], between: &str) -> String {
    let seeds: Vec<String> = seeds.iter().map(ToString::to_string).collect();
    seeds.join(between)
}
