//! The training that an inspection suggests, with its reasons.

use std::fmt::Write;

use semivox_data::inspect::{CaseFacts, Inspection, Role};
use semivox_data::preprocess::Preprocess;
use semivox_data::{Dataset, LabelBudget, Survey};
use semivox_trainer::TrainError;
use semivox_trainer::config::RunConfig;
use semivox_trainer::memory::{of_a_step, of_scans};
use semivox_trainer::presets::Task;

use super::Arguments;
use crate::cli::{memory, table};

/// The suggested preset.
const PRESET: &str = "quick";

/// Returns a suggested training command for the data with its settings and their reasons, or the reason why there is
/// none.
pub(super) fn suggestion(arguments: &Arguments, found: &Inspection) -> String {
    let dataset = &found.dataset;
    if !found.errors.is_empty() {
        return "Fix the errors, then run inspect again; --fix FOLDER writes a copy in which names, grids, values and files \
                are mended where that is mechanical."
            .into();
    }
    if dataset.labeled.is_empty() {
        return "No case has a label map: put some into labels/ under the names of their images."
            .into();
    }
    let task = Task::of(dataset.layout, &dataset.name);
    // Public data sets have labels for all cases, of which their presets keep only a few.
    let all_labeled = task == Task::Own && dataset.unlabeled.is_empty();
    let method = if all_labeled { "supervised" } else { "bcp" };
    planned(arguments, found, task, method)
        .unwrap_or_else(|error| format!("No settings for this data: {error}"))
}

/// Returns the plan, one decision a line, and the command that trains by it.
fn planned(
    arguments: &Arguments,
    found: &Inspection,
    task: Task,
    method: &str,
) -> Result<String, TrainError> {
    let dataset = &found.dataset;
    let (config, survey) = fitted(task, method, dataset)?;
    let mut text = format!("plan, preset {PRESET} of task {task}\n");
    let mut lines = lines(&config, survey.as_ref(), dataset);
    lines.push(("memory", memory_of(&config, found)?));
    lines.extend(by_patient(found));
    for (name, line) in lines {
        let _ = writeln!(text, "  {name:<13} {line}");
    }
    let list = arguments.test_list.as_ref();
    let list = list.map(|list| format!(" --test-list {}", list.display()));
    let layout = arguments.layout.map(|layout| format!(" --layout {layout}"));
    let _ = write!(
        text,
        "\n  semivox train {method} --data {}{}{}{} --out runs/first",
        arguments.dir.display(),
        layout.unwrap_or_default(),
        list.unwrap_or_default(),
        fewer_labels(found.labeled_patients(), dataset, config.data.labeled),
    );
    Ok(text)
}

/// Returns the settings for the data, and the survey of the scans that they follow from, if they do.
fn fitted(
    task: Task,
    method: &str,
    dataset: &Dataset,
) -> Result<(RunConfig, Option<Survey>), TrainError> {
    if !task.follows_scans() {
        return Ok((task.preset(PRESET, method)?, None));
    }
    let survey = Survey::read(&dataset.labeled, &dataset.classes)?;
    Ok((task.fitted(&survey, PRESET, method)?, Some(survey)))
}

/// Returns the lines of the plan: names of decisions, and each decision with its reason or the way to change it.
fn lines(
    config: &RunConfig,
    survey: Option<&Survey>,
    dataset: &Dataset,
) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        (
            "layout",
            format!("{} (--layout NAME changes it)", dataset.layout),
        ),
        ("classes", classes(dataset)),
    ];
    if !dataset.channels.is_empty() {
        let names = dataset.channels.join(", ");
        lines.push(("channels", format!("{names}, normalized one by one")));
    }
    lines.extend([
        ("voxels", voxels(&config.data.preprocess, survey)),
        ("network", network(config, survey)),
        ("method", method(config).into()),
        ("training", training(config)),
    ]);
    if let Some(survey) = survey {
        let mirrored = config.weak_view.mirrored() != [false; 3];
        let sentence = match survey.mirroring.is_allowed() && !mirrored {
            true => {
                "not mirrored: left and right lie across the slices, of which the network sees one"
                    .into()
            }
            false => survey.mirroring.sentence(&dataset.classes),
        };
        lines.push((
            "left, right",
            format!("patches are {sentence} (weak_view.flip_probability, weak_view.flip_axes)"),
        ));
    }
    lines
}

