//! Start positions of patches.

use itertools::iproduct;
use rand::{Rng, RngExt};

/// Position of a patch in a volume, with the padding it needs.
///
/// Along each axis the patch is `volume[start .. start + patch - padding]`, with `padding[axis]` =
/// `[before, after]` voxels added around it. Only a volume smaller than the patch needs padding; its
/// start is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatchPlacement {
    /// First voxel along each axis.
    pub start: [usize; 3],
    /// Voxels to add before and after along each axis.
    pub padding: [[usize; 2]; 3],
}

/// Draws a patch position uniformly from all `side - patch + 1` starts along each axis.
///
/// Where the volume is smaller than the patch, the start is 0 and the padding is split evenly; if it is
/// odd, the extra voxel comes after the volume.
///
/// # Examples
///
/// ```
/// use semivox_sampling::{keyed_rng, random_patch};
///
/// let place = random_patch([120, 112, 75], [112, 112, 80], &mut keyed_rng(1337, 0, "patch"));
/// assert!(place.start[0] <= 8);
/// assert_eq!(place.start[1..], [0, 0]);
/// assert_eq!(place.padding, [[0, 0], [0, 0], [2, 3]]);
/// ```
pub fn random_patch(volume: [usize; 3], patch: [usize; 3], rng: &mut impl Rng) -> PatchPlacement {
    let mut place = PatchPlacement {
        start: [0; 3],
        padding: [[0; 2]; 3],
    };
    for axis in 0..3 {
        let spare = volume[axis].saturating_sub(patch[axis]) as u64;
        let missing = patch[axis].saturating_sub(volume[axis]);
        place.start[axis] = rng.random_range(0..=spare) as usize;
        place.padding[axis] = [missing / 2, missing - missing / 2];
    }
    place
}

/// Start positions of a sliding window, which covers the whole volume if no stride exceeds the patch.
///
/// Each axis has `ceil((side - patch) / stride) + 1` starts, `stride` apart, with the last one moved back
/// to `side - patch`. A volume smaller than the patch has the single start 0 and needs padding. The first
/// axis varies slowest.
///
/// # Panics
///
/// If a side of the patch or of the stride is zero.
///
/// # Examples
///
/// ```
/// use semivox_sampling::grid_positions;
///
/// let starts = grid_positions([10, 4, 3], [4, 4, 4], [4, 4, 4]);
/// assert_eq!(starts, [[0, 0, 0], [4, 0, 0], [6, 0, 0]]);
/// ```
pub fn grid_positions(
    volume: [usize; 3],
    patch: [usize; 3],
    stride: [usize; 3],
) -> Vec<[usize; 3]> {
    positive(patch, stride);
    product([0, 1, 2].map(|axis| {
        let last = volume[axis].saturating_sub(patch[axis]);
        let count = last.div_ceil(stride[axis]) + 1;
        (0..count).map(|i| (i * stride[axis]).min(last)).collect()
    }))
}

/// Start positions of the sliding windows that lie entirely inside the volume.
///
/// Each axis has `floor((side - patch) / stride) + 1` starts, none if the volume is smaller than
/// the patch. The first axis varies slowest. This is the order of the patches in
/// [`pooled_patches`](crate::pooled_patches).
///
/// # Panics
///
/// If a side of the patch or of the stride is zero.
///
/// # Examples
///
/// ```
/// use semivox_sampling::fitting_positions;
///
/// let starts = fitting_positions([112, 112, 80], [20; 3], [10; 3]);
/// assert_eq!(starts.len(), 700);
/// assert_eq!(starts[699], [90, 90, 60]);
/// ```
pub fn fitting_positions(
    volume: [usize; 3],
    patch: [usize; 3],
    stride: [usize; 3],
) -> Vec<[usize; 3]> {
    positive(patch, stride);
    product(
        [0, 1, 2].map(|axis| match volume[axis].checked_sub(patch[axis]) {
            Some(last) => (0..=last).step_by(stride[axis]).collect(),
            None => Vec::new(),
        }),
    )
}

fn positive(patch: [usize; 3], stride: [usize; 3]) {
    assert!(
        !patch.contains(&0),
        "expected a patch of positive sides, found {patch:?}"
    );
    assert!(
        !stride.contains(&0),
        "expected a stride of positive steps, found {stride:?}"
    );
}

/// All combinations; the first axis varies slowest.
fn product([first, second, third]: [Vec<usize>; 3]) -> Vec<[usize; 3]> {
    iproduct!(first, second, third)
        .map(|(x, y, z)| [x, y, z])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::keyed_rng;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_grid_covers_every_voxel(side in 1usize..40, patch in 1usize..20, stride in 1usize..20) {
            prop_assume!(stride <= patch);
            let starts = grid_positions([side, 1, 1], [patch, 1, 1], [stride, 1, 1]);
            for voxel in 0..side {
                let covered = |start: &[usize; 3]| start[0] <= voxel && voxel < start[0] + patch;
                prop_assert!(starts.iter().any(covered));
            }
            let inside = |start: &[usize; 3]| start[0] + patch <= side.max(patch);
            prop_assert!(starts.iter().all(inside));
            prop_assert!(starts.windows(2).all(|pair| pair[0] < pair[1]));
        }

        #[test]
        fn patches_and_padding_add_up(
            volume in [1usize..30, 1usize..30, 1usize..30], patch in [1usize..30, 1usize..30, 1usize..30], seed: u64,
        ) {
            let place = random_patch(volume, patch, &mut keyed_rng(seed, 0, "patch"));
            for axis in 0..3 {
                let [before, after] = place.padding[axis];
                prop_assert_eq!(before + after, patch[axis].saturating_sub(volume[axis]));
                prop_assert!(place.start[axis] + patch[axis] - before - after <= volume[axis]);
            }
        }
    }

    #[test]
    fn random_starts_are_uniform() {
        let mut rng = keyed_rng(5, 0, "patch");
        let mut counts = [0usize; 9];
        for _ in 0..4500 {
            counts[random_patch([120, 4, 4], [112, 4, 4], &mut rng).start[0]] += 1;
        }
        // 500 expected each, standard deviation 21.
        assert!(counts.iter().all(|&n| n.abs_diff(500) < 110), "{counts:?}");
    }

    #[test]
    fn the_left_atrium_window_of_the_field() {
        let starts = grid_positions([120, 112, 88], [112, 112, 80], [18, 18, 4]);
        assert_eq!(starts.len(), 2 * 3);
        assert_eq!(starts[5], [8, 0, 8]);
    }

    #[test]
    fn incomplete_windows_are_left_out() {
        assert_eq!(
            fitting_positions([64, 64, 32], [20; 3], [10; 3]).len(),
            5 * 5 * 2
        );
        assert!(fitting_positions([64, 64, 19], [20; 3], [10; 3]).is_empty());
    }

    #[test]
    #[should_panic(expected = "positive steps")]
    fn a_zero_stride_panics() {
        grid_positions([4; 3], [2; 3], [0, 1, 1]);
    }
}
