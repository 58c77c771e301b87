//! NIfTI-1 and NIfTI-2: one file (`.nii`), or a header and its voxels (`.hdr`, `.img`), each also as gzip.

use std::path::{Path, PathBuf};

use super::format::Format;
use super::nifti_fields::{Fields, not_nifti};
use super::raw::{Raw, VoxelLayout};
use super::stream::Opened;
use crate::DataError;

/// The NIfTI format.
pub(super) struct Nifti;

impl Format for Nifti {
    fn endings(&self) -> &'static [&'static str] {
        &[".nii.gz", ".nii", ".hdr.gz", ".hdr", ".img.gz", ".img"]
    }

    fn recognizes(&self, _: &[u8]) -> bool {
        true
    }

    fn layout(&self, file: Opened<'_>) -> Result<VoxelLayout, DataError> {
        let path = file.path;
        Fields::read(path, &mut file.decompressed()?)?.layout(path)
    }

    fn read(&self, file: Opened<'_>) -> Result<Raw, DataError> {
        let path = file.path;
        let mut stream = file.decompressed()?;
        let fields = Fields::read(path, &mut stream)?;
        let layout = fields.layout(path)?;
        let offset = fields.offset(path)?;
        if !fields.apart {
            stream.take(offset - fields.length)?;
            return stream.voxels(layout);
        }
        let voxels = voxels_beside(path).ok_or_else(|| {
            not_nifti(
                path,
                "a header apart from its voxels (.hdr and .img) without the .img",
                "put the .img beside its .hdr under the same name, or convert both to one .nii file",
            )
        })?;
        let mut stream = Opened::voxels_of(path, &voxels)?.decompressed()?;
        stream.take(offset)?;
        stream.voxels(layout)
    }
}

/// The header of a pair for the path of its voxels, if that is what `path` is.
pub(super) fn header_beside(path: &Path) -> Option<PathBuf> {
    beside(path, ".img", [".hdr", ".hdr.gz"])
}

/// The voxels of a pair for the path of its header.
fn voxels_beside(path: &Path) -> Option<PathBuf> {
    beside(path, ".hdr", [".img", ".img.gz"])
}

/// The file in the same folder whose name has one of the endings `to` in place of `from`, in any case.
fn beside(path: &Path, from: &str, to: [&str; 2]) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let lower = name.to_ascii_lowercase();
    let stem = lower.strip_suffix(".gz").unwrap_or(&lower);
    let stem = &name[..stem.strip_suffix(from)?.len()];
    let folder = path.parent()?;
    let there = |ending: &str| {
        let upper = ending.to_ascii_uppercase();
        let names = [format!("{stem}{ending}"), format!("{stem}{upper}")];
        let paths = names.into_iter().map(|name| folder.join(name));
        paths.into_iter().find(|path| path.is_file())
    };
    to.into_iter().find_map(there)
}
