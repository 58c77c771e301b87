//! MetaImage: one file (`.mha`), or a header and one file with its voxels (`.mhd`), as ITK reads them.

use super::format::Format;
use super::meta_header::Header;
use super::nrrd::beside;
use super::raw::{Raw, VoxelLayout};
use super::stream::Opened;
use crate::DataError;

/// The MetaImage format.
pub(super) struct MetaImage;

/// Number of bytes within which one of the first fields occurs.
const START: usize = 512;

impl Format for MetaImage {
    fn endings(&self) -> &'static [&'static str] {
        &[".mha", ".mhd"]
    }

    fn recognizes(&self, start: &[u8]) -> bool {
        let start = String::from_utf8_lossy(&start[..start.len().min(START)]);
        let mut names = start.lines().filter_map(|line| line.split_once(['=', ':']));
        names.any(|(name, _)| ["ObjectType", "NDims"].contains(&name.trim()))
    }

    fn layout(&self, mut file: Opened<'_>) -> Result<VoxelLayout, DataError> {
        Header::read(&mut file)?.layout()
    }

    fn read(&self, mut file: Opened<'_>) -> Result<Raw, DataError> {
        let header = Header::read(&mut file)?;
        let layout = header.layout()?;
        let name = header.field("ElementDataFile")?;
        if name.eq_ignore_ascii_case("LOCAL") {
            let total = file.file.get_ref().metadata();
            let total = total.map_err(DataError::io("read", file.path))?.len();
            let before = total.saturating_sub(file.stored);
            return voxels(&header, layout, file, before);
        }
        if name.starts_with("LIST") || name.contains('%') {
            let found = format!("several, '{name}'");
            return Err(header.wrong("one file with voxels", &found));
        }
        let path = beside(file.path, name);
        voxels(&header, layout, Opened::voxels_of(file.path, &path)?, 0)
    }
}

/// Reads the voxels of a file of which `before` bytes, the header's, are read already.
///
/// As in ITK, the size of the header counts from the beginning of the file, and a negative one means that the voxels are
/// the file's last bytes.
fn voxels(
    header: &Header<'_>,
    layout: VoxelLayout,
    file: Opened<'_>,
    before: u64,
) -> Result<Raw, DataError> {
    let length = layout.shape.iter().product::<usize>() * layout.voxel_type.size();
    let skip = match header.number("HeaderSize")? {
        Some(size) if size < 0.0 => file.stored.saturating_sub(length as u64),
        Some(size) if size > 0.0 => (size as u64).checked_sub(before).ok_or_else(|| {
            let expected =
                format!("a HeaderSize of 0, -1 or at least the {before} bytes of the header");
            header.wrong(&expected, &size.to_string())
        })?,
        _ => 0,
    };
    let mut stream = header.stream(file)?;
    stream.take(skip)?;
    stream.voxels(layout)
}
