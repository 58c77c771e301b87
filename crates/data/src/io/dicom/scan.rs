//! A series as a volume.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::super::raw::{Raw, VoxelLayout, spare_buffer};
use super::super::voxels::VoxelType;
use super::header::{Found, Header};
use super::series::Folder;
use super::slice::Slice;
use super::stack;
use crate::names::some_of;
use crate::{DataError, SourceHeader};

/// The headers of a series, read once.
pub(crate) struct Scan {
    folder: PathBuf,
    headers: Vec<Header>,
    notes: Vec<String>,
}

impl Scan {
    /// The series that a file belongs to.
    pub(crate) fn of_file(path: &Path) -> Result<Self, DataError> {
        let folder = folder_of(path);
        let found = Folder::read(folder)?;
        let of_it = |series: &Vec<Header>| series.iter().any(|header| header.path == path);
        match found.series.iter().position(of_it) {
            Some(at) => Ok(Self::new(folder, found, at)),
            None => Err(no_scan(path)),
        }
    }

    /// The only series in a folder.
    pub(crate) fn only(folder: &Path) -> Result<Self, DataError> {
        let found = Folder::read(folder)?;
        match found.series.len() {
            1 => Ok(Self::new(folder, found, 0)),
            0 => {
                let expected = "a folder with the files of a DICOM series, or a file";
                let hint =
                    "give the folder that holds the slices, or move the scan's file out of it";
                let other = "a folder without DICOM slices";
                Err(DataError::unexpected(folder, expected, other, hint))
            }
            several => {
                let mut names = found.names().unwrap_or_default();
                names.sort();
                let names = some_of(&names).replace(" files", "");
                let found = format!("{several} series {names}");
                let hint = "put each series into a folder of its own, named like its case";
                let expected = "one DICOM series";
                Err(DataError::unexpected(
                    folder,
                    expected,
                    found.trim_end(),
                    hint,
                ))
            }
        }
    }

    /// One of the series of a folder.
    fn new(folder: &Path, mut found: Folder, at: usize) -> Self {
        // Of several series in a folder, the other files are noted once, where the folder is listed.
        let mut notes = match found.series.len() {
            1 => found.notes(),
            _ => Vec::new(),
        };
        let headers = found.series.swap_remove(at);
        notes.extend(guessed(&headers));
        Self {
            folder: folder.to_path_buf(),
            headers,
            notes,
        }
    }

    /// The layout of the voxels.
    pub(crate) fn layout(self) -> Result<VoxelLayout, DataError> {
        Ok(self.sorted()?.1)
    }

    /// The voxels of all slices.
    pub(crate) fn read(self) -> Result<Raw, DataError> {
        let (slices, mut layout) = self.sorted()?;
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

    /// The sorted slices, and their layout.
    fn sorted(self) -> Result<(Vec<Slice>, VoxelLayout), DataError> {
        let slices = self.headers.into_iter().map(Slice::of);
        let mut slices = slices.collect::<Result<Vec<Slice>, DataError>>()?;
        let (geometry, mut notes) = stack::sorted(&self.folder, &mut slices)?;
        notes.extend(self.notes);
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
            header: SourceHeader::new(shape, geometry, None, notes),
        };
        Ok((slices, layout))
    }
}

/// A note about files that do not say how they are stored.
fn guessed(headers: &[Header]) -> Option<String> {
    let count = headers.iter().filter(|header| header.guessed).count();
    (count > 0).then(|| {
        format!(
            "{count} of its {} DICOM files name no transfer syntax; they are read as uncompressed little endian, as pydicom \
             does if it is forced: look at a slice in a DICOM viewer; if it looks wrong, export the series again with its \
             transfer syntax",
            headers.len()
        )
    })
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
