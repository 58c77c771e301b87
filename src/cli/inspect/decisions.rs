//! The decisions of a suggested training, in words.

use std::fmt::Write;

use semivox_data::inspect::{CaseFacts, Inspection, Role};
use semivox_data::preprocess::{Intensity, Preprocess};
use semivox_data::{Dataset, Survey};
use semivox_trainer::TrainError;
use semivox_trainer::config::RunConfig;
use semivox_trainer::memory::{of_a_step, of_scans};
use semivox_trainer::presets::Task;

use crate::cli::memory::{self, Free};
use crate::cli::table;

/// The plan's line for a data set without test cases.
const UNTESTED: &str = "no test cases, so nothing measures the result: --validation 25% keeps a quarter of the labeled \
                        scans out of the training and measures on them; test.list or --test-list names test cases";

/// Returns the lines of the plan: names of decisions, and each decision with its reason or the way to change it.
///
/// # Errors
/// If a scan cannot be brought to the voxels of the settings.
pub(super) fn lines(
    config: &RunConfig,
    survey: Option<&Survey>,
    found: &Inspection,
) -> Result<Vec<(&'static str, String)>, TrainError> {
    let dataset = &found.dataset;
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
        ("intensities", intensities(config)),
        ("network", network(config, survey)),
        ("method", method(config).into()),
        ("training", training(config)),
    ]);
    if let Some(survey) = survey {
        lines.push(("left, right", mirroring(config, survey, dataset)));
    }
    if dataset.test.is_empty() {
        lines.push(("test", UNTESTED.into()));
    }
    lines.push(("memory", memory_of(config, found)?));
    lines.extend(by_patient(found));
    Ok(lines)
}

/// Describes whether patches are mirrored from left to right, and why.
fn mirroring(config: &RunConfig, survey: &Survey, dataset: &Dataset) -> String {
    let mirrored = config.weak_view.mirrored() != [false; 3];
    let sentence = match survey.mirroring.is_allowed() && !mirrored {
        true => "not mirrored: left and right lie across the slices, of which the network sees one"
            .into(),
        false => survey.mirroring.sentence(&dataset.classes),
    };
    format!("patches are {sentence} (weak_view.flip_probability, weak_view.flip_axes)")
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
            " (data.preprocess); medians of the labeled scans along each axis: {} voxels, {} mm a voxel, {} mm in all",
            table::shape(survey.shape),
            table::spacing(survey.spacing_mm),
            table::spacing(survey.extent_mm)
        );
    }
    if let Some(orientation) = preprocess.orientation {
        let slices = match survey.is_some_and(Survey::is_stack_of_slices) {
            true => ", with the axis across the slices last",
            false => "",
        };
        let _ = write!(
            text,
            "; turned to {orientation}, as most labeled scans are{slices}"
        );
    }
    text
}

/// Describes how intensities are normalized, and why where scans are taken for CT.
fn intensities(config: &RunConfig) -> String {
    let Preprocess {
        intensity,
        channel_intensity: each,
        ..
    } = &config.data.preprocess;
    let normalized = table::intensities(&config.data.preprocess);
    let key = match each.is_empty() {
        true => "intensity",
        false => "channel_intensity",
    };
    let windowed = |intensity: &Intensity| matches!(intensity, Intensity::WindowZScore { .. });
    // The window of other tasks is fixed.
    let ct = config.task == Task::Own && (each.iter().any(windowed) || windowed(intensity));
    let reason = match ct {
        true => {
            ", with a window of 99 % of the labeled voxels, since intensities far below 0 are taken for CT, whatever the data set \
             calls them"
        }
        false => "",
    };
    format!("{normalized}{reason} (data.preprocess.{key})")
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
            " (patch): two thirds of the scan, 32 to 96 a side, and at most what 2 GB hold of a V-Net's step on 2 + 2, by the \
             reasoning of nnU-Net"
        }
        false => " (patch)",
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
            "bcp, whose mean Dice was above that of supervised training on hippocampi and left atria (3 seeds each) and on ACDC \
             (1 seed, docs/results.md); semivox compare tells whether it is on your scans"
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
    let (needed, free) = (of_a_step(config) + scans, Free::now());
    let short = match free.lacks(needed) {
        true => format!("; {}", memory::advice(free.lacks(scans))),
        false => String::new(),
    };
    let free = free.described();
    let free = free.map(|free| format!(", while {free} are free here"));
    Ok(format!(
        "about {} on the CPU, {} of it for {count} preprocessed scans{}{short}",
        memory::formatted(needed),
        memory::formatted(scans),
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
