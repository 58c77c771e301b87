//! The training that an inspection suggests, with its reasons.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use semivox_data::inspect::Inspection;
use semivox_data::{Dataset, LabelBudget, Survey};
use semivox_trainer::TrainError;
use semivox_trainer::config::RunConfig;
use semivox_trainer::presets::Task;

use super::{Arguments, decisions};
use crate::cli::run::counted_survey;
use crate::cli::table::quoted;

/// The suggested preset.
const PRESET: &str = "quick";

/// Returns a suggested training command for the data with its settings and their reasons, or what is to be done before.
///
/// # Errors
/// The reason why no settings fit the scans.
pub(super) fn suggestion(arguments: &Arguments, found: &Inspection) -> Result<String, String> {
    let dataset = &found.dataset;
    if !found.errors.is_empty() {
        let advice = "Fix the errors, then run inspect again; --fix FOLDER writes a copy in which names, grids, values and \
                      files are mended where that is mechanical.";
        return Ok(advice.into());
    }
    if dataset.labeled.is_empty() {
        return Ok(match dataset.test.len() {
            0 => "No case has a label map: put some into labels/ under the names of their images."
                .into(),
            n => format!(
                "All label maps ({n}) are of test cases: leave some cases out of the test list or labelsTs/, to train on."
            ),
        });
    }
    let task = Task::of(dataset.layout, &dataset.name);
    // Public data sets have labels for all cases, of which their presets keep only a few.
    let all_labeled = task == Task::Own && dataset.unlabeled.is_empty();
    let method = if all_labeled { "supervised" } else { "bcp" };
    planned(arguments, found, task, method)
        .map_err(|error| format!("No settings for this data: {error}"))
}

/// Returns the plan, one decision a line, and the command that trains by it.
fn planned(
    arguments: &Arguments,
    found: &Inspection,
    task: Task,
    method: &str,
) -> Result<String, TrainError> {
    let dataset = &found.dataset;
    let (config, survey) = fitted(arguments, task, method, dataset)?;
    let mut text = format!("plan, preset {PRESET} of task {task}\n");
    for (name, line) in decisions::lines(&config, survey.as_ref(), found)? {
        let _ = writeln!(text, "  {name:<13} {line}");
    }
    let list = arguments.test_list.as_ref();
    let list = list.map(|list| format!(" --test-list {}", quoted(list)));
    let layout = arguments.layout.map(|layout| format!(" --layout {layout}"));
    let _ = write!(
        text,
        "\n  semivox train {method} --data {}{}{}{} --out {}",
        quoted(&arguments.dir),
        layout.unwrap_or_default(),
        list.unwrap_or_default(),
        fewer_labels(found.labeled_patients(), dataset, config.data.labeled),
        quoted(&run_folder(&arguments.dir, method)),
    );
    Ok(text)
}

/// Returns a run folder named after the data's and the method.
fn run_folder(data: &Path, method: &str) -> PathBuf {
    let whole = data.canonicalize().unwrap_or_else(|_| data.to_path_buf());
    let name = whole.file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| {
        if c.is_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let name: String = name.chars().map(plain).collect();
    match name.is_empty() {
        true => Path::new("runs").join(method),
        false => Path::new("runs").join(format!("{name}_{method}")),
    }
}

/// Returns the settings for the data, and the survey of the scans that they follow from, if they do.
fn fitted(
    arguments: &Arguments,
    task: Task,
    method: &str,
    dataset: &Dataset,
) -> Result<(RunConfig, Option<Survey>), TrainError> {
    if !task.follows_scans() {
        return Ok((task.preset(PRESET, method)?, None));
    }
    let survey = counted_survey(dataset, arguments.json)?;
    Ok((task.fitted(&survey, PRESET, method)?, Some(survey)))
}

/// Returns the flag `--labeled` for a data set with fewer labeled patients than the preset expects: all labels, or half
/// of them if no case would be unlabeled otherwise.
fn fewer_labels(labeled: usize, dataset: &Dataset, preset: LabelBudget) -> String {
    let none_left = dataset.unlabeled.is_empty();
    match preset {
        LabelBudget::Count(n) if none_left && n >= labeled => {
            format!(" --labeled {}", labeled.div_ceil(2))
        }
        LabelBudget::Count(n) if n > labeled => format!(" --labeled {labeled}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use semivox_data::layout::Layout;
    use semivox_data::{LabeledCase, Source, UnlabeledCase};

    #[test]
    fn run_folders_are_named_after_data_and_method() {
        let folder = |data: &str| run_folder(Path::new(data), "bcp").display().to_string();
        assert_eq!(folder("no/such/LA-2018"), "runs/LA-2018_bcp");
        assert_eq!(folder("no/Größe & co"), "runs/Größe___co_bcp");
        assert_eq!(folder("/"), "runs/bcp");
    }

    #[test]
    fn a_small_data_set_keeps_what_labels_it_can() {
        let file = || Source::File("scan.nii".into());
        let dataset = |labeled: usize, unlabeled: usize| Dataset {
            name: "small".into(),
            layout: Layout::Folder,
            classes: Vec::new(),
            channels: Vec::new(),
            labeled: (0..labeled)
                .map(|n| LabeledCase {
                    id: n.to_string(),
                    image: file(),
                    label: file(),
                })
                .collect(),
            unlabeled: (0..unlabeled)
                .map(|n| UnlabeledCase {
                    id: n.to_string(),
                    image: file(),
                })
                .collect(),
            test: Vec::new(),
            notes: Vec::new(),
        };
        for (labeled, unlabeled, flag) in [
            (80, 0, ""),
            (8, 72, ""),
            (8, 0, " --labeled 4"),
            (3, 5, " --labeled 3"),
            (3, 0, " --labeled 2"),
        ] {
            let dataset = dataset(labeled, unlabeled);
            let found = fewer_labels(labeled, &dataset, LabelBudget::Count(8));
            assert_eq!(found, flag, "{labeled} and {unlabeled}");
        }
        assert_eq!(
            fewer_labels(3, &dataset(3, 0), LabelBudget::Percent(100.0)),
            ""
        );
    }
}
