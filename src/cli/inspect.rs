//! The command `semivox inspect`.

mod decisions;
mod facts;
mod plan;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use semivox_data::inspect::Inspection;
use semivox_data::layout::mend::{Mended, mend};
use semivox_data::layout::{HoldOut, Layout};
use semivox_trainer::TrainError;
use serde_json::json;

use super::progress::Counter;
use facts::described;
use plan::suggestion;

#[derive(Debug, Clone, Args)]
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
    /// Write a mended copy of the data set to this new folder, as own scans, and inspect the copy: label maps get the names
    /// and grids of their images, label values and channels a description, scans of several files one file.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["layout", "json"])]
    fix: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, TrainError> {
    match &arguments.fix {
        None => inspected(arguments),
        Some(out) => {
            let all = fixed(&arguments.dir, out)?;
            let copy = Arguments {
                dir: out.clone(),
                fix: None,
                ..arguments.clone()
            };
            let found = inspected(&copy)?;
            Ok(if all { found } else { ExitCode::FAILURE })
        }
    }
}

/// Writes a mended copy and lists the mends. Returns whether all cases are in it.
fn fixed(dir: &Path, out: &Path) -> Result<bool, TrainError> {
    let counter = Counter::new("copying", false);
    let Mended {
        images,
        labels,
        mends,
        left,
    } = mend(dir, out, &|done, total| counter.at(done, total))?;
    counter.finish();
    let out = out.display();
    println!("{out}: a copy of {images} images and {labels} label maps");
    for (title, lines) in [("mended", &mends), ("left out", &left)] {
        print!("{}", facts::section(title, lines));
    }
    Ok(left.is_empty())
}

/// Inspects a data set and prints the findings.
fn inspected(arguments: &Arguments) -> Result<ExitCode, TrainError> {
    let test = match &arguments.test_list {
        Some(list) => HoldOut::read(list)?,
        None => HoldOut::default(),
    };
    let counter = Counter::new("reading", arguments.json);
    let found = Inspection::read_as(&arguments.dir, arguments.layout, &test, &|done, total| {
        counter.at(done, total);
    })?;
    counter.finish();
    let planned = suggestion(arguments, &found);
    let is_planned = planned.is_ok();
    let suggestion = planned.unwrap_or_else(|reason| reason);
    match arguments.json {
        true => super::print_json(&as_json(&found, &suggestion)),
        false => print!("{}", described(&found, arguments.cases, &suggestion)),
    }
    Ok(match found.errors.is_empty() && is_planned {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
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
                "fingerprint": case.fingerprint,
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
