//! NRRD: one file (`.nrrd`), or a header and one file with its voxels (`.nhdr`).
//!
//! Supported are the files of 3D Slicer, ITK and the 2018 atrial segmentation challenge: `raw` or `gzip`, with three
//! axes of any length and further ones of length 1, or two axes, which are one slice.

use std::path::{Path, PathBuf};

use super::format::Format;
use super::nrrd_header::Header;
use super::raw::{Raw, VoxelLayout};
use super::stream::Opened;
use crate::DataError;

/// The NRRD format.
pub(super) struct Nrrd;

impl Format for Nrrd {
    fn endings(&self) -> &'static [&'static str] {
        &[".nrrd", ".nhdr"]
    }

    fn recognizes(&self, start: &[u8]) -> bool {
        start.starts_with(b"NRRD000")
    }

    fn layout(&self, mut file: Opened<'_>) -> Result<VoxelLayout, DataError> {
        Header::read(&mut file)?.layout()
    }

    fn read(&self, mut file: Opened<'_>) -> Result<Raw, DataError> {
        let header = Header::read(&mut file)?;
        let Some(name) = header.data_file() else {
            return voxels(&header, file);
        };
        if name.to_uppercase().starts_with("LIST")
            || name.contains(char::is_whitespace) && name.contains('%')
        {
            let found = format!("several, '{name}'");
            return Err(header.wrong("one file with voxels", &found));
        }
        let path = beside(file.path, name);
        voxels(&header, Opened::voxels_of(file.path, &path)?)
    }
}

/// Reads the voxels, from the present position of their file.
fn voxels(header: &Header<'_>, mut file: Opened<'_>) -> Result<Raw, DataError> {
    let encoding = header.encoding()?;
    if !["raw", "gzip", "gz"].contains(&encoding.as_str()) {
        return Err(header.wrong("encoding raw or gzip", &format!("'{encoding}'")));
    }
    let layout = header.layout()?;
    for _ in 0..header.skip("line skip")? {
        file.line()?;
    }
    let mut skip = header.skip("byte skip")?;
    if skip < 0 && encoding == "raw" {
        let length = layout.shape.iter().product::<usize>() * layout.voxel_type.size();
        skip = file.stored.saturating_sub(length as u64) as i64;
    }
    let mut stream = match encoding == "raw" {
        true => file.plain(),
        false => file.gunzipped(),
    };
    let skip = u64::try_from(skip)
        .map_err(|_| header.wrong("a byte skip of -1 only of raw voxels", &encoding))?;
    stream.take(skip)?;
    stream.voxels(layout)
}

/// A file named in a header, whose folder it is relative to.
pub(super) fn beside(header: &Path, name: &str) -> PathBuf {
    let folder = header.parent().unwrap_or(Path::new(""));
    folder.join(name)
}
