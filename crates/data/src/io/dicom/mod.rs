//! DICOM: a series of files, one for each slice, in one folder.
//!
//! Slices are sorted by their position along the normal of their plane; neither file names nor instance numbers count.
//! The affine is ITK's. Series with a gap, with two slices at one position, along a tilted axis or of slices that differ are refused.

mod elements;
mod header;
mod huffman;
mod jpeg_lossless;
mod run_length;
mod series;
mod slice;
mod stack;
mod straight;
mod syntax;
mod tags;

pub(super) use elements::is_dicom;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use header::Found;
use series::{Folder, files};
use slice::Slice;

use super::format::Format;
use super::raw::{Raw, VoxelLayout, spare_buffer};
use super::stream::Opened;
use super::voxels::VoxelType;
use crate::{DataError, SourceHeader};

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
        Ok(series_of(file.path)?.1)
    }

    fn read(&self, file: Opened<'_>) -> Result<Raw, DataError> {
        let (slices, mut layout) = series_of(file.path)?;
        let voxels: Result<Vec<Vec<u8>>, DataError> =
            slices.par_iter().map(Slice::voxels).collect();
        let (alike, mut bytes) = (alike(&slices), spare_buffer());
        for (slice, voxels) in slices.iter().zip(voxels?) {
            match alike {
                true => bytes.extend(voxels),
                false => bytes.extend(scaled(slice, &voxels)),
            }
        }
        if !alike {
            (layout.slope, layout.intercept) = (1.0, 0.0);
            layout.voxel_type = VoxelType::Float64;
        }
        Ok(Raw { bytes, layout })
    }
}

/// Whether all slices have one type of voxel, slope and intercept.
fn alike(slices: &[Slice]) -> bool {
    let of = |slice: &Slice| (slice.voxel_type, slice.slope, slice.intercept);
    slices.iter().all(|slice| of(slice) == of(&slices[0]))
}

/// The values of a slice with a slope of its own, as in PET.
fn scaled(slice: &Slice, voxels: &[u8]) -> Vec<u8> {
    let size = slice.voxel_type.size();
    let value = |voxel: &[u8]| {
        let mut wide = [0; 4];
        wide[..size].copy_from_slice(voxel);
        let low = u32::from_le_bytes(wide);
        match slice.voxel_type {
            VoxelType::Int8 => f64::from(low as i8),
            VoxelType::Int16 => f64::from(low as i16),
            VoxelType::Int32 => f64::from(low.cast_signed()),
            _ => f64::from(low),
        }
    };
    let values = voxels.chunks_exact(size).map(value);
    values
        .flat_map(|value| (value * slice.slope + slice.intercept).to_le_bytes())
        .collect()
}

/// The sorted slices of the series that a file belongs to, and their layout.
fn series_of(path: &Path) -> Result<(Vec<Slice>, VoxelLayout), DataError> {
    let folder = folder_of(path);
    let mut found = Folder::read(folder)?;
    let notes = found.notes();
    let of_it = |series: &Vec<header::Header>| series.iter().any(|header| header.path == path);
    let Some(at) = found.series.iter().position(of_it) else {
        return Err(no_scan(path));
    };
    let several = found.series.len() > 1;
    let slices: Result<Vec<Slice>, DataError> = found
        .series
        .swap_remove(at)
        .into_iter()
        .map(Slice::of)
        .collect();
    let mut slices = slices?;
    let (geometry, doubts) = stack::sorted(folder, &mut slices)?;
    let mut all = doubts;
    // Of several series in a folder, the other files are noted once, where the folder is listed.
    if !several {
        all.extend(notes);
    }
    let first = &slices[0];
    let shape = [first.size[0], first.size[1], slices.len()];
    let layout = VoxelLayout {
        shape,
        channels: 1,
        voxel_type: first.voxel_type,
        big_endian: false,
        slope: first.slope,
        intercept: first.intercept,
        geometry,
        header: SourceHeader::new(shape, geometry, None, all),
    };
    Ok((slices, layout))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn no_scan(path: &Path) -> DataError {
    let found = match Found::read(path) {
        Ok(Found::Other(reason)) => reason,
        _ => "something else",
    };
    let hint = "give the folder of the series";
    DataError::unexpected(path, "a slice of a DICOM series", found, hint)
}

/// Whether a folder has a DICOM file.
pub(crate) fn is_series_folder(folder: &Path) -> bool {
    let files = files(folder).unwrap_or_default();
    files.iter().any(|path| is_dicom_file(path))
}

/// Whether a file starts as DICOM files do.
pub(crate) fn is_dicom_file(path: &Path) -> bool {
    let file = Opened::new(path, "a file");
    file.is_ok_and(|mut file| file.start().is_ok_and(is_dicom))
}

/// A file of the only series in a folder.
pub(super) fn only_series(folder: &Path) -> Result<PathBuf, DataError> {
    let found = Folder::read(folder)?;
    match &found.series[..] {
        [series] => Ok(series[0].path.clone()),
        [] => {
            let expected = "a folder with the files of a DICOM series, or a file";
            let hint = "give the folder that holds the slices, or move the scan's file out of it";
            Err(DataError::unexpected(
                folder,
                expected,
                "a folder without DICOM slices",
                hint,
            ))
        }
        several => {
            let mut names = found.names().unwrap_or_default();
            names.sort();
            let names = crate::names::some_of(&names).replace(" files", "");
            let found = format!("{} series {names}", several.len());
            let hint = "put each series into a folder of its own, named like its case";
            Err(DataError::unexpected(
                folder,
                "one DICOM series",
                found.trim_end(),
                hint,
            ))
        }
    }
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
    let paths = found.series.iter().map(|series| series[0].path.clone());
    Ok((names.into_iter().zip(paths).collect(), vec![note]))
}
