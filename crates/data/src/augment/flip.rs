//! Mirroring along one axis.

use ndarray::{ArrayView3, Axis};
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::rng::{below, chance};

/// The axis to mirror, if any.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::augment::FlipParams;
///
/// let patch = array![[[1], [2]], [[3], [4]]];
/// assert_eq!(FlipParams { axis: Some(1) }.apply(patch.view()), array![[[2], [1]], [[4], [3]]]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FlipParams {
    /// 0, 1 or 2; `None` for no mirroring.
    pub axis: Option<u8>,
}

impl FlipParams {
    /// Draws one of the `axes` that are true, with the given probability of mirroring.
    pub fn draw(rng: &mut impl Rng, probability: f64, axes: [bool; 3]) -> Self {
        let flip = chance(rng, probability);
        let allowed: Vec<u8> = (0..3).filter(|&a| axes[usize::from(a)]).collect();
        let chosen = below(rng, allowed.len().max(1) as u64) as usize;
        Self {
            axis: allowed.get(chosen).copied().filter(|_| flip),
        }
    }

    /// Returns the mirrored patch as a view, without copying.
    pub fn apply<'a, T>(&self, patch: ArrayView3<'a, T>) -> ArrayView3<'a, T> {
        let mut view = patch;
        if let Some(axis) = self.axis {
            view.invert_axis(Axis(usize::from(axis.min(2))));
        }
        view
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::keyed;

    #[test]
    fn the_probability_decides_and_both_axes_occur() {
        let both = [true, true, false];
        let draw = |step, p| FlipParams::draw(&mut keyed(0, step, "flip"), p, both).axis;
        assert!((0..50).all(|s| draw(s, 0.0).is_none()));
        let always: Vec<_> = (0..50).map(|s| draw(s, 1.0)).collect();
        assert!(always.contains(&Some(0)) && always.contains(&Some(1)));
        assert!(always.iter().all(Option::is_some));
    }

    #[test]
    fn only_the_axes_named_are_mirrored() {
        let draw = |step, axes| FlipParams::draw(&mut keyed(0, step, "flip"), 1.0, axes).axis;
        for step in 0..20 {
            assert_eq!(draw(step, [true, false, false]), Some(0));
            assert_eq!(draw(step, [false, false, true]), Some(2));
            assert_eq!(draw(step, [false; 3]), None);
        }
    }
}
