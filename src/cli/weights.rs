//! The commands `semivox export` and `semivox import`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use semivox_inference::{Description, FILE_NAME, Model, device};
use semivox_trainer::TrainError;
use semivox_trainer::config::RunConfig;
use semivox_trainer::importing;
use semivox_trainer::presets::{self, Task};

use super::training::prepared;

#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    /// Run folder.
    model: PathBuf,
    /// File to write, NAME.safetensors, or folder for a model.safetensors.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Endings of weights in formats that are not written.
const OTHER_FORMATS: [&str; 7] = ["pt", "pth", "pkl", "ckpt", "onnx", "h5", "bin"];

pub(super) fn export(arguments: &ExportArguments) -> Result<ExitCode, TrainError> {
    let out = &arguments.out;
    if out.exists() {
        return Err(TrainError::unexpected(
            out.display(),
            "nothing there yet",
            "a file or folder that exists already",
            "choose another --out",
        ));
    }
    let ending = out.extension().unwrap_or_default().to_string_lossy();
    if OTHER_FORMATS.contains(&ending.to_lowercase().as_str()) {
        return Err(TrainError::unexpected(
            out.display(),
            "a name that ends in .safetensors, or a folder",
            format!("the ending .{ending}"),
            "choose another --out: safetensors are written, which PyTorch reads with the package of that name",
        ));
    }
    let out = Model::open(&arguments.model)?.save(out)?;
    println!("Written: {}", out.display());
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct ImportArguments {
    /// File of weights: safetensors, or written by torch.save.
    file: PathBuf,
    /// Folder for the model, or model file to write (.safetensors).
    #[arg(long, value_name = "DIR|FILE")]
    out: PathBuf,
    /// Task that determines the preprocessing of scans: la, acdc, hippocampus, pancreas or own.
    #[arg(long)]
    task: Task,
    /// Preset of the task.
    #[arg(long, default_value = "paper", value_parser = PossibleValuesParser::new(presets::NAMES))]
    preset: String,
    /// Names of the classes, the background first, separated by commas.
    #[arg(long, value_delimiter = ',')]
    classes: Vec<String>,
    /// Change a setting, as in --set data.preprocess.intensity=z_score; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = super::run::assignment)]
    settings: Vec<(String, String)>,
}

const AFTER: &str = "\
Supported are the V-Nets of UA-MT, SSL4MIS, DTC and MC-Net and the U-Nets of SSL4MIS. A file of weights does not
state the preprocessing of its scans, so --task, --preset and --set must.

  semivox import iter_6000.pth --task la --out runs/imported
  semivox predict runs/imported scan.nii.gz --out predicted/";

fn configuration(arguments: &ImportArguments) -> Result<RunConfig, TrainError> {
    let config = arguments.task.preset(&arguments.preset, "supervised")?;
    let settings = arguments.settings.iter();
    let mut config = config.with_values(settings.map(|(k, v)| (k.as_str(), v.as_str())))?;
    if !arguments.classes.is_empty() {
        config.data.classes.clone_from(&arguments.classes);
    }
    Ok(config)
}

pub(super) fn import(arguments: &ImportArguments) -> Result<ExitCode, TrainError> {
    let config = configuration(arguments)?;
    let out = &arguments.out;
    if out.is_file() || out.join(FILE_NAME).exists() {
        return Err(TrainError::unexpected(
            out.display(),
            "no model there yet",
            "one that exists already",
            "choose another --out",
        ));
    }
    let cpu = device::by_name("cpu")?;
    let prepared = prepared(&config.data);
    let (model, leftovers) = importing::import(&arguments.file, config, &cpu)?;
    let file = model.save(out)?;
    if Description::read(&arguments.file).is_ok() {
        tell!(
            "warning: {} is a model of Semivox, whose classes and preprocessing are left out here; semivox predict takes the file itself",
            arguments.file.display()
        );
    }
    for (what, names) in [
        ("in the file but not used", leftovers.unused),
        ("not in the file, initialized at random", leftovers.kept),
    ] {
        if !names.is_empty() {
            println!("{what}: {}", names.join(", "));
        }
    }
    println!("Written: {}", file.display());
    println!(
        "Scans are prepared by --task {}, --preset {} and --set: {prepared}",
        arguments.task, arguments.preset
    );
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn classes_come_from_their_flag_or_from_set() {
        #[derive(Debug, clap::Parser)]
        struct Line {
            #[command(flatten)]
            import: ImportArguments,
        }
        let classes = |flags: &[&str]| {
            let required = ["x", "a.pth", "--out", "b", "--task", "own"];
            let line: Line = clap::Parser::parse_from(required.iter().chain(flags));
            configuration(&line.import).unwrap().data.classes
        };
        let set = ["--set", "data.classes=['nothing', 'ball']"];
        assert_eq!(classes(&set), ["nothing", "ball"]);
        let flag = ["--classes", "background,liver"];
        assert_eq!(classes(&flag), ["background", "liver"]);
        assert_eq!(classes(&[flag, set].concat()), ["background", "liver"]);
    }
}
