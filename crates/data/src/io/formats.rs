//! The file formats of volumes, and the choice among them.

use std::path::Path;

use super::dicom::{Dicom, Scan};
use super::format::Format;
use super::meta_image::MetaImage;
use super::nifti::{self, Nifti};
use super::nrrd::Nrrd;
use super::raw::{Raw, VoxelLayout};
use super::stream::Opened;
use crate::DataError;

/// All formats; the last one recognizes every file and says what is wrong with it.
const FORMATS: [&dyn Format; 4] = [&Dicom, &Nrrd, &MetaImage, &Nifti];

/// The formats in messages, by their endings.
pub const READABLE: &str = ".nii, .nii.gz, .hdr with .img, .nrrd, .nhdr, .mha or .mhd";

/// The length of a name without the ending of a volume; `None` for other files.
pub(crate) fn stem_length(name: &str) -> Option<usize> {
    let lower = name.to_ascii_lowercase();
    let endings = FORMATS.iter().flat_map(|format| format.endings());
    let fitting = endings.filter_map(|ending| lower.strip_suffix(ending));
    fitting.map(str::len).min().filter(|&length| length > 0)
}

/// Reads a file of any format, or the DICOM series in a folder; format and compression are detected by the content.
pub(super) fn read(path: &Path) -> Result<Raw, DataError> {
    match path.is_dir() {
        true => Scan::only(path)?.read(),
        false => opened(path, |format, file| format.read(file)),
    }
}

/// Like [`read`], for the header alone.
pub(super) fn layout(path: &Path) -> Result<VoxelLayout, DataError> {
    match path.is_dir() {
        true => Scan::only(path)?.layout(),
        false => opened(path, |format, file| format.layout(file)),
    }
}

fn opened<T>(
    path: &Path,
    read: impl FnOnce(&dyn Format, Opened<'_>) -> Result<T, DataError>,
) -> Result<T, DataError> {
    // The voxels of a pair say nothing about themselves.
    let other = nifti::header_beside(path);
    let path = other.as_deref().unwrap_or(path);
    let mut file = Opened::new(path, "a NIfTI, NRRD or MetaImage file, or a DICOM series")?;
    let start = file.start()?;
    let format = FORMATS.iter().find(|format| format.recognizes(start));
    read(*format.unwrap_or(&FORMATS[FORMATS.len() - 1]), file)
}
