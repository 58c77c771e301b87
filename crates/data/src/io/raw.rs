//! Raw voxels of a file.

use std::cell::Cell;

use super::voxels::VoxelType;
use crate::{Geometry, SourceHeader};

/// Raw voxels of a file and their layout.
pub(super) struct Raw {
    pub(super) bytes: Vec<u8>,
    pub(super) layout: VoxelLayout,
}

/// Layout of the stored voxels, as described by the header.
pub(super) struct VoxelLayout {
    pub(super) shape: [usize; 3],
    /// The number of channels, one whole volume after another.
    pub(super) channels: usize,
    pub(super) voxel_type: VoxelType,
    pub(super) big_endian: bool,
    pub(super) slope: f64,
    pub(super) intercept: f64,
    pub(super) geometry: Geometry,
    pub(super) header: SourceHeader,
}

thread_local! {
    /// Buffer of the thread's previous file, reused because allocating fresh pages for each file of a
    /// series takes a considerable share of the time.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Maximum size of the buffer that is kept.
const SPARE_MOST: usize = 64 << 20;

impl Drop for Raw {
    fn drop(&mut self) {
        if self.bytes.capacity() <= SPARE_MOST {
            SPARE.set(std::mem::take(&mut self.bytes));
        }
    }
}

/// The empty buffer of the thread's previous file, or a new one.
pub(super) fn spare_buffer() -> Vec<u8> {
    let mut bytes = SPARE.take();
    bytes.clear();
    bytes
}