/// Describes the classes and the values of their voxels.
fn classes(dataset: &Dataset) -> String {
    let values = dataset.label_values();
    let class = |(number, name): (u8, &String)| match values.and_then(|v| v.value(number)) {
        Some(value) => format!("{name} (value {value})"),
        None => format!("{number} {name}"),
    };
    let mut listed: Vec<String> = (0..=u8::MAX).zip(&dataset.classes).map(class).collect();
    let ignored = values.iter().flat_map(|values| values.ignored());
    listed.extend(ignored.map(|value| format!("value {value} ignored")));
    listed.join(", ")
}

/// Describes the voxel grid and orientation that scans are brought to.
fn voxels(preprocess: &Preprocess, survey: Option<&Survey>) -> String {
    let mut text = table::grid(preprocess);
    if let Some(survey) = survey {
        let _ = write!(
            text,
            " (data.preprocess), the median labeled scan having {} of {} mm",
            table::shape(survey.shape),
            table::spacing(survey.spacing_mm)
        );
    }
    if let Some(orientation) = preprocess.orientation {
        let _ = write!(text, "; turned to {orientation}, as most scans are");
    }
    text
}

/// Describes the network and its patches.
fn network(config: &RunConfig, survey: Option<&Survey>) -> String {
    let reason = match survey.map(Survey::is_stack_of_slices) {
        Some(true) => ", since scans are stacks of few or thick slices",
        Some(false) => ", since scans are volumes of more and thinner slices than a stack",
        None => "",
    };
    // Other tasks' patches are fixed, and slices are seen whole.
    let by_size = match config.task == Task::Own && !config.network.architecture.is_2d() {
        true => {
            ", two thirds of the scan, shortened as nnU-Net does where a step on 2 + 2 would need over 2 GB"
        }
        false => "",
    };
    format!(
        "{}{reason}; patches of {} voxels{by_size}",
        config.network.architecture,
        table::shape(config.patch)
    )
}

/// Gives the reason for the suggested method.
fn method(config: &RunConfig) -> &'static str {
    match config.method.settings().needs_unlabeled() {
        true => {
            "bcp, whose mean Dice was above that of supervised training on hippocampi (2 seeds), left atria and ACDC (1 seed \
             each, docs/results.md); semivox compare tells whether it is on your scans"
        }
        false => "supervised, as all scans have label maps",
    }
}

/// Describes length and batches of the training.
fn training(config: &RunConfig) -> String {
    let batch = match config.method.settings().batch() {
        [labeled, 0] => format!("{labeled} labeled"),
        [labeled, unlabeled] => format!("{labeled} labeled + {unlabeled} unlabeled"),
    };
    format!(
        "{} iterations (--iterations, or --budget 2h) of {batch} patches (method.batch)",
        config.iterations()
    )
}

/// Describes the memory that the training needs and what is free.
fn memory_of(config: &RunConfig, found: &Inspection) -> Result<String, TrainError> {
    let trained = |case: &&CaseFacts| matches!(case.role, Role::Labeled | Role::Unlabeled);
    let cases: Vec<&CaseFacts> = found.cases.iter().filter(trained).collect();
    let count = cases.len();
    let scans = of_scans(&config.data.preprocess, cases)?;
    let needed = of_a_step(config) + scans;
    let free = memory::free();
    if let Some(warning) = memory::shortage(needed, free, config.patch) {
        return Ok(warning);
    }
    let free = free.map(|free| format!(", of {} that are free", memory::gigabytes(free)));
    Ok(format!(
        "about {} on the CPU, {} of it for {count} preprocessed scans{}",
        memory::gigabytes(needed),
        memory::gigabytes(scans),
        free.unwrap_or_default()
    ))
}

/// Says what `--labeled` counts, where patients have several labeled cases.
fn by_patient(found: &Inspection) -> Option<(&'static str, String)> {
    let (cases, patients) = (found.of(Role::Labeled).count(), found.labeled_patients());
    (cases > patients).then(|| {
        let text = table::labeled(cases, patients);
        let kept = "which keep their labels together: --labeled counts patients";
        ("labels", format!("{text}, {kept}"))
    })
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
