//! The command `semivox inspect`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use semivox_data::inspect::{CaseFacts, Inspection, Role};
use semivox_data::layout::{HoldOut, Layout};
use semivox_data::{Dataset, LabelBudget, Mirroring, Orientation, Survey};
use semivox_trainer::TrainError;
use semivox_trainer::presets::Task;
use serde_json::json;

use super::progress::Counter;
use super::table;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folder of scans: images/, with labels/ for some of them, or an unchanged public data set.
    dir: PathBuf,
    /// Layout of the folder: la, acdc, pancreas, msd or folder (own scans) [default: detected].
    #[arg(long)]
    layout: Option<Layout>,
    /// File with the names of the test cases, one per line.
    #[arg(long, value_name = "FILE")]
    test_list: Option<PathBuf>,
    /// Print one line for every case.
    #[arg(long)]
    cases: bool,
    /// Print everything as one line of JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, TrainError> {
    let test = match &arguments.test_list {
        Some(list) => HoldOut::read(list)?,
        None => HoldOut::default(),
    };
    let counter = Counter::new("reading", arguments.json);
    let found = Inspection::read_as(&arguments.dir, arguments.layout, &test, &|done, total| {
        counter.at(done, total);
    })?;
    counter.finish();
    let suggestion = suggestion(arguments, &found);
    match arguments.json {
        true => super::print_json(&as_json(&found, &suggestion)),
        false => print!("{}", described(&found, arguments.cases, &suggestion)),
    }
    Ok(match found.errors.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn described(found: &Inspection, every_case: bool, suggestion: &str) -> String {
    let count = |role| found.of(role).count();
    let mut text = section("errors", &found.errors_by_kind());
    let _ = writeln!(
        text,
        "{} ({} layout): {} labeled, {} unlabeled, {} test\n",
        found.dataset.name,
        found.dataset.layout,
        count(Role::Labeled),
        count(Role::Unlabeled),
        count(Role::Test),
    );
    if every_case {
        text += &lines(&found.cases);
    }
    if !found.cases.is_empty() {
        text += &ranges(&found.cases, &found.dataset.channels);
        text += &labels(found);
    }
    for (title, messages) in [
        ("notes", &found.dataset.notes),
        ("warnings", &found.warnings),
    ] {
        text += "\n";
        text += section(title, messages).trim_end_matches('\n');
    }
    let _ = writeln!(text, "\n{suggestion}");
    text
}

/// A titled list and an empty line; nothing of an empty list.
fn section(title: &str, messages: &[String]) -> String {
    match messages.is_empty() {
        true => String::new(),
        false => format!("{title}\n  {}\n\n", messages.join("\n  ")),
    }
}

fn lines(cases: &[CaseFacts]) -> String {
    let mut text = String::new();
    for case in cases {
        let role = format!("{:?}", case.role).to_lowercase();
        let labels: Vec<String> = case.labels.keys().map(ToString::to_string).collect();
        let range = |[low, high]: &[f32; 2]| {
            let [low, high] = [low, high].map(|&end| table::short(f64::from(end)));
            format!("{low:>8} to {high:<8}")
        };
        let intensities: Vec<String> = case.intensities.iter().map(range).collect();
        let _ = writeln!(
            text,
            "  {:<28} {role:<9} {:<14} {:<18} {}  {} labels {}",
            case.id,
            table::shape(case.shape),
            table::spacing(case.spacing_mm),
            case.orientation,
            intensities.join(", "),
            if labels.is_empty() {
                "–".into()
            } else {
                labels.join(" ")
            },
        );
    }
    text + "\n"
}

fn ranges(cases: &[CaseFacts], channels: &[String]) -> String {
    let of =
        |value: &dyn Fn(&CaseFacts) -> f64| table::quantiles(cases.iter().map(value).collect());
    let mut text = format!(
        "  {:<22} {:>10} {:>10} {:>10}\n",
        "", "minimum", "median", "maximum"
    );
    let mut line = |name: String, value: &dyn Fn(&CaseFacts) -> f64| {
        let [least, median, most] = of(value).map(table::short);
        let _ = writeln!(text, "  {name:<22} {least:>10} {median:>10} {most:>10}");
    };
    for axis in 0..3 {
        line(format!("voxels on axis {axis}"), &|c| c.shape[axis] as f64);
    }
    for axis in 0..3 {
        line(format!("spacing {axis} in mm"), &|c| c.spacing_mm[axis]);
    }
    for channel in 0..cases[0].intensities.len() {
        let of = match channels.get(channel) {
            Some(name) => format!(", {name}"),
            None => String::new(),
        };
        for (end, name) in ["lowest intensity", "highest intensity"].iter().enumerate() {
            line(format!("{name}{of}"), &|case| {
                f64::from(case.intensities[channel][end])
            });
        }
    }
    let mut orientations: BTreeMap<Orientation, usize> = BTreeMap::new();
    cases
        .iter()
        .for_each(|c| *orientations.entry(c.orientation).or_default() += 1);
    let listed: Vec<String> = orientations
        .iter()
        .map(|(o, n)| format!("{o} ({n})"))
        .collect();
    text + &format!("  orientation            {}\n", listed.join(", "))
}

/// Tabulates how many cases have each class, and its share of the voxels.
fn labels(found: &Inspection) -> String {
    let with: Vec<&CaseFacts> = found
        .cases
        .iter()
        .filter(|c| !c.labels.is_empty() || c.ignored > 0)
        .collect();
    if with.is_empty() {
        return String::new();
    }
    let drawn: usize = with.iter().flat_map(|case| case.labels.values()).sum();
    let ignored: usize = with.iter().map(|case| case.ignored).sum();
    let share = |voxels: usize| 100.0 * voxels as f64 / (drawn + ignored) as f64;
    let mut text = format!(
        "\n  {:<6} {:<22} {:>8} {:>12}\n",
        "label", "name", "cases", "of voxels"
    );
    for (label, name) in (0..=u8::MAX).zip(&found.dataset.classes) {
        let counts = with.iter().filter_map(|case| case.labels.get(&label));
        let (cases, voxels) = counts.fold((0, 0), |(n, sum), voxels| (n + 1, sum + voxels));
        let share = share(voxels);
        let _ = writeln!(text, "  {label:<6} {name:<22} {cases:>8} {share:>10.3} %");
    }
    if ignored > 0 {
        let (cases, share) = (
            with.iter().filter(|c| c.ignored > 0).count(),
            share(ignored),
        );
        let _ = writeln!(
            text,
            "  {:<6} {:<22} {cases:>8} {share:>10.3} %",
            "–", "ignored"
        );
    }
    text
}

/// Returns a suggested training command for the data, or the reason why there is none.
fn suggestion(arguments: &Arguments, found: &Inspection) -> String {
    if !found.errors.is_empty() {
        return "Fix the errors, then run inspect again.".into();
    }
    if found.dataset.labeled.is_empty() {
        return "No case has a label map: put some into labels/ under the names of their images."
            .into();
    }
    let task = Task::of(found.dataset.layout, &found.dataset.name);
    // Public data sets have labels for all cases, of which their presets keep only a few.
    let all_labeled = task == Task::Own && found.dataset.unlabeled.is_empty();
    let method = if all_labeled {
        "supervised"
    } else {
        "mean_teacher"
    };
    let survey = match task.follows_scans() {
        true => Survey::read(&found.dataset.labeled, &found.dataset.classes)
            .map(Some)
            .map_err(TrainError::from),
        false => Ok(None),
    };
    let fitted = survey.and_then(|survey| match survey {
        Some(survey) => Ok((
            task.fitted(&survey, "compact", method)?,
            Some(survey.mirroring),
        )),
        None => Ok((task.preset("compact", method)?, None)),
    });
    match fitted {
        Ok((config, mirroring)) => format!(
            "Suggested: {}, patches of {} voxels, {}; preset compact of task {task}{}\n  semivox train {method} --data {}{}{} --out runs/first",
            config.network.architecture,
            table::shape(config.patch),
            table::grid(&config.data.preprocess),
            sides(task, mirroring, &found.dataset.classes),
            arguments.dir.display(),
            arguments
                .layout
                .map(|layout| format!(" --layout {layout}"))
                .unwrap_or_default(),
            fewer_labels(&found.dataset, config.data.labeled),
        ),
        Err(error) => format!("No settings for this data: {error}"),
    }
}

/// Describes the mirroring that the preset for own scans chose, and the settings that change it.
fn sides(task: Task, mirroring: Option<Mirroring>, classes: &[String]) -> String {
    match mirroring.filter(|_| task == Task::Own) {
        Some(mirroring) => format!(
            "\nPatches are {} (change it with --set weak_view.flip_probability and weak_view.flip_axes)",
            mirroring.sentence(classes)
        ),
        None => String::new(),
    }
}

/// Returns the flag `--labeled` for a data set with fewer cases than the preset expects: all labels, or half of them
/// if no case would be unlabeled otherwise.
fn fewer_labels(dataset: &Dataset, preset: LabelBudget) -> String {
    let (labeled, none_left) = (dataset.labeled.len(), dataset.unlabeled.is_empty());
    match preset {
        LabelBudget::Count(n) if none_left && n >= labeled => {
            format!(" --labeled {}", labeled.div_ceil(2))
        }
        LabelBudget::Count(n) if n > labeled => format!(" --labeled {labeled}"),
        _ => String::new(),
    }
}

fn as_json(found: &Inspection, suggestion: &str) -> serde_json::Value {
    let cases: Vec<_> = found
        .cases
        .iter()
        .map(|case| {
            json!({
                "id": case.id,
                "role": format!("{:?}", case.role).to_lowercase(),
                "shape": case.shape,
                "spacing_mm": case.spacing_mm,
                "orientation": case.orientation,
                "intensities": case.intensities,
                "voxels_by_label": case.labels,
                "voxels_ignored": case.ignored,
            })
        })
        .collect();
    json!({
        "name": found.dataset.name,
        "layout": found.dataset.layout.to_string(),
        "classes": found.dataset.classes,
        "channels": found.dataset.channels,
        "cases": cases,
        "errors": found.errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "warnings": found.warnings,
        "notes": found.dataset.notes,
        "suggestion": suggestion,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
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
            let found = fewer_labels(&dataset(labeled, unlabeled), LabelBudget::Count(8));
            assert_eq!(found, flag, "{labeled} and {unlabeled}");
        }
        assert_eq!(
            fewer_labels(&dataset(3, 0), LabelBudget::Percent(100.0)),
            ""
        );
    }
}
