//! The patch size for scans of a size, by field of view and memory.

use crate::memory::of_volumes;

/// Minimum side of a patch, large enough for the local patches of ACTION; smaller scans are padded.
pub(super) const LEAST: usize = 32;

/// Patches of a batch, labeled and unlabeled ones, for which the memory is planned. It does not depend on the method, so
/// that all methods see the same patches.
const BATCH: usize = 4;

/// The limits of a patch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Maximum side in voxels.
    pub(super) side: usize,
    /// Maximum memory of a training step with a V-Net alone in bytes.
    pub(super) memory: f64,
    /// Filters of the network's first layer.
    pub(super) filters: usize,
}

/// Returns the patch for scans of `scan` voxels: two thirds of the scan along each axis, in steps of 16 voxels, within
/// `limits`.
///
/// If a step on it needs too much memory, the side that covers most of the scan is shortened until it fits, as nnU-Net
/// plans its patches; the batch stays.
pub(super) fn planned(scan: [f64; 3], limits: Limits) -> [usize; 3] {
    let mut patch = scan.map(|length| {
        let voxels = (length * 2.0 / 3.0) as usize;
        voxels.next_multiple_of(16).clamp(LEAST, limits.side)
    });
    let needed =
        |patch: [usize; 3]| of_volumes(BATCH * patch.iter().product::<usize>(), limits.filters);
    while needed(patch) > limits.memory {
        let share = |axis: usize| patch[axis] as f64 / scan[axis];
        let longer = (0..3).filter(|&axis| patch[axis] > LEAST);
        match longer.max_by(|&a, &b| share(a).total_cmp(&share(b))) {
            Some(axis) => patch[axis] -= 16,
            None => break,
        }
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        side: 96,
        memory: 2e9,
        filters: 16,
    };

    #[test]
    fn a_patch_is_two_thirds_of_a_scan() {
        assert_eq!(planned([96.0; 3], LIMITS), [64; 3]);
        assert_eq!(planned([35.0, 50.0, 35.0], LIMITS), [32, 48, 32]);
        assert_eq!(planned([400.0, 48.0, 20.0], LIMITS), [96, 32, 32]);
    }

    #[test]
    fn the_side_that_covers_most_of_the_scan_is_shortened_until_the_memory_suffices() {
        // 80³ voxels need 2.1 GB: along the shortest scan axis 80 of 110 voxels are covered.
        let scan = [115.0, 118.0, 110.0];
        assert_eq!(planned(scan, LIMITS), [80, 80, 64]);
        let ample = Limits {
            memory: 3e9,
            ..LIMITS
        };
        assert_eq!(planned(scan, ample), [80; 3]);
        let scarce = Limits {
            memory: 0.0,
            ..LIMITS
        };
        assert_eq!(planned(scan, scarce), [LEAST; 3]);
    }
}
