//! The voxels of a slice, however its pixels are stored.

use super::super::stream::Opened;
use super::super::voxels::VoxelType;
use super::bytes::Reader;
use super::slice::Slice;
use super::syntax::Coding;
use super::{jpeg_lossless, run_length};
use crate::DataError;

impl Slice {
    /// Reads the voxels in little endian, without unused bits.
    pub(super) fn voxels(&self) -> Result<Vec<u8>, DataError> {
        let mut file = Opened::new(&self.path, "a DICOM file")?;
        let mut reader = Reader::at(&mut file, self.header.position)?;
        let (voxels, bytes) = (self.size[0] * self.size[1], self.voxel_type.size());
        let wrong = |found: String| {
            let expected = format!("{voxels} intact voxels");
            DataError::unexpected(
                &self.path,
                expected,
                found,
                "copy or export the series again",
            )
        };
        let length = self.header.length;
        let native = length != u32::MAX;
        if native != (self.coding == Coding::Native) {
            let found = match self.header.guessed {
                true => "compressed pixels, and no transfer syntax that says how",
                false => "pixels stored in another way than the transfer syntax says",
            };
            return Err(wrong(found.into()));
        }
        let mut stored = match self.coding {
            Coding::Native => {
                let expected = voxels * bytes;
                // The length is even.
                if ![expected, expected + 1].contains(&(length as usize)) {
                    return Err(wrong(format!("{length} bytes")));
                }
                let mut stored = reader.native(length)?;
                stored.truncate(expected);
                stored
            }
            Coding::RunLength => {
                run_length::decode(&reader.encapsulated()?, voxels, bytes).map_err(wrong)?
            }
            Coding::JpegLossless => {
                let samples = jpeg_lossless::decode(&reader.encapsulated()?, self.size);
                narrowed(samples.map_err(wrong)?, bytes)
            }
        };
        self.settle(&mut stored);
        Ok(stored)
    }

    /// Replaces the bits that are not in use by the sign, or by 0 if there is none, and turns inverted values round.
    fn settle(&self, stored: &mut [u8]) {
        let size = self.voxel_type.size();
        let [used, below] = self.bits;
        let above = 32 - used - below;
        if used as usize == 8 * size && !self.inverted {
            return;
        }
        for voxel in stored.chunks_exact_mut(size) {
            let mut wide = [0; 4];
            wide[..size].copy_from_slice(voxel);
            let value = u32::from_le_bytes(wide);
            let raised = if self.inverted { !value } else { value } << above;
            let value = match self.signed() {
                true => (raised.cast_signed() >> (32 - used)).cast_unsigned(),
                false => raised >> (32 - used),
            };
            voxel.copy_from_slice(&value.to_le_bytes()[..size]);
        }
    }

    fn signed(&self) -> bool {
        matches!(
            self.voxel_type,
            VoxelType::Int8 | VoxelType::Int16 | VoxelType::Int32
        )
    }
}

/// Samples as the low bytes of each.
fn narrowed(samples: Vec<u16>, bytes: usize) -> Vec<u8> {
    let wide = samples
        .into_iter()
        .map(|sample| u32::from(sample).to_le_bytes());
    wide.flat_map(|wide| wide.into_iter().take(bytes)).collect()
}
