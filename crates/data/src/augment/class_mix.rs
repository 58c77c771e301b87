//! ClassMix: mixing of two samples by class.

use ndarray::{Array3, ArrayView3, Zip};
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::rng::below;

/// The classes of a sample that are kept; all other voxels come from its partner.
///
/// # References
///
/// Olsson et al., "ClassMix: Segmentation-Based Data Augmentation for
/// Semi-Supervised Learning", WACV 2021.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::augment::ClassMixParams;
///
/// let labels = array![[[0, 1, 2]]];
/// let keep = ClassMixParams { classes: vec![1] }.mask(labels.view());
/// let mut image = array![[[5.0, 6.0, 7.0]]];
/// ClassMixParams::mix(&keep, &mut image, array![[[0.0, 0.1, 0.2]]].view());
/// assert_eq!(image, array![[[0.0, 6.0, 0.2]]]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassMixParams {
    /// The kept classes in ascending order.
    pub classes: Vec<u8>,
}

impl ClassMixParams {
    /// Draws half of the classes that occur, including the background, rounded down.
    pub fn draw(rng: &mut impl Rng, labels: ArrayView3<'_, u8>) -> Self {
        let mut seen = [false; 256];
        labels
            .iter()
            .for_each(|&label| seen[usize::from(label)] = true);
        let mut classes: Vec<u8> = (0..=u8::MAX).filter(|&c| seen[usize::from(c)]).collect();
        let kept = classes.len() / 2;
        // The first steps of a Fisher–Yates shuffle.
        for i in 0..kept {
            let j = i + below(rng, (classes.len() - i) as u64) as usize;
            classes.swap(i, j);
        }
        classes.truncate(kept);
        classes.sort_unstable();
        Self { classes }
    }

    /// Returns the mask of the kept voxels.
    pub fn mask(&self, labels: ArrayView3<'_, u8>) -> Array3<bool> {
        labels.mapv(|label| self.classes.binary_search(&label).is_ok())
    }

    /// Replaces voxels with the partner's where the mask is false. Use the same mask for image,
    /// pseudo-label and confidence.
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    pub fn mix<T: Copy>(mask: &Array3<bool>, patch: &mut Array3<T>, partner: ArrayView3<'_, T>) {
        Zip::from(patch)
            .and(mask)
            .and(partner)
            .for_each(|own, &keep, &other| {
                if !keep {
                    *own = other;
                }
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::keyed;

    #[test]
    fn half_of_the_present_classes_are_chosen() {
        let labels = ndarray::array![[[0_u8, 3, 7, 7, 9, 9]]];
        let mut counts = [0; 256];
        for step in 0..600 {
            let params = ClassMixParams::draw(&mut keyed(0, step, "classmix"), labels.view());
            assert_eq!(params.classes.len(), 2);
            params
                .classes
                .iter()
                .for_each(|&c| counts[usize::from(c)] += 1);
        }
        for class in [0, 3, 7, 9] {
            assert!(
                (240..360).contains(&counts[class]),
                "{class}: {}",
                counts[class]
            );
        }
        let single = Array3::from_elem((2, 2, 2), 1);
        let none = ClassMixParams::draw(&mut keyed(0, 0, "classmix"), single.view());
        assert!(none.classes.is_empty());
    }
}
