//! Class-balanced voxel sampling.

use rand::seq::index;
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
        Self::of_members(members(labels, allowed), |members| {
            let last = members.len() as u64 - 1;
            let pick = |_| members[rng.random_range(0..=last) as usize];
            (0..count).map(pick).collect()
        })
    }

    /// Draws at most `most` different voxels of each class uniformly among those for which `allowed` is true; all of
    /// them, in order, if a class has no more.
    ///
    /// A class without such a voxel is left out; negative labels are ignored.
    ///
    /// # Examples
    ///
    /// ```
    /// use semivox_sampling::{ClassVoxels, keyed_rng};
    ///
    /// let labels = [0, 0, 2, -1, 0];
    /// let mut rng = keyed_rng(1, 0, "voxels");
    /// let drawn = ClassVoxels::draw_distinct(&labels, |voxel| voxel > 0, 2, &mut rng);
    /// assert_eq!((drawn.of(0), drawn.of(1), drawn.of(2)), (&[1, 4][..], &[][..], &[2][..]));
    /// ```
    pub fn draw_distinct(
        labels: &[i32],
        allowed: impl Fn(usize) -> bool,
        most: usize,
        rng: &mut impl Rng,
    ) -> Self {
        Self::of_members(members(labels, allowed), |members| {
            if members.len() <= most {
                return members.to_vec();
            }
            let places = index::sample(rng, members.len(), most);
            places.iter().map(|place| members[place]).collect()
        })
    }

    /// Returns the voxels drawn of a class.
    pub fn of(&self, class: i32) -> &[i32] {
        let start = self.classes.partition_point(|&c| c < class);
        let end = self.classes.partition_point(|&c| c <= class);
        &self.voxels[start..end]
    }

    /// Draws from the members of each class that has some.
    fn of_members(members: Vec<Vec<i32>>, mut draw: impl FnMut(&[i32]) -> Vec<i32>) -> Self {
        let mut drawn = Self {
            voxels: Vec::new(),
            classes: Vec::new(),
        };
        let present = members.iter().enumerate();
        for (class, members) in present.filter(|(_, members)| !members.is_empty()) {
            drawn.voxels.extend(draw(members));
            drawn.classes.resize(drawn.voxels.len(), class as i32);
        }
        drawn
    }
}

/// Lists the voxels of each class for which `allowed` is true.
fn members(labels: &[i32], allowed: impl Fn(usize) -> bool) -> Vec<Vec<i32>> {
    let most = labels.iter().copied().max().unwrap_or(-1);
    let mut members = vec![Vec::new(); usize::try_from(most + 1).unwrap_or(0)];
    for (voxel, &label) in labels.iter().enumerate() {
        if label >= 0 && allowed(voxel) {
            members[label as usize].push(voxel as i32);
        }
    }
    members
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
    fn distinct_voxels_are_drawn_evenly_and_all_of_a_small_class() {
        let labels: Vec<i32> = (0..40).map(|voxel| if voxel < 4 { 3 } else { 1 }).collect();
        let mut times = [0usize; 40];
        for step in 0..900 {
            let mut rng = keyed_rng(1, step, "test");
            let drawn = ClassVoxels::draw_distinct(&labels, |_| true, 6, &mut rng);
            assert_eq!((drawn.of(1).len(), drawn.of(3)), (6, &[0, 1, 2, 3][..]));
            assert_eq!((drawn.of(0).len(), drawn.of(4).len()), (0, 0));
            let mut different = drawn.of(1).to_vec();
            different.sort_unstable();
            different.dedup();
            assert_eq!(different.len(), 6);
            drawn.voxels.iter().for_each(|&v| times[v as usize] += 1);
        }
        for times in &times[4..] {
            assert!(times.abs_diff(150) < 60, "{times}");
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
