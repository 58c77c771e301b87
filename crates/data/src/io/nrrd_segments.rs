//! Segments that 3D Slicer names in the headers of label maps (`.seg.nrrd`).

use std::path::Path;

use super::format::Format;
use super::nrrd::Nrrd;
use super::nrrd_header::Header;
use super::stream::Opened;
use crate::DataError;

/// Reads the voxel value and the name of every segment from the header of a label map; files of other formats name none.
pub(crate) fn segments_in(path: &Path) -> Result<Vec<(u32, String)>, DataError> {
    let mut file = Opened::new(path, "a label map")?;
    match Nrrd.recognizes(file.start()?) {
        true => Ok(Header::read(&mut file)?.segments()),
        false => Ok(Vec::new()),
    }
}

impl Header<'_> {
    /// The keys `SegmentN_LabelValue` and `SegmentN_Name`, where a header has both.
    fn segments(&self) -> Vec<(u32, String)> {
        let segment = |(key, name): (&String, &String)| {
            let number = key.strip_suffix("_Name")?;
            number.strip_prefix("Segment")?.parse::<u32>().ok()?;
            let value = self.keys.get(&format!("{number}_LabelValue"))?;
            let name = name.trim();
            (!name.is_empty()).then_some((value.trim().parse().ok()?, name.to_string()))
        };
        self.keys.iter().filter_map(segment).collect()
    }
}
