//! Random boxes of a share of each side, for copy-paste.

use rand_chacha::rand_core::Rng;

use super::CutBoxParams;
use crate::preprocess::Region;
use crate::rng::below;

/// Draws a box with sides of `⌊share · side⌋` voxels at a uniform position; of an axis of one voxel it covers the whole.
///
/// # Panics
///
/// If `share` is not in 0 to 1.
///
/// # References
///
/// Y. Bai et al., "Bidirectional Copy-Paste for Semi-Supervised Medical Image Segmentation", CVPR 2023, arXiv 2305.00673:
/// shares of 2/3.
///
/// # Examples
///
/// ```
/// use semivox_data::{augment::paste_box, rng::keyed};
///
/// let pasted = paste_box(&mut keyed(0, 0, "box"), 2.0 / 3.0, [48, 30, 1]);
/// assert_eq!(pasted.region.shape(), [32, 20, 1]);
/// ```
pub fn paste_box(rng: &mut impl Rng, share: f64, patch: [usize; 3]) -> CutBoxParams {
    assert!((0.0..=1.0).contains(&share), "a share is in 0 to 1");
    let size = patch.map(|side| match side {
        1 => 1,
        // Without the addition 2/3 of 48 would be 31.
        _ => (share * side as f64 + 1e-9) as usize,
    });
    let start = std::array::from_fn(|a| below(rng, (patch[a] - size[a]) as u64 + 1) as i32);
    CutBoxParams {
        region: Region {
            start,
            size: size.map(|n| n as u32),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::keyed;

    #[test]
    fn every_position_inside_occurs() {
        let starts: std::collections::BTreeSet<_> = (0..400)
            .map(|step| paste_box(&mut keyed(1, step, "box"), 0.5, [4, 2, 1]).region)
            .inspect(|region| assert_eq!(region.size, [2, 1, 1]))
            .map(|region| region.start)
            .collect();
        assert_eq!(starts.len(), 3 * 2);
        let last = starts.last().expect("boxes were drawn");
        assert_eq!(*last, [2, 1, 0]);
    }
}
