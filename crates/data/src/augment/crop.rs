//! Random cropping of patches.

use ndarray::{Array3, ArrayView3};
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::preprocess::Region;
use crate::rng::below;

/// Position of a patch in a volume.
///
/// Where the volume is smaller than the patch, the patch extends beyond it equally on both ends (one
/// voxel more at the far end if the number is odd) and contains the fill value there.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::{augment::CropParams, rng::keyed};
///
/// let volume = Array3::from_elem((10, 4, 6), 1.0);
/// let crop = CropParams::draw(&mut keyed(1, 0, "crop"), [10, 4, 6], [4, 6, 6]);
/// let patch = crop.apply(volume.view(), 0.0);
/// assert_eq!(patch.dim(), (4, 6, 6));
/// assert_eq!(patch.sum(), 4.0 * 4.0 * 6.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CropParams {
    /// The patch as a region of the volume.
    pub region: Region,
}

impl CropParams {
    /// Draws a position uniformly.
    pub fn draw(rng: &mut impl Rng, volume: [usize; 3], patch: [usize; 3]) -> Self {
        let mut region = Region::padded(volume, patch);
        for (a, &side) in patch.iter().enumerate() {
            let free = region.shape()[a] - side;
            region.start[a] += below(rng, free as u64 + 1) as i32;
            region.size[a] = side as u32;
        }
        Self { region }
    }

    /// Copies the patch from the volume.
    pub fn apply<T: Copy>(&self, volume: ArrayView3<'_, T>, fill: T) -> Array3<T> {
        self.region.cut(volume, fill)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::keyed;

    #[test]
    fn every_position_occurs_and_none_beyond() {
        let mut seen = [false; 4];
        for step in 0..200 {
            let crop = CropParams::draw(&mut keyed(0, step, "crop"), [7, 9, 5], [4, 9, 8]);
            let [x, y, z] = crop.region.start;
            seen[x as usize] = true;
            assert_eq!((y, z), (0, -1));
        }
        assert!(seen.iter().all(|&s| s));
    }
}
