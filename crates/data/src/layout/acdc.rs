//! Layout of ACDC, the cine MR of the Automated Cardiac Diagnosis Challenge.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Layout;
use super::assemble::{self, Found};
use super::lists::{HELD_OUT, List, Lists};
use super::{file_names, pairing};
use crate::{AxisOrder, DataError, Dataset, Source};

pub use crate::unit::patient;

/// Folders that may contain the HDF5 files.
const FOLDERS: [&str; 4] = ["", "data", "slices", "data/slices"];

/// Spacing of the field's HDF5 files, which do not store it.
const SPACING_MM: [f64; 3] = [1.0; 3];

/// Opens ACDC from `images/` and `labels/`, or from the field's HDF5 files.
///
/// HDF5 training cases consist of slices, `ID_slice_K.h5`, in the order of the number `K`; HDF5 test cases
/// are volumes, `ID.h5`, with the slice axis first. They may be in the folder itself, in `data/`,
/// `slices/` or `data/slices/`. The loaded arrays are `[x, y, slice]` in both cases. Lists are as in
/// [`la::open`](super::la::open); HDF5 cases may also be listed by slice in `train_slices.list`. Without lists, HDF5 slices are training
/// cases and HDF5 volumes test cases.
///
/// The HDF5 files do not store the spacing; it is set to 1 mm.
///
/// # Errors
///
/// As for [`la::open`](super::la::open), [`DataError::Unexpected`] for a case whose slice numbers have a
/// gap, and [`DataError::SplitPatient`] for a patient with one frame held out and another in training.
///
/// # Notes
///
/// A case is one frame; a patient has two, see [`patient`]. [`open_labeled`](super::open_labeled) counts
/// patients, as is usual in the field: 1, 2 and 7 of the 70 training patients are 1.25 %, 2.5 % and 10 %.
/// [`Dataset::keep_labeled`] counts cases.
///
/// # References
///
/// Bernard et al., "Deep learning techniques for automatic MRI cardiac
/// multi-structures segmentation and diagnosis: is the problem solved?", IEEE
/// Transactions on Medical Imaging, 2018.
///
/// # Examples
///
/// ```
/// let error = semivox_data::layout::acdc::open("no/such/folder").unwrap_err();
/// assert!(error.to_string().contains("no/such/folder"));
/// ```
pub fn open(root: impl AsRef<Path>) -> Result<Dataset, DataError> {
    let root = root.as_ref();
    let mut dataset = if root.join("images").is_dir() {
        assemble::by_lists(root, &HELD_OUT, pairing::paired(root, Some(1))?)?
    } else {
        open_hdf5(root)?
    };
    dataset
        .refuse_parted(patient)
        .map_err(|source| DataError::InFile {
            file: root.display().to_string(),
            source: Box::new(source),
        })?;
    dataset.layout = Layout::Acdc;
    dataset.name = "ACDC".into();
    dataset.classes = assemble::classes(&[
        "background",
        "right ventricle",
        "myocardium",
        "left ventricle",
    ]);
    Ok(dataset)
}

/// Whether a name has the form of a case of this data set, `patientNNN_frameNN` with what follows it.
pub(super) fn is_id(name: &str) -> bool {
    let digits = |text: &str, count: usize| {
        let bytes = text.as_bytes();
        bytes.len() >= count && bytes[..count].iter().all(u8::is_ascii_digit)
    };
    let parts = name
        .strip_prefix("patient")
        .and_then(|rest| rest.split_once("_frame"));
    parts.is_some_and(|(patient, frame)| {
        patient.len() == 3 && digits(patient, 3) && digits(frame, 2)
    })
}

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
                    None => _ = found.volumes.insert(id.into(), path),
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
                        found
                            .slices
                            .entry(case.into())
                            .or_default()
                            .insert(number, path);
                    }
                }
            }
        }
        Ok(found)
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

fn open_hdf5(root: &Path) -> Result<Dataset, DataError> {
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
    dataset.notes.extend(lists.note());
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

fn present(found: Option<Found>, id: &str, list: Option<&List>) -> Result<Found, DataError> {
    let mut cases = found
        .map(|found| (id.to_string(), found))
        .into_iter()
        .collect();
    assemble::take(&mut cases, id, list)
}

/// Replaces slice names by case names, each once, in the order of the list.
fn by_case(mut list: List) -> List {
    let mut seen = std::collections::HashSet::new();
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
