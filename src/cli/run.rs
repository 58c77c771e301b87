//! Flags shared by the training commands.

mod settings;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use semivox_data::LabelBudget;
use semivox_data::layout::Layout;
use semivox_methods::method_config::MethodConfig;
use semivox_trainer::presets::{self, Task};

pub(super) use settings::{configuration, counted_survey, hold_out, overridden, surveyed, task_of};

/// Flags that select the data and its split.
#[derive(Debug, Clone, Args)]
pub(super) struct DataArguments {
    /// Folder of scans: images/, with labels/ for some of them, or an unchanged public data set.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Layout of the folder: la, acdc, pancreas, msd or folder (own scans) [default: detected].
    #[arg(long, requires = "data")]
    pub layout: Option<Layout>,
    /// Number of training cases that keep their label map, such as 8 or 10%; the others are unlabeled.
    /// Cases of one patient count as one.
    #[arg(long, value_name = "N|N%")]
    pub labeled: Option<LabelBudget>,
    /// File with the names of the test cases, one per line; they are not trained on.
    #[arg(long, value_name = "FILE")]
    pub test_list: Option<PathBuf>,
    /// Number of the labeled cases that are not trained on, such as 2 or 25%, but on which the result is measured; the
    /// last ones, cases of one patient together.
    #[arg(long, value_name = "N|N%")]
    pub validation: Option<LabelBudget>,
    /// Leave training cases out whose scan or patient is in the test or validation data [default: such data are refused].
    #[arg(long, conflicts_with = "allow_leaks")]
    pub exclude_duplicates: bool,
    /// Train also on scans or patients of the test or validation data; every result says so.
    #[arg(long)]
    pub allow_leaks: bool,
}

/// Flags of every training command.
#[derive(Debug, Clone, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    pub data: DataArguments,
    /// Preset: smoke (phantoms, minutes), quick (from half an hour on two cores), standard (from one and a half) or paper (scans on a GPU) [default:
    /// quick with --data, else smoke].
    #[arg(long, value_parser = PossibleValuesParser::new(presets::NAMES))]
    pub preset: Option<String>,
    /// Number of training iterations over all stages.
    #[arg(long, value_name = "N")]
    pub iterations: Option<u64>,
    /// Change a setting, as in --set method.optimizer.learning_rate=0.02; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = assignment)]
    pub settings: Vec<(String, String)>,
    /// Device: cpu, or cuda[:N], wgpu[:N], vulkan[:N], metal, ndarray where compiled in [default: cpu].
    #[arg(long)]
    pub device: Option<String>,
    /// Print only warnings and the result.
    #[arg(long, short)]
    pub quiet: bool,
}

impl RunArguments {
    /// Returns the name of the preset: `--preset`, else `quick` with `--data` and `smoke` without.
    pub(super) fn preset(&self) -> &str {
        let fallback = match self.data.data {
            Some(_) => "quick",
            None => "smoke",
        };
        self.preset.as_deref().unwrap_or(fallback)
    }
}

/// Flags of a command that trains once, in addition to the shared ones.
#[derive(Debug, Args)]
pub(super) struct SingleArguments {
    #[command(flatten)]
    pub run: RunArguments,
    /// Time for the training, such as 2h or 45m, in place of a number of iterations: a few steps are timed on this machine,
    /// and the number that fits is stored in config.toml. Evaluation comes on top.
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "iterations")]
    pub budget: Option<Duration>,
    /// Random seed of the run [default: 0].
    #[arg(long)]
    pub seed: Option<u64>,
    /// Run folder, which receives all output [default: runs/METHOD_TASK].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Resume the run in --out or runs/METHOD_TASK, with the settings stored there; --data and --test-list give the new
    /// places of a data set and a list that were moved, --device another device.
    #[arg(long, conflicts_with_all = ["layout", "labeled", "validation", "exclude_duplicates", "allow_leaks", "preset", "iterations", "budget", "settings", "seed"])]
    pub resume: bool,
    /// Print the result as one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// Parses a time such as `2h`, `45m` or `1.5h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let seconds = match &text[number.len()..] {
        "h" => 3_600.0,
        "m" | "min" => 60.0,
        "s" => 1.0,
        _ => f64::NAN,
    };
    let value = number.parse().unwrap_or(f64::NAN) * seconds;
    match Duration::try_from_secs_f64(value) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err(format!(
            "expected a time such as 2h, 45m or 90s, found '{text}'"
        )),
    }
}

/// Keys that only say where settings come from, and what chooses these settings.
const NAMES: [(&str, &str); 4] = [
    ("preset", "--preset"),
    ("task", "--task"),
    ("ablation", "METHOD:ABLATION"),
    ("method.name", "another METHOD"),
];

/// Keys that decide on more than the settings, for which flags are read before.
const FLAGS: [(&str, &str); 6] = [
    ("seed", "--seed, or --seeds of compare"),
    ("device", "--device"),
    ("data.phantom.seed", "--seed, or --seeds of compare"),
    ("data.root", "--data"),
    ("data.layout", "--layout"),
    ("data.test_list", "--test-list"),
];

/// Parses `KEY=VALUE`.
pub(super) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => {
            let key = key.trim();
            let is_key = |(name, _): &&(&str, &str)| *name == key;
            if let Some((_, instead)) = NAMES.iter().find(is_key) {
                return Err(format!(
                    "{key} is the name of settings, which it would not change: use {instead}"
                ));
            }
            match FLAGS.iter().find(is_key) {
                None => Ok((key.into(), value.trim().into())),
                Some((_, flag)) => Err(format!("{key} has a flag of its own: use {flag}")),
            }
        }
        _ => Err(format!("expected KEY=VALUE, found '{text}'")),
    }
}

/// Returns the help text of a flag that takes a method.
pub(super) fn method_help() -> String {
    format!(
        "One of {}; METHOD:ABLATION for an ablation of a paper, or a control such as supervised:copy_paste",
        MethodConfig::NAMES.join(", ")
    )
}

/// Returns a method name, or `METHOD:ABLATION`, in a form that file names of every system allow.
pub(super) fn file_name(method: &str) -> String {
    method.replace(':', "_")
}

/// Returns the run folder that is used without `--out`.
pub(super) fn default_folder(method: &str, task: Task) -> PathBuf {
    Path::new("runs").join(format!("{}_{task}", file_name(method)))
}
