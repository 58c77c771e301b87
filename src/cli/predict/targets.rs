//! The label maps and probability maps that `semivox predict` is to write, and what they must not replace.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use semivox_data::{Source, io};
use semivox_trainer::TrainError;
use semivox_trainer::session::FOLDERS_OF_SCANS;

use super::Existing;
use super::scans::same;

/// Subfolder of the probability maps, apart from the label maps, since `semivox evaluate` reads a whole folder.
pub(super) const PROBABILITIES: &str = "probabilities";

/// Returns the scans to predict, after checking that no file is overwritten unasked; `classes` are those with a probability
/// map each.
pub(super) fn todo(
    scans: &BTreeMap<String, Source>,
    folder: &Path,
    existing: Existing,
    classes: &[String],
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
        let mut maps = classes
            .iter()
            .map(|class| probability_map(folder, id, class));
        let found = out.exists().then(|| out.clone());
        match (found.or_else(|| maps.find(|map| map.exists())), existing) {
            (Some(file), Existing::Refuse) => {
                return Err(TrainError::unexpected(
                    file.display(),
                    "nothing there yet",
                    "a file that exists already",
                    "choose another --out, or --existing skip or overwrite",
                ));
            }
            (Some(file), Existing::Skip) if file == out => {}
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

/// Checks that every probability map has a file of its own: the map of `left_kidney` of `p1` would be that of `kidney` of
/// `p1_left`.
pub(super) fn expect_distinct(
    scans: &BTreeMap<String, Source>,
    classes: &[String],
) -> Result<(), TrainError> {
    let mut written = BTreeMap::new();
    for id in scans.keys() {
        for class in classes {
            let map = probability_map(Path::new(""), id, class);
            if let Some(other) = written.insert(map.clone(), id) {
                return Err(TrainError::unexpected(
                    map.display(),
                    "the probability map of one scan",
                    format!("those of {other} and {id}"),
                    "predict these scans into different folders",
                ));
            }
        }
    }
    Ok(())
}

/// Returns the file of the probability map of a scan and a class, below the folder of the label maps.
pub(super) fn probability_map(folder: &Path, id: &str, class: &str) -> PathBuf {
    output(&folder.join(PROBABILITIES), &format!("{id}_{class}"))
}

/// Returns the file of the label map of a scan.
pub(super) fn output(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.nii.gz"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn probability_maps_of_two_scans_never_share_a_file() {
        let scans = |names: &[&str]| {
            let named = names.iter().map(|name| {
                let file = PathBuf::from(format!("{name}.nii.gz"));
                (name.to_string(), Source::from(file))
            });
            named.collect::<BTreeMap<_, _>>()
        };
        let classes = ["left_kidney", "kidney"].map(String::from);
        expect_distinct(&scans(&["p1", "p2"]), &classes).unwrap();
        let refused = expect_distinct(&scans(&["p1", "p1_left"]), &classes).unwrap_err();
        let message = refused.to_string();
        assert!(
            message.contains("p1_left_kidney.nii.gz")
                && message.contains("those of p1 and p1_left"),
            "{message}"
        );
    }

    #[test]
    fn an_existing_probability_map_is_not_replaced_unasked() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("out");
        let map = probability_map(&folder, "p1", "kidney");
        std::fs::create_dir_all(map.parent().unwrap()).unwrap();
        std::fs::write(&map, "").unwrap();
        let file = dir.path().join("scans/p1.nii.gz");
        let scans = BTreeMap::from([("p1".to_string(), Source::from(file))]);
        let count = |existing, classes: &[String]| {
            todo(&scans, &folder, existing, classes).map(|todo| todo.len())
        };
        let classes = ["kidney".to_string()];
        let refused = count(Existing::Refuse, &classes).unwrap_err().to_string();
        assert!(refused.contains("p1_kidney.nii.gz"), "{refused}");
        assert_eq!(count(Existing::Refuse, &[]).unwrap(), 1);
        // Without its label map, the scan is not finished.
        assert_eq!(count(Existing::Skip, &classes).unwrap(), 1);
        assert_eq!(count(Existing::Overwrite, &classes).unwrap(), 1);
    }
}
