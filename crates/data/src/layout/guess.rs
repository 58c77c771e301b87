//! Detection of a folder's layout, and the reason for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::description::JSON;
use super::own_description;
use super::{Layout, acdc, acdc_hdf5, acdc_names, file_names, files, la, pancreas};
use crate::DataError;
use crate::io::{self, READABLE};
use crate::preprocess::Grid;

/// A layout, and a note if it was guessed.
pub(super) struct Detected {
    pub(super) layout: Layout,
    pub(super) note: Option<String>,
}

impl From<Layout> for Detected {
    fn from(layout: Layout) -> Self {
        Self { layout, note: None }
    }
}

impl Detected {
    /// The layout that was asked for, or else the one detected.
    pub(super) fn or_detect(layout: Option<Layout>, root: &Path) -> Result<Self, DataError> {
        layout.map_or_else(|| detect(root), |layout| Ok(layout.into()))
    }
}

/// Detects the layout of a folder.
pub(super) fn detect(root: &Path) -> Result<Detected, DataError> {
    let names = file_names::names(root)?;
    if root.join(JSON).is_file() {
        // One that cannot be read is reported when it is opened.
        return Ok(match own_description::json(root) {
            Some(_) => Layout::Folder.into(),
            None => Layout::Msd.into(),
        });
    }
    let images = root.join("images");
    if images.is_dir() {
        // The folder's own description of its classes is that of no public data set.
        return match root.join("classes.txt").is_file() {
            true => Ok(Layout::Folder.into()),
            false => Ok(by_images(root, &files::volumes(&images)?)),
        };
    }
    if !la::hdf5_cases(root)?.is_empty() {
        return Ok(Layout::La.into());
    }
    if acdc_hdf5::has_hdf5(root)? {
        return Ok(Layout::Acdc.into());
    }
    if pancreas::has_hdf5(root)? {
        return Ok(Layout::Pancreas.into());
    }
    Err(nothing_known(root, &names))
}

/// A public data set whose scans may be in `images/`.
struct Candidate {
    layout: Layout,
    is_id: fn(&str) -> bool,
    /// The names in words.
    names: &'static str,
    fits: fn(&Grid) -> bool,
    /// The grid in words.
    grid: &'static str,
}

const CANDIDATES: [Candidate; 2] = [
    Candidate {
        layout: Layout::La,
        is_id: la::is_id,
        names: "20 capital letters and digits",
        fits: |grid| {
            let spacing = grid.geometry.spacing();
            spacing.iter().all(|side| (side - 0.625).abs() < 0.01)
        },
        grid: "voxels of 0.625 mm",
    },
    Candidate {
        layout: Layout::Acdc,
        is_id: acdc_names::is_id,
        names: "patientNNN_frameNN",
        fits: |grid| {
            let [x, y, z] = grid.geometry.spacing();
            // As NIfTI, the field passes the data set around without its voxel sizes.
            let lost = acdc::has_lost_spacing(grid);
            grid.shape[2] <= 21 && (lost || (4.5..=10.5).contains(&z) && (x - y).abs() < 0.01)
        },
        grid: "few slices of 5 to 10 mm, or of no stated size",
    },
];

/// The layout of a folder with `images/`: that of a public data set if names, list and voxel size are its own.
fn by_images(root: &Path, images: &BTreeMap<String, PathBuf>) -> Detected {
    let all_named = |candidate: &&Candidate| {
        !images.is_empty() && images.keys().all(|id| (candidate.is_id)(id))
    };
    let Some(candidate) = CANDIDATES.iter().find(all_named) else {
        return Layout::Folder.into();
    };
    let Candidate {
        layout,
        names,
        grid,
        ..
    } = candidate;
    let alike = format!("every image is named by {names}, as in the public data set {layout}");
    let lacks = match () {
        () if !root.join("train.list").is_file() => Some("there is no train.list"),
        () if !first_grid(images).is_some_and(|grid| (candidate.fits)(&grid)) => {
            Some("the first image has another grid")
        }
        () => None,
    };
    match lacks {
        None => Detected {
            layout: *layout,
            note: Some(format!(
                "{alike}, there is a train.list, and the first image has {grid}: opened as {layout}; --layout folder opens it as own scans"
            )),
        },
        Some(lacks) => Detected {
            layout: Layout::Folder,
            note: Some(format!(
                "{alike}, but {lacks}: opened as own scans; --layout {layout} opens it as {layout}"
            )),
        },
    }
}

/// The grid of the first image, if it can be read.
fn first_grid(images: &BTreeMap<String, PathBuf>) -> Option<Grid> {
    io::read_grid(images.values().next()?).ok()
}

fn nothing_known(root: &Path, names: &[String]) -> DataError {
    let found = match names.len() {
        0 => "an empty folder".to_string(),
        n => format!(
            "{n} entries ({}{})",
            names[..n.min(4)].join(", "),
            if n > 4 { ", …" } else { "" }
        ),
    };
    DataError::unexpected(
        root,
        format!("`images/` with scans ({READABLE}), `dataset.json`, or HDF5 cases"),
        found,
        "put the images into `images/` and the label maps into `labels/` under the same names",
    )
}
