//! Rotations by multiples of 90° in the plane of the first two axes.

use ndarray::{ArrayView3, Axis};
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::rng::below;

/// A rotation by a multiple of 90°, from the first axis to the second.
///
/// One quarter turn is `out[i, j, k] = in[j, n - 1 - i, k]`, with `n` the length of the input's second axis.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::augment::Rot90Params;
///
/// let patch = array![[[1], [2]], [[3], [4]]];
/// let turned = Rot90Params { quarter_turns: 1 }.apply(patch.view());
/// assert_eq!(turned, array![[[2], [4]], [[1], [3]]]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rot90Params {
    /// Number of quarter turns, 0 to 3.
    pub quarter_turns: u8,
}

impl Rot90Params {
    /// Draws 0 to 3 quarter turns, or 0 or 2 if a quarter turn would change the shape.
    pub fn draw(rng: &mut impl Rng, patch: [usize; 3]) -> Self {
        let quarter_turns = if patch[0] == patch[1] {
            below(rng, 4)
        } else {
            2 * below(rng, 2)
        };
        Self {
            quarter_turns: quarter_turns as u8,
        }
    }

    /// Returns the rotated patch as a view, without copying.
    pub fn apply<'a, T>(&self, patch: ArrayView3<'a, T>) -> ArrayView3<'a, T> {
        let mut view = patch;
        let turns = self.quarter_turns % 4;
        if turns == 1 || turns == 2 {
            view.invert_axis(Axis(1));
        }
        if turns == 2 || turns == 3 {
            view.invert_axis(Axis(0));
        }
        if turns % 2 == 1 {
            view.swap_axes(0, 1);
        }
        view
    }

    /// Returns the inverse rotation.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self {
            quarter_turns: (4 - self.quarter_turns % 4) % 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::keyed;
    use ndarray::Array3;

    #[test]
    fn turns_add_up_to_the_identity() {
        let patch = Array3::from_shape_fn((3, 4, 2), |(x, y, z)| 100 * x + 10 * y + z);
        let one = Rot90Params { quarter_turns: 1 };
        let mut view = patch.view();
        for k in 1..=4 {
            view = one.apply(view);
            assert_eq!(view, Rot90Params { quarter_turns: k }.apply(patch.view()));
        }
        assert_eq!(view, patch);
        for quarter_turns in 0..4 {
            let turn = Rot90Params { quarter_turns };
            assert_eq!(turn.inverse().apply(turn.apply(patch.view())), patch);
        }
    }

    #[test]
    fn one_turn_follows_the_definition() {
        let patch = Array3::from_shape_fn((3, 4, 2), |(x, y, z)| 100 * x + 10 * y + z);
        let turned = Rot90Params { quarter_turns: 1 }.apply(patch.view());
        for ((i, j, k), &value) in turned.indexed_iter() {
            assert_eq!(value, patch[[j, 3 - i, k]]);
        }
    }

    #[test]
    fn a_patch_that_is_not_square_keeps_its_shape() {
        let draws: Vec<u8> = (0..50)
            .map(|s| Rot90Params::draw(&mut keyed(0, s, "rot"), [4, 5, 5]).quarter_turns)
            .collect();
        assert!(draws.contains(&0) && draws.contains(&2) && draws.iter().all(|k| k % 2 == 0));
    }
}
