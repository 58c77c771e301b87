//! The interface of the file formats of volumes.

use super::raw::{Raw, VoxelLayout};
use super::stream::Opened;
use crate::DataError;

/// A file format of volumes.
pub(super) trait Format: Sync {
    /// Endings of the file names in lower case, the longer of two that fit first.
    fn endings(&self) -> &'static [&'static str];

    /// Whether a file that starts with these bytes has this format.
    fn recognizes(&self, start: &[u8]) -> bool;

    /// Reads the header alone.
    fn layout(&self, file: Opened<'_>) -> Result<VoxelLayout, DataError>;

    /// Reads the header and the voxels.
    fn read(&self, file: Opened<'_>) -> Result<Raw, DataError>;
}
