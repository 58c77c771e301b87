//! Data sets of phantoms, in memory and on disk.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use rayon::prelude::*;

use super::{PhantomConfig, case};
use crate::io::{write_labels, write_volume};
use crate::{DataError, LabelMap, Volume};

/// A phantom with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct PhantomCase {
    /// Name, `phantom_000` and so on.
    pub id: String,
    /// The image.
    pub volume: Volume,
    /// The label map.
    pub labels: LabelMap,
}

/// Disjoint training and test cases.
#[derive(Debug, Clone, PartialEq)]
pub struct PhantomSet {
    /// Cases with indices `0..n_train`.
    pub train: Vec<PhantomCase>,
    /// Cases with indices from `n_train` on.
    pub test: Vec<PhantomCase>,
}

/// Generates a data set in memory, with the same cases as [`write_dataset`].
///
/// # Examples
///
/// ```
/// use semivox_data::phantom::{PhantomConfig, dataset};
///
/// let config = PhantomConfig { shape: [16, 16, 8], ..Default::default() };
/// let set = dataset(2, 1, &config);
/// assert_eq!((set.train.len(), set.test[0].id.as_str()), (2, "phantom_002"));
/// ```
pub fn dataset(n_train: usize, n_test: usize, config: &PhantomConfig) -> PhantomSet {
    let mut train = cases(0..n_train + n_test, config, |case| case);
    let test = train.split_off(n_train);
    PhantomSet { train, test }
}

/// Writes a data set in the layout of LA: `images/ID.nii.gz`, `labels/ID.nii.gz`, `train.list`,
/// `test.list` and `classes.txt`. Empty lists are not written; those of an earlier data set are removed.
///
/// # Errors
///
/// [`DataError::Io`] if a file or folder cannot be written.
///
/// # Examples
///
/// ```
/// use semivox_data::{layout, phantom::{PhantomConfig, write_dataset}};
///
/// let dir = tempfile::tempdir()?;
/// let config = PhantomConfig { shape: [16, 16, 8], ..Default::default() };
/// write_dataset(dir.path(), 2, 1, &config)?;
/// let dataset = layout::la::open(dir.path())?;
/// assert_eq!((dataset.labeled.len(), dataset.test.len()), (2, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_dataset(
    dir: &Path,
    n_train: usize,
    n_test: usize,
    config: &PhantomConfig,
) -> Result<(), DataError> {
    let (images, labels) = (dir.join("images"), dir.join("labels"));
    for folder in [&images, &labels] {
        fs::create_dir_all(folder).map_err(DataError::io("write", folder))?;
    }
    let write = |case: PhantomCase| {
        let file = format!("{}.nii.gz", case.id);
        write_volume(images.join(&file), &case.volume)?;
        write_labels(labels.join(&file), &case.labels)
    };
    let written = cases(0..n_train + n_test, config, write);
    written.into_iter().collect::<Result<Vec<()>, _>>()?;
    let names = dir.join("classes.txt");
    let classes = config.kind.classes().join("\n") + "\n";
    fs::write(&names, classes).map_err(DataError::io("write", &names))?;
    write_list(&dir.join("train.list"), 0..n_train)?;
    write_list(&dir.join("test.list"), n_train..n_train + n_test)
}

/// Generates a range of cases in parallel and maps each.
fn cases<T: Send>(
    indices: std::ops::Range<usize>,
    config: &PhantomConfig,
    then: impl Fn(PhantomCase) -> T + Sync,
) -> Vec<T> {
    let make = |index: usize| {
        let (volume, labels) = case(config, index as u64);
        then(PhantomCase {
            id: id(index),
            volume,
            labels,
        })
    };
    indices.into_par_iter().map(make).collect()
}

fn id(index: usize) -> String {
    format!("phantom_{index:03}")
}

/// Writes a list unless it is empty: a missing list is valid, an empty one is not.
fn write_list(path: &Path, indices: std::ops::Range<usize>) -> Result<(), DataError> {
    if indices.is_empty() {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(DataError::io("remove", path)(error))
            }
            _ => Ok(()),
        };
    }
    let text: String = indices.map(|index| id(index) + "\n").collect();
    fs::write(path, text).map_err(DataError::io("write", path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::io::{read_image, read_label};

    #[test]
    fn a_data_set_without_test_cases_opens() {
        let dir = tempfile::tempdir().unwrap();
        let config = PhantomConfig {
            shape: [14, 12, 8],
            ..Default::default()
        };
        write_dataset(dir.path(), 1, 1, &config).unwrap();
        write_dataset(dir.path(), 2, 0, &config).unwrap();
        let opened = crate::layout::open(dir.path()).unwrap();
        assert_eq!((opened.labeled.len(), opened.test.len()), (2, 0));
    }

    #[test]
    fn disk_and_memory_hold_the_same_cases() {
        let dir = tempfile::tempdir().unwrap();
        let config = PhantomConfig {
            shape: [14, 12, 8],
            ..Default::default()
        };
        write_dataset(dir.path(), 2, 2, &config).unwrap();
        let set = dataset(2, 2, &config);
        let opened = crate::layout::la::open(dir.path()).unwrap();
        let on_disk = opened.labeled.iter().chain(&opened.test);
        for (case, made) in on_disk.zip(set.train.iter().chain(&set.test)) {
            assert_eq!(case.id, made.id);
            assert_eq!(
                read_image(&case.image).unwrap().first().data,
                made.volume.data
            );
            let labels = read_label(&case.label).unwrap();
            assert_eq!(labels.data, made.labels.data);
            assert!(labels.geometry.approx_eq(&made.labels.geometry, 1e-6));
        }
    }
}
