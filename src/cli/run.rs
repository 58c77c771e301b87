//! The flags of every training, and what they do.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use semivox_data::layout::{self, HoldOut, Layout};
use semivox_data::{Dataset, LabelBudget, Survey};
use semivox_trainer::TrainError;
use semivox_trainer::config::RunConfig;
use semivox_trainer::method::MethodConfig;
use semivox_trainer::presets::Task;
use semivox_trainer::session::{Session, Summary};
use semivox_trainer::training::{Observer, Outcome};

use serde_json::json;

use super::interrupt;
use super::progress::Progress;
use super::table;

/// Which data, and how they are split.
#[derive(Debug, Args)]
pub(super) struct DataArguments {
    /// Folder of scans: images/ with labels/ for some of them, or a public data set as it comes.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// la, acdc, pancreas, msd or folder (own scans) [default: by the content].
    #[arg(long, requires = "data")]
    pub layout: Option<Layout>,
    /// How many training cases keep their label, such as 8 or 10%; the others are used without.
    /// ACDC counts patients.
    #[arg(long, value_name = "N|N%")]
    pub labeled: Option<LabelBudget>,
    /// A file with the cases to test on, one a line; they do not train.
    #[arg(long, value_name = "FILE")]
    pub test_list: Option<PathBuf>,
}

/// The flags that all trainings share.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    pub data: DataArguments,
    /// smoke (phantoms, minutes), compact (scans on a CPU) or paper (scans on a GPU) [default:
    /// compact with --data, else smoke].
    #[arg(long)]
    pub preset: Option<String>,
    /// Training iterations in all, over all stages.
    #[arg(long, value_name = "N")]
    pub iterations: Option<u64>,
    /// Change any setting: --set method.optimizer.learning_rate=0.02. May be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = assignment)]
    pub settings: Vec<(String, String)>,
    /// cpu, or cuda[:N], wgpu[:N], vulkan[:N], metal where compiled in [default: cpu].
    #[arg(long)]
    pub device: Option<String>,
    /// Show nothing but warnings and the result.
    #[arg(long, short)]
    pub quiet: bool,
}

/// The observer of a quiet run, which shows warnings alone.
pub(super) struct Warnings;

impl Observer for Warnings {
    fn notice(&self, sentence: &str) {
        eprintln!("warning: {sentence}");
    }
}

impl RunArguments {
    fn preset(&self) -> &str {
        let fallback = match self.data.data {
            Some(_) => "compact",
            None => "smoke",
        };
        self.preset.as_deref().unwrap_or(fallback)
    }
}

/// What a single training has beside those.
#[derive(Debug, Args)]
pub(super) struct SingleArguments {
    #[command(flatten)]
    pub run: RunArguments,
    /// Seed of every random choice [default: 0].
    #[arg(long)]
    pub seed: Option<u64>,
    /// Folder for everything the run leaves behind [default: runs/METHOD_TASK].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on with the run in --out, with the settings stored there.
    #[arg(long, conflicts_with_all = ["data", "layout", "labeled", "test_list", "preset", "iterations", "settings", "device", "seed"])]
    pub resume: bool,
    /// Print the result as one line of JSON.
    #[arg(long)]
    pub json: bool,
}

pub(super) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.trim().into(), value.trim().into())),
        _ => Err(format!("expected KEY=VALUE, found '{text}'")),
    }
}

/// The help of a flag that takes a method.
pub(super) fn method_help() -> String {
    format!(
        "One of {}; METHOD:ABLATION for a row of its paper's ablations",
        MethodConfig::NAMES.join(", ")
    )
}

/// A method, or `METHOD:ABLATION`, as part of a folder's name on any system.
pub(super) fn file_name(method: &str) -> String {
    method.replace(':', "_")
}

/// Starts a run in `out` with these settings, or goes on with the one there if there are none.
pub(super) fn train(
    arguments: &SingleArguments,
    out: &Path,
    config: Option<RunConfig>,
) -> Result<ExitCode, TrainError> {
    let quiet = arguments.run.quiet;
    let mut progress = Progress::new();
    let mut warnings = Warnings;
    let observer: &mut dyn Observer = match quiet {
        true => &mut warnings,
        false => &mut progress,
    };
    let session = match config {
        None => Session::resume(out, observer)?,
        Some(config) => Session::start(config, out, observer)?,
    };
    if !quiet {
        eprintln!("{}", described(session.config(), session.dataset()));
    }
    for note in &session.dataset().notes {
        observer.notice(note);
    }
    let stop = interrupt::stop_on_ctrl_c()?;
    let summary = session.run(observer, &stop)?;
    Ok(tell(&summary, out, arguments.json))
}

