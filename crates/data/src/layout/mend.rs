//! Mended copies of data sets, where the mend is mechanical.
//!
//! Of a folder with `images/` (own scans, LA, ACDC) or a `dataset.json` (the Decathlon, nnU-Net), a copy is written as own
//! scans, `images/` and `labels/`, in which
//!
//! - label maps have the names of their images (`case1_seg` becomes `case1` if there is one such image without a label map);
//! - label maps have the grid of their images where each of their voxels is one of the image's: axes in another order
//!   or direction, a part of the image's grid, positions apart by rounding;
//! - label values that are no class indices are described in `classes.txt`;
//! - images with a fourth axis that nobody described are a file for each channel;
//! - scans in subfolders or of several files, such as DICOM series, are one file;
//! - patients that the PatientIDs of DICOM files tell are written to `patients.csv`, without the IDs.
//!
//! Voxels are never interpolated, and the source is never written to.

mod copy;
mod grid;
mod names;
mod patients;
mod source;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::description::JSON;
use super::{Layout, guess, own_description};
use crate::names::some_named;
use crate::{DataError, io};
use copy::Copied;
use source::Found;

/// The result of [`mend`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mended {
    /// Number of images in the copy.
    pub images: usize,
    /// Number of label maps in the copy.
    pub labels: usize,
    /// The mends, one sentence each.
    pub mends: Vec<String>,
    /// Cases and label maps that are not in the copy, with the error of each.
    pub left: Vec<String>,
}

/// Writes a mended copy of the data set in `root` to the new folder `out`.
///
/// `progress(done, total)` is called from several threads. A case that cannot be read or mended is left out and listed.
/// The copy appears as a whole at the end.
///
/// # Errors
///
/// [`DataError::Unexpected`] if `out` exists, lies in `root`, or `root` has neither `images/` nor a `dataset.json`, such as
/// the HDF5 files of a public data set; errors in the descriptions (`classes.txt`, `channels.txt`, `dataset.json`), and from writing.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::io::{write_labels, write_volume};
/// use semivox_data::layout::{self, mend::mend};
/// use semivox_data::{Geometry, LabelMap, Volume};
///
/// let folder = tempfile::tempdir()?;
/// let (root, out) = (folder.path().join("scans"), folder.path().join("mended"));
/// for name in ["images", "labels"] {
///     std::fs::create_dir_all(root.join(name))?;
/// }
/// let image = Volume::new(Array3::zeros((4, 4, 4)), Geometry::default());
/// write_volume(root.join("images/one.nii.gz"), &image)?;
/// // A label map of a part of the scan, with another name.
/// let part = LabelMap::new(Array3::ones((2, 2, 2)), Geometry::default().translated([1.0; 3]));
/// write_labels(root.join("labels/one_seg.nii.gz"), &part)?;
///
/// let mended = mend(&root, &out, &|_, _| ())?;
/// assert_eq!((mended.images, mended.labels, mended.mends.len()), (1, 1, 2));
/// let (_, labels) = layout::open(&out)?.labeled[0].load()?;
/// assert_eq!((labels.data[[0, 0, 0]], labels.data[[2, 2, 2]]), (0, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn mend(
    root: impl AsRef<Path>,
    out: impl AsRef<Path>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Mended, DataError> {
    let (root, out) = (root.as_ref(), out.as_ref());
    expect_new(root, out)?;
    expect_files(root)?;
    let found = Found::read(root)?;
    let part = unfinished(out);
    // Left by an earlier attempt that was interrupted.
    if part.is_dir() {
        fs::remove_dir_all(&part).map_err(DataError::io("remove", &part))?;
    }
    for folder in ["images", "labels"] {
        let folder = part.join(folder);
        fs::create_dir_all(&folder).map_err(DataError::io("make", &folder))?;
    }
    let done = AtomicUsize::new(0);
    let copy = |(id, case): (&String, &source::Case)| {
        let copied = copy::case(&part, id, case, &found.values);
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, found.cases.len());
        (id.clone(), copied)
    };
    let copied: Vec<_> = found.cases.par_iter().map(copy).collect();
    let done = copied.iter().filter(|(_, copied)| copied.is_ok());
    let done = done.map(|(id, _)| id.as_str()).collect();
    let patients = patients::write(root, &part, &found, &done)?;
    let mut mended = summary(&found, copied);
    mended.mends.extend(patients);
    describe(root, &part, &found)?;
    fs::rename(&part, out).map_err(DataError::io("rename", &part))?;
    Ok(mended)
}

fn expect_new(root: &Path, out: &Path) -> Result<(), DataError> {
    let found = match (out.exists(), io::is_within(out, root)) {
        (true, _) => "something there already",
        (_, true) => "a folder inside the data set",
        _ => return Ok(()),
    };
    let hint = "choose another folder for the mended copy";
    Err(DataError::unexpected(out, "a new folder", found, hint))
}

/// Returns an error for the HDF5 files of a public data set.
fn expect_files(root: &Path) -> Result<(), DataError> {
    if root.join("images").is_dir() {
        return Ok(());
    }
    match guess::detect(root)?.layout {
        layout @ (Layout::La | Layout::Acdc | Layout::Pancreas) => {
            let hint = "nothing in them can be mended, since they hold images and label maps of one name and grid and no \
                positions: train on the folder as it is, or download a damaged file again";
            let found = format!("the HDF5 files of {layout}");
            let expected = "scans in `images/`, or a `dataset.json`";
            Err(DataError::unexpected(root, expected, found, hint))
        }
        Layout::Msd | Layout::Folder => Ok(()),
    }
}

/// The folder of a copy that is not finished.
fn unfinished(out: &Path) -> PathBuf {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    out.with_file_name(format!(".{name}.part"))
}

/// Joins the results of all cases.
fn summary(found: &Found, copied: Vec<(String, Result<Copied, DataError>)>) -> Mended {
    let mut mended = Mended {
        mends: found.mends.clone(),
        left: found.left.clone(),
        ..Mended::default()
    };
    let mut by_mend: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    for (id, result) in copied {
        match result {
            Ok(Copied { labeled, mends }) => {
                mended.images += 1;
                mended.labels += usize::from(labeled);
                for mend in mends {
                    by_mend.entry(mend).or_default().insert(id.clone());
                }
            }
            Err(error) => mended.left.push(format!("{id}: {error}")),
        }
    }
    let sentence = |(mend, ids): (&str, BTreeSet<String>)| {
        let ids: Vec<String> = ids.into_iter().collect();
        format!("{}: {mend}", some_named(&ids, "cases"))
    };
    mended.mends.extend(by_mend.into_iter().map(sentence));
    mended
}

/// Writes the descriptions of the copy, and copies the lists.
fn describe(root: &Path, out: &Path, found: &Found) -> Result<(), DataError> {
    let own = !root.join(JSON).is_file() || own_description::json(root).is_some();
    for list in ["train.list", "test.list", "val.list", "patients.csv"] {
        let from = root.join(list);
        // In the Decathlon's form a train.list has no meaning, but own scans would follow it.
        let followed = list != "train.list" || own;
        if from.is_file() && followed {
            fs::copy(&from, out.join(list)).map_err(DataError::io("copy", &from))?;
        }
    }
    for (name, lines) in [
        ("classes.txt", &found.classes),
        (super::channels::LIST, &found.channels),
    ] {
        if !lines.is_empty() {
            io::write_atomic(out.join(name), (lines.join("\n") + "\n").as_bytes())?;
        }
    }
    Ok(())
}
