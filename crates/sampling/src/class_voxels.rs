//! Class-balanced voxel sampling.

use rand::{Rng, RngExt};

/// Indices of voxels drawn per class, with their classes.
///
/// # Examples
///
/// ```
/// use semivox_sampling::{ClassVoxels, keyed_rng};
///
/// let labels = [0, 0, 2, -1, 0];
/// let drawn = ClassVoxels::draw(&labels, |_| true, 2, &mut keyed_rng(1, 0, "voxels"));
/// assert_eq!(drawn.classes, [0, 0, 2, 2]);
/// assert_eq!(drawn.voxels[2..], [2, 2]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassVoxels {
    /// Voxel indices, grouped by class.
    pub voxels: Vec<i32>,
    /// The class of each drawn voxel.
    pub classes: Vec<i32>,
}

impl ClassVoxels {
    /// Draws `count` voxels of each class uniformly with replacement among those for which `allowed` is true.
    ///
    /// A class without such a voxel is left out; negative labels are ignored.
    pub fn draw(
        labels: &[i32],
        allowed: impl Fn(usize) -> bool,
        count: usize,
        rng: &mut impl Rng,
    ) -> Self {
        let most = labels.iter().copied().max().unwrap_or(-1);
        let mut members = vec![Vec::new(); usize::try_from(most + 1).unwrap_or(0)];
        for (voxel, &label) in labels.iter().enumerate() {
            if label >= 0 && allowed(voxel) {
                members[label as usize].push(voxel as i32);
            }
        }
        let mut drawn = Self {
            voxels: Vec::new(),
            classes: Vec::new(),
        };
        for (class, members) in members.iter().enumerate() {
            let Some(last) = (members.len() as u64).checked_sub(1) else {
                continue;
            };
            let pick = |_| members[rng.random_range(0..=last) as usize];
            drawn.voxels.extend((0..count).map(pick));
            drawn.classes.extend(vec![class as i32; count]);
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::keyed_rng;

    #[test]
    fn every_present_class_is_drawn_evenly() {
        let labels: Vec<i32> = (0..40).map(|voxel| if voxel < 4 { 3 } else { 1 }).collect();
        let drawn = ClassVoxels::draw(&labels, |_| true, 4000, &mut keyed_rng(1, 0, "test"));
        assert_eq!(drawn.classes.len(), 8000);
        for (voxel, class) in drawn.voxels.iter().zip(&drawn.classes) {
            assert_eq!(labels[*voxel as usize], *class);
        }
        for voxel in 0..4 {
            let times = drawn.voxels.iter().filter(|&&v| v == voxel).count();
            assert!(times.abs_diff(1000) < 120, "{times}");
        }
    }

    #[test]
    fn what_is_not_allowed_or_no_class_is_never_drawn() {
        let draw = |labels: &[i32], allowed: fn(usize) -> bool| {
            ClassVoxels::draw(labels, allowed, 8, &mut keyed_rng(2, 0, "test"))
        };
        let odd = draw(&[0, 0, 1, -1, 0], |voxel| voxel % 2 == 1);
        assert_eq!((odd.voxels, odd.classes), (vec![1; 8], vec![0; 8]));
        for labels in [&[-1, -1][..], &[]] {
            assert!(draw(labels, |_| true).voxels.is_empty());
        }
    }
}