fn tell(summary: &Summary, out: &Path, as_json: bool) -> ExitCode {
    let path = out.display();
    if as_json {
        let step = match summary.outcome {
            Outcome::Finished => None,
            Outcome::Interrupted { step } => Some(step),
        };
        super::print_json(&json!({
            "run": path.to_string(),
            "interrupted_after_step": step,
            "dice_before": summary.dice_before,
            "mean": summary.evaluation.as_ref().map(|e| &e.mean),
            "undefined": summary.evaluation.as_ref().map(|e| &e.undefined),
        }));
    }
    match summary.outcome {
        Outcome::Interrupted { step } => {
            eprintln!("Stopped after step {step}, saved. Add --resume --out {path} to go on.");
            ExitCode::from(130)
        }
        Outcome::Finished => {
            if !as_json {
                print_results(summary, out);
            }
            ExitCode::SUCCESS
        }
    }
}

fn print_results(summary: &Summary, out: &Path) {
    match &summary.evaluation {
        Some(evaluation) => println!("{evaluation}"),
        None => println!("No test cases, no evaluation."),
    }
    if let (Some(before), Some(after)) = (summary.dice_before, summary.dice()) {
        println!("Mean Dice before training {before:.4}, after {after:.4}.");
    }
    println!("Report: {}", out.join("report.html").display());
}

/// The preset with what the flags say otherwise; [`surveyed`] scans decide where the task follows them.
pub(super) fn configuration(
    arguments: &RunArguments,
    task: Task,
    survey: Option<&Survey>,
    method: &str,
) -> Result<RunConfig, TrainError> {
    let preset = arguments.preset();
    let config = match survey {
        Some(survey) => task.fitted(survey, preset, method)?,
        None => task.preset(preset, method)?,
    };
    overridden(config, arguments)
}

/// Settings with what the flags say otherwise.
pub(super) fn overridden(
    mut config: RunConfig,
    arguments: &RunArguments,
) -> Result<RunConfig, TrainError> {
    let DataArguments {
        data,
        layout,
        labeled,
        test_list,
    } = &arguments.data;
    if let Some(data) = data {
        let root = Some(absolute(data)?);
        if config.data.root != root {
            config.data.classes.clear(); // those of the data set that the settings came from
        }
        config.data.root = root;
        config.data.layout = *layout;
    }
    if let Some(list) = test_list {
        config.data.test_list = Some(absolute(list)?);
    }
    if let Some(labeled) = labeled {
        config.data.labeled = *labeled;
    }
    if let Some(device) = &arguments.device {
        config.device.clone_from(device);
    }
    if let Some(iterations) = arguments.iterations {
        config.method = config.method.with_iterations(iterations);
    }
    let settings = arguments.settings.iter();
    config.with_values(settings.map(|(key, value)| (key.as_str(), value.as_str())))
}

/// A path that means the same wherever a run is resumed from.
fn absolute(path: &Path) -> Result<PathBuf, TrainError> {
    std::path::absolute(path)
        .map_err(|error| TrainError::Input(format!("{}: {error}; check the path", path.display())))
}

/// The task of the data set in a folder.
pub(super) fn task_of(root: &Path, layout: Option<Layout>) -> Result<Task, TrainError> {
    let layout = layout.map_or_else(|| layout::detect(root), Ok)?;
    // Nowhere else does the name decide, and to open other data sets may take reading label maps.
    let name = match layout {
        Layout::Msd => layout::msd::open(root)?.name,
        _ => String::new(),
    };
    Ok(Task::of(layout, &name))
}

/// What the labeled scans are like, if the task's settings follow from them; labels that the run will not see are not
/// opened.
pub(super) fn surveyed(
    arguments: &RunArguments,
    task: Task,
    method: &str,
) -> Result<Option<Survey>, TrainError> {
    let data = &arguments.data;
    let Some(root) = data.data.as_ref().filter(|_| task.follows_scans()) else {
        return Ok(None);
    };
    let mut config = task.preset(arguments.preset(), method)?;
    if task == Task::Own {
        config.data.labeled = LabelBudget::Percent(100.0);
    }
    let labeled = overridden(config, arguments)?.data.labeled;
    let dataset = layout::open_split_as(root, data.layout, &hold_out(data)?, labeled)?;
    let survey = Survey::read(&dataset.labeled, dataset.classes.len())?;
    Ok(Some(survey))
}

/// The cases that the flags hold out.
pub(super) fn hold_out(data: &DataArguments) -> Result<HoldOut, TrainError> {
    Ok(match &data.test_list {
        Some(list) => HoldOut::read(list)?,
        None => HoldOut::default(),
    })
}

/// What a run is about to do, in a few lines.
fn described(config: &RunConfig, dataset: &Dataset) -> String {
    let preprocess = &config.data.preprocess;
    format!(
        "  method   {}, {} iterations, seed {}\n  data     {}: {} labeled, {} unlabeled, {} test; {}, {}\n  \
         classes  {}\n  network  {}, {} filters, patches of {}, on {}\n  preset   {} for {}; every setting is in config.toml",
        config.method_title(),
        config.method.settings().iterations(),
        config.seed,
        dataset.name,
        dataset.labeled.len(),
        dataset.unlabeled.len(),
        dataset.test.len(),
        table::grid(preprocess),
        preprocess.intensity,
        dataset.classes.join(", "),
        config.network.architecture,
        config.network.filters,
        table::shape(config.patch),
        config.device,
        config.preset,
        config.task,
    )
}
