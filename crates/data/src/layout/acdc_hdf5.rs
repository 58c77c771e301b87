//! ACDC in the field's HDF5 files, slices and volumes.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::acdc_names::is_id;
use super::assemble::{self, Found};
use super::file_names;
use super::lists::{HELD_OUT, List, Lists};
use crate::names::some_of;
use crate::{AxisOrder, DataError, Dataset, Source};

/// Folders that may contain the HDF5 files.
const FOLDERS: [&str; 4] = ["", "data", "slices", "data/slices"];

/// Spacing of the field's HDF5 files, which do not store it.
const SPACING_MM: [f64; 3] = [1.0; 3];

const NO_SPACING: &str = "the HDF5 files store no spacing, which is taken for 1: distances are in voxels, whatever their unit is \
                          called; for millimeters use the NIfTI files";

/// Whether there are HDF5 files of this data set.
pub(super) fn has_hdf5(root: &Path) -> Result<bool, DataError> {
    let files = Files::find(root)?;
    Ok(!files.slices.is_empty() || !files.volumes.is_empty())
}

/// HDF5 files: slices by case and number, volumes by case.
#[derive(Default)]
struct Files {
    slices: BTreeMap<String, BTreeMap<u32, PathBuf>>,
    volumes: BTreeMap<String, PathBuf>,
}

impl Files {
    fn find(root: &Path) -> Result<Self, DataError> {
        let mut found = Self::default();
        for folder in FOLDERS
            .map(|name| root.join(name))
            .iter()
            .filter(|path| path.is_dir())
        {
            for name in file_names::names(folder)? {
                let Some(id) = name.strip_suffix(".h5").filter(|id| is_id(id)) else {
                    continue;
                };
                let path = folder.join(&name);
                match id.split_once("_slice_") {
                    None => expect_new(found.volumes.insert(id.into(), path.clone()), &path)?,
                    Some((case, number)) => {
                        let number = number.parse().map_err(|_| {
                            let found = format!("`{number}`");
                            DataError::unexpected(
                                &path,
                                "a slice number after `_slice_`",
                                found,
                                "rename the file",
                            )
                        })?;
                        let slices = found.slices.entry(case.into()).or_default();
                        expect_new(slices.insert(number, path.clone()), &path)?;
                    }
                }
            }
        }
        Ok(found)
    }

    /// A note on the cases that are not among those used, if there are any.
    fn note_on_others(&self, used: &HashSet<&String>) -> Option<String> {
        let all: BTreeSet<&String> = self.slices.keys().chain(self.volumes.keys()).collect();
        let others: Vec<&String> = all.into_iter().filter(|id| !used.contains(id)).collect();
        (!others.is_empty()).then(|| format!("in no list, and not used: {}", some_of(&others)))
    }

    /// A training case: its slices, or else its volume.
    fn training(&self, id: &str) -> Result<Option<Found>, DataError> {
        match self.slices.get(id) {
            Some(slices) => stacked(slices).map(Some),
            None => Ok(self.volumes.get(id).map(|path| volume(path))),
        }
    }

    /// A test case: its volume, or else its slices.
    fn testing(&self, id: &str) -> Result<Option<Found>, DataError> {
        match self.volumes.get(id) {
            Some(path) => Ok(Some(volume(path))),
            None => self.slices.get(id).map(stacked).transpose(),
        }
    }
}

/// Opens the data set from its HDF5 files.
pub(super) fn open(root: &Path) -> Result<Dataset, DataError> {
    let files = Files::find(root)?;
    if files.slices.is_empty() && files.volumes.is_empty() {
        let expected = "`images/` or files `patientNNN_frameNN_slice_K.h5`";
        return Err(DataError::unexpected(
            root,
            expected,
            "neither",
            "check the path",
        ));
    }
    let train = List::find(root, &["train.list", "train_slices.list"])?;
    let lists = Lists::with_training(train, root, &HELD_OUT)?
        .map(by_case)
        .disjoint()?;
    let only_volume = |id: &&String| !files.slices.contains_key(*id) && lists.train.is_none();
    let test_ids = match &lists.test {
        Some(list) => list.names.clone(),
        None => files.volumes.keys().filter(only_volume).cloned().collect(),
    };
    let train_ids = match &lists.train {
        Some(list) => list.names.clone(),
        None => files
            .slices
            .keys()
            .filter(|id| !lists.holds_out(id))
            .cloned()
            .collect(),
    };
    let mut dataset = assemble::empty();
    dataset.notes.push(NO_SPACING.into());
    dataset.notes.extend(lists.note());
    let used: HashSet<&String> = (test_ids.iter().chain(&train_ids))
        .chain(lists.set_aside())
        .collect();
    dataset.notes.extend(files.note_on_others(&used));
    for id in test_ids {
        let found = present(files.testing(&id)?, &id, lists.test.as_ref())?;
        let found = assemble::tested(&id, found, lists.test.as_ref())?;
        dataset.test.push(found);
    }
    for id in train_ids {
        let found = present(files.training(&id)?, &id, lists.train.as_ref())?;
        assemble::train_on(&mut dataset, id, found);
    }
    Ok(dataset)
}

/// Returns an error if another file has the same volume or slice.
fn expect_new(other: Option<PathBuf>, path: &Path) -> Result<(), DataError> {
    match other {
        None => Ok(()),
        Some(other) => Err(DataError::unexpected(
            path,
            "one file for each volume or slice",
            format!("also {}", other.display()),
            "remove one of the two",
        )),
    }
}

fn present(found: Option<Found>, id: &str, list: Option<&List>) -> Result<Found, DataError> {
    let mut cases = found
        .map(|found| (id.to_string(), found))
        .into_iter()
        .collect();
    assemble::take(&mut cases, id, list)
}

/// Replaces slice names by case names, each once, in the order of the list.
fn by_case(mut list: List) -> List {
    let mut seen = HashSet::new();
    let case = |name: &String| {
        name.split_once("_slice_")
            .map_or(name.clone(), |(case, _)| case.to_string())
    };
    list.names = list
        .names
        .iter()
        .map(case)
        .filter(|name| seen.insert(name.clone()))
        .collect();
    list
}

fn stacked(slices: &BTreeMap<u32, PathBuf>) -> Result<Found, DataError> {
    if let Some(((before, path), (after, _))) = slices
        .iter()
        .zip(slices.iter().skip(1))
        .find(|((a, _), (b, _))| *a + 1 != **b)
    {
        let found = format!("slice {after} after slice {before}");
        return Err(DataError::unexpected(
            path,
            "slice numbers without a gap",
            found,
            "add the missing slices",
        ));
    }
    let source = |dataset: &str| Source::Hdf5Slices {
        paths: slices.values().cloned().collect(),
        dataset: dataset.into(),
        spacing_mm: SPACING_MM,
    };
    Ok(Found {
        image: source("image"),
        label: Some(source("label")),
    })
}

fn volume(path: &Path) -> Found {
    let source = |dataset: &str| Source::Hdf5 {
        path: path.to_path_buf(),
        dataset: dataset.into(),
        axes: AxisOrder::SlicesFirst,
        spacing_mm: SPACING_MM,
    };
    Found {
        image: source("image"),
        label: Some(source("label")),
    }
}
