//! The label maps that `semivox predict` is to write, and what they must not replace.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use semivox_data::{Source, io};
use semivox_trainer::TrainError;
use semivox_trainer::session::FOLDERS_OF_SCANS;

use super::Existing;
use super::scans::same;

/// Returns the scans to predict, after checking that no file is overwritten unasked.
pub(super) fn todo(
    scans: &BTreeMap<String, Source>,
    folder: &Path,
    existing: Existing,
) -> Result<Vec<(String, Source)>, TrainError> {
    let mut todo = Vec::new();
    for (id, scan) in scans {
        let out = output(folder, id);
        let folders = scan.files().into_iter().filter_map(Path::parent);
        if folders.into_iter().any(|own| same(folder, own)) {
            return Err(TrainError::unexpected(
                folder.display(),
                "a folder other than the scan's own",
                "the scan's own, where the label map would replace the scan or be taken for another one",
                "choose another --out",
            ));
        }
        if let Some(taken) = of_data_set(scan, folder) {
            return Err(TrainError::unexpected(
                folder.display(),
                "a folder outside the data set of the scan",
                format!(
                    "{}, where predictions would be taken for scans or label maps",
                    taken.display()
                ),
                "choose another --out",
            ));
        }
        if scan.files().into_iter().any(|file| same(&out, file)) {
            return Err(TrainError::unexpected(
                out.display(),
                "another file than the scan",
                "a link to the scan, or the scan itself, which the label map would replace",
                "choose another --out",
            ));
        }
        match (out.exists(), existing) {
            (true, Existing::Refuse) => {
                return Err(TrainError::unexpected(
                    out.display(),
                    "nothing there yet",
                    "a file that exists already",
                    "choose another --out, or --existing skip or overwrite",
                ));
            }
            (true, Existing::Skip) => {}
            _ => todo.push((id.clone(), scan.clone())),
        }
    }
    Ok(todo)
}

/// Checks that label maps are not written below a folder of scans, where the next run would take them for scans.
pub(super) fn expect_outside(inputs: &[PathBuf], out: &Path) -> Result<(), TrainError> {
    let holds = |input: &&PathBuf| input.is_dir() && io::is_within(out, input);
    match inputs.iter().find(holds) {
        None => Ok(()),
        Some(input) => Err(TrainError::unexpected(
            out.display(),
            format!("a folder outside {}", input.display()),
            "one in it, where label maps would be taken for scans",
            "choose another --out",
        )),
    }
}

/// Returns the folder of scans or label maps, of the data set that a scan belongs to, in which `out` lies.
fn of_data_set(scan: &Source, out: &Path) -> Option<PathBuf> {
    let is_known = |name: &OsStr| FOLDERS_OF_SCANS.iter().any(|known| name == *known);
    let folders = scan.files().into_iter().filter_map(Path::parent);
    let folder = folders
        .into_iter()
        .find(|own| own.file_name().is_some_and(is_known))?;
    let root = folder.parent()?;
    let mut all = FOLDERS_OF_SCANS.iter().map(|name| root.join(name));
    all.find(|folder| folder.is_dir() && io::is_within(out, folder))
}

/// Returns the file of the label map of a scan.
pub(super) fn output(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.nii.gz"))
}
