//! Copy-paste: a box of one patch, with its labels, in another.
//!
//! ```text
//! x = M·x_around + (1 − M)·x_inside,   M = 0 in the box and 1 around it
//! ```

use burn::prelude::*;
use burn::tensor::kind::Basic;
use semivox_data::augment::paste_box;
use semivox_data::rng::keyed;
use semivox_losses::IGNORED_LABEL;

use crate::step_context::StepContext;

/// The published share of each side that a box has.
pub(crate) const BOX_SHARE: f64 = 2.0 / 3.0;

/// A box that all patches of a step share.
pub(crate) struct PastedBox {
    /// `1 − M`, `[1, 1, depth, height, width]`.
    inside: Tensor<5, Bool>,
}

impl PastedBox {
    /// Draws the box of a step, which has `share` of each side.
    pub(crate) fn draw(share: f64, [d, h, w]: [usize; 3], at: &StepContext) -> Self {
        let mut rng = keyed(at.seed, at.step, "copy-paste");
        let inside = paste_box(&mut rng, share, [d, h, w]).mask([d, h, w]);
        let inside = TensorData::new(inside.into_iter().collect(), [1, 1, d, h, w]);
        Self {
            inside: Tensor::from_data(inside, &at.device),
        }
    }

    /// Returns `M·around + (1 − M)·inside`.
    pub(crate) fn paste<K: Basic>(
        &self,
        around: Tensor<5, K>,
        inside: Tensor<5, K>,
    ) -> Tensor<5, K> {
        let mask = self.inside.clone().expand(around.dims());
        around.mask_where(mask, inside)
    }

    /// Returns the labels in the box; those around it are ignored.
    pub(crate) fn inside(&self, labels: Tensor<5, Int>) -> Tensor<5, Int> {
        let around = self.inside.clone().bool_not().expand(labels.dims());
        labels.mask_fill(around, IGNORED_LABEL)
    }

    /// Returns the labels around the box; those in it are ignored.
    pub(crate) fn around(&self, labels: Tensor<5, Int>) -> Tensor<5, Int> {
        let inside = self.inside.clone().expand(labels.dims());
        labels.mask_fill(inside, IGNORED_LABEL)
    }
}

/// Returns `count` patches: the given ones in turn, from the first again after the last.
pub(crate) fn in_turn<K: Basic>(patches: Tensor<5, K>, count: usize) -> Tensor<5, K> {
    let given = patches.dims()[0];
    if given == count {
        return patches;
    }
    let turns = vec![patches; count.div_ceil(given)];
    Tensor::cat(turns, 0).narrow(0, 0, count)
}
