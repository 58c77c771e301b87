//! Random boxes for cutout and CutMix.

use ndarray::{Array3, ArrayView3};
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::preprocess::Region;
use crate::rng::below;

/// Size of the box for cutout or CutMix.
///
/// In the plane of the first two axes (`H` × `W` voxels) the box covers the fraction `area`: `w` is drawn
/// uniformly from the integers in `[floor(area · W) + 1, W)`, and `h = round(H · W · area / w)`. Along the third axis
/// it is `depth` voxels long. Its position is uniform.
///
/// # Notes
///
/// The lower bound of `w` is above `W · area`, which keeps `h` below `H`; for `area = 1/2` this is the range
/// of the reference. A plane too narrow for a draw takes `w = W`; a volume with fewer than `depth` slices
/// is covered along the whole axis.
///
/// # References
///
/// You et al., IPMI 2023, official code; cutmix: Yun et al., ICCV 2019.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::{augment::CutBoxConfig, rng::keyed};
///
/// let cut = CutBoxConfig::default().draw(&mut keyed(1, 0, "cutmix"), [32, 32, 24]);
/// let (mut image, partner) = (Array3::<f32>::zeros((32, 32, 24)), Array3::ones((32, 32, 24)));
/// cut.mix(&mut image, partner.view());
/// let share: f32 = image.sum() / image.len() as f32;
/// assert!((share - 0.5 * 20.0 / 24.0).abs() < 0.02);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CutBoxConfig {
    /// Covered fraction of the plane, between 0 and 1.
    pub area: f64,
    /// Length along the third axis in voxels.
    pub depth: usize,
}

impl Default for CutBoxConfig {
    fn default() -> Self {
        Self {
            area: 0.5,
            depth: 20,
        }
    }
}

/// A box in a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutBoxParams {
    /// The box, inside the patch.
    pub region: Region,
}

impl CutBoxConfig {
    /// Draws a box for a patch.
    pub fn draw(&self, rng: &mut impl Rng, patch: [usize; 3]) -> CutBoxParams {
        let [height, width, depth] = patch;
        let area = self.area.clamp(0.0, 1.0);
        let least = ((width as f64 * area) as usize + 1).min(width);
        let w = least + below(rng, (width - least) as u64) as usize;
        let h = (height as f64 * width as f64 * area / w.max(1) as f64).round() as usize;
        let size = [h.min(height), w, self.depth.min(depth)];
        let start = std::array::from_fn(|a| below(rng, (patch[a] - size[a]) as u64 + 1) as i32);
        CutBoxParams {
            region: Region {
                start,
                size: size.map(|n| n as u32),
            },
        }
    }
}

impl CutBoxParams {
    /// Fills the box with one value: 0 for images and confidences, the ignored label for label maps.
    pub fn fill<T: Copy>(&self, patch: &mut Array3<T>, value: T) {
        let filled = Array3::from_elem(self.region.shape(), value);
        self.region.paste(filled.view(), patch.view_mut());
    }

    /// Replaces the box with the partner's. Use the same box for image, pseudo-label and confidence.
    ///
    /// # Panics
    ///
    /// If the partner has another shape.
    pub fn mix<T: Copy>(&self, patch: &mut Array3<T>, partner: ArrayView3<'_, T>) {
        assert_eq!(patch.dim(), partner.dim(), "a patch and its partner");
        let Some(&fill) = partner.first() else { return };
        let cut = self.region.cut(partner, fill);
        self.region.paste(cut.view(), patch.view_mut());
    }

    /// Returns the mask of the box.
    pub fn mask(&self, patch: [usize; 3]) -> Array3<bool> {
        let mut mask = Array3::from_elem(patch, false);
        self.fill(&mut mask, true);
        mask
    }
}

/// Returns the index of the partner of sample `i` in a batch: the next sample, or the first for the last one. A
/// batch of one is its own partner.
pub fn partner(i: usize, batch: usize) -> usize {
    (i + 1) % batch.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::keyed;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_box_lies_inside_and_covers_half(
            n in [1_usize..40, 1_usize..40, 1_usize..40], step in 0_u64..1000,
        ) {
            let cut = CutBoxConfig::default().draw(&mut keyed(5, step, "box"), n);
            let size = cut.region.shape();
            for a in 0..3 {
                prop_assert!(cut.region.start[a] >= 0);
                prop_assert!(cut.region.start[a] as usize + size[a] <= n[a]);
            }
            prop_assert_eq!(size[2], n[2].min(20));
            prop_assert!(size[1] > n[1] / 2 && (size[1] < n[1] || n[1] < 3));
            let half = n[0] as f64 * n[1] as f64 / 2.0;
            prop_assert!(((size[0] * size[1]) as f64 - half).abs() <= size[1] as f64 / 2.0);
        }
    }

    #[test]
    fn mixing_with_itself_changes_nothing() {
        let patch = Array3::from_shape_fn((8, 8, 4), |(x, y, z)| x + y * z);
        let cut = CutBoxConfig::default().draw(&mut keyed(0, 0, "box"), [8, 8, 4]);
        let mut mixed = patch.clone();
        cut.mix(&mut mixed, patch.view());
        assert_eq!(mixed, patch);
        assert_eq!([partner(0, 2), partner(1, 2), partner(0, 1)], [1, 0, 0]);
        assert_eq!(
            cut.mask([8, 8, 4]).iter().filter(|&&m| m).count(),
            cut.region.shape().iter().product::<usize>()
        );
    }
}
