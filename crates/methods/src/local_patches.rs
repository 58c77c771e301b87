//! Overlapping local patches, which ACTION's local distillation compares.

use burn::prelude::*;
use semivox_sampling::{SamplingError, fitting_positions, pooled_patches};

use crate::recipes::{ActionConfig, LastPatch};

/// Overlapping local patches of a training patch, each average-pooled to a small grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LocalPatches {
    covered: [usize; 3],
    side: [usize; 3],
    step: [usize; 3],
    pub(crate) pooled: [usize; 3],
}

impl LocalPatches {
    /// Lays out the local patches of a training patch; an axis of one voxel has one patch of one voxel.
    pub(crate) fn new(config: &ActionConfig, patch: [usize; 3]) -> Self {
        let of = |value: usize| patch.map(|side| if side == 1 { 1 } else { value });
        let (side, step) = (of(config.local_patch), of(config.local_step));
        let covered = [0, 1, 2].map(|axis| {
            let spare = patch[axis].saturating_sub(side[axis]);
            let at_border = spare > 0 && spare.is_multiple_of(step[axis]);
            match config.last_patch {
                LastPatch::Dropped if at_border => patch[axis] - step[axis],
                _ => patch[axis],
            }
        });
        Self {
            covered,
            side,
            step,
            pooled: of(config.local_pooled),
        }
    }

    /// Returns the number of local patches.
    pub(crate) fn count(&self) -> usize {
        fitting_positions(self.covered, self.side, self.step).len()
    }

    /// Cuts out and pools the local patches: `[batch, class, …]` to `[batch, patch, class, pooled…]`.
    pub(crate) fn pool(&self, logits: Tensor<5>) -> Result<Tensor<6>, SamplingError> {
        let [batch, classes, ..] = logits.dims();
        let [d, h, w] = self.covered;
        let logits = logits.slice([0..batch, 0..classes, 0..d, 0..h, 0..w]);
        pooled_patches(logits, self.side, self.step, self.pooled)
    }

    /// Computes an embedding of each patch, `[batch, patch, width]`; `embed` takes all pooled patches as one batch.
    pub(crate) fn embed(
        &self,
        logits: Tensor<5>,
        embed: impl Fn(Tensor<5>) -> Tensor<5>,
    ) -> Result<Tensor<3>, SamplingError> {
        let patches = self.pool(logits)?;
        let [batch, count, classes, d, h, w] = patches.dims();
        let embedded = embed(patches.reshape([batch * count, classes, d, h, w]));
        Ok(embedded.reshape([batch, count, classes * d * h * w]))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_official_numbers_of_patches() {
        let slices = LocalPatches::new(&ActionConfig::official_2d(), [256, 256, 1]);
        assert_eq!(slices.count(), 36);
        let logits = Tensor::<5>::ones([2, 4, 256, 256, 1], &Device::flex());
        let found = slices.pool(logits).unwrap();
        assert_eq!(found.dims(), [2, 36, 4, 8, 8, 1]);
        let volumes = LocalPatches::new(&ActionConfig::official_3d(), [112, 112, 80]);
        assert_eq!(volumes.count(), 700);
        let kept = ActionConfig {
            last_patch: LastPatch::Kept,
            ..ActionConfig::official_2d()
        };
        assert_eq!(LocalPatches::new(&kept, [256, 256, 1]).count(), 49);
    }

    #[test]
    fn only_what_ends_at_the_border_is_dropped() {
        let count = |last_patch, side: usize| {
            let config = ActionConfig {
                last_patch,
                ..ActionConfig::new(0)
            };
            LocalPatches::new(&config, [side, 20, 1]).count()
        };
        // Starts 0, 10 and 20 of 45 voxels; 0, 10, 20 and 30 of 50; only 0 of 20.
        for (side, kept, dropped) in [(45, 3, 3), (50, 4, 3), (20, 1, 1)] {
            assert_eq!(count(LastPatch::Kept, side), kept);
            assert_eq!(count(LastPatch::Dropped, side), dropped);
        }
    }
}
