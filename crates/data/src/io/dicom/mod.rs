//! DICOM: a series of files, one for each slice, in one folder.
//!
//! Slices are sorted by their position along the normal of their plane; neither file names nor instance numbers count.
//! The affine is ITK's. Series with a gap, with two slices at one position, along a tilted axis or of slices that differ are refused.

mod alike;
mod bytes;
mod elements;
mod header;
mod huffman;
mod jpeg_lossless;
mod patient;
mod patient_id;
mod pixels;
mod run_length;
mod scan;
mod series;
mod slice;
mod stack;
mod start;
mod straight;
mod syntax;
mod tags;

pub(crate) use patient::{DicomPatient, patient_of};
pub(crate) use patient_id::PatientHash;
pub(super) use scan::Scan;
pub(super) use start::is_dicom;
pub(crate) use start::is_dicom_file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use series::{Folder, files};

use super::format::Format;
use super::raw::{Raw, VoxelLayout};
use super::stream::Opened;
use crate::DataError;

/// The DICOM format; a file stands for the series that it belongs to.
pub(super) struct Dicom;

impl Format for Dicom {
    fn endings(&self) -> &'static [&'static str] {
        &[]
    }

    fn recognizes(&self, start: &[u8]) -> bool {
        is_dicom(start)
    }

    fn layout(&self, file: Opened<'_>) -> Result<VoxelLayout, DataError> {
        Scan::of_file(file.path)?.layout()
    }

    fn read(&self, file: Opened<'_>) -> Result<Raw, DataError> {
        Scan::of_file(file.path)?.read()
    }
}

/// Whether a folder has a DICOM file.
pub(crate) fn is_series_folder(folder: &Path) -> bool {
    let files = files(folder).unwrap_or_default();
    files.iter().any(|path| is_dicom_file(path))
}

/// The series whose files lie in a folder, by name, and notes about them.
///
/// A single series is named like its folder; several are named by their descriptions or numbers, and stand for
/// themselves by one of their files.
pub(crate) fn series_in(
    folder: &Path,
) -> Result<(BTreeMap<String, PathBuf>, Vec<String>), DataError> {
    let found = Folder::read(folder)?;
    if found.series.is_empty() {
        return Ok((BTreeMap::new(), found.notes()));
    }
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    let name = whole
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if found.series.len() == 1 {
        let note = format!("{name}/: its DICOM files are one series, a case named like the folder");
        return Ok((BTreeMap::from([(name, folder.to_path_buf())]), vec![note]));
    }
    let Some(names) = found.names() else {
        let found = format!(
            "{} series that neither descriptions nor numbers tell apart",
            found.series.len()
        );
        let hint = "put each series into a folder of its own, named like its case";
        return Err(DataError::unexpected(
            folder,
            "DICOM series with names",
            found,
            hint,
        ));
    };
    let note = format!(
        "{name}/: its DICOM files are {} series, each a case named by its description or number ({}); \
         put each into a folder of its own to name them otherwise",
        names.len(),
        crate::names::some_of(&names).replace(" files", "")
    );
    let paths: Vec<PathBuf> = found
        .series
        .iter()
        .map(|series| series[0].path.clone())
        .collect();
    let notes = std::iter::once(note).chain(found.notes());
    Ok((names.into_iter().zip(paths).collect(), notes.collect()))
}
