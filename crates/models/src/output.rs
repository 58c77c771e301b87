//! Output of the segmentation networks.

use burn::prelude::*;

/// Output of a segmentation network for a batch of volumes (`D` = 5) or images (`D` = 4).
#[derive(Debug, Clone)]
pub struct NetworkOutput<const D: usize = 5> {
    /// Logits, the class scores before softmax, `[batch, class, sides…]`.
    pub logits: Tensor<D>,
    /// Five maps of the decoder, from the lowest to full resolution, with the channels of the
    /// configuration's `feature_channels`.
    pub features: [Tensor<D>; 5],
    /// Map of the lowest resolution, after dropout, `[batch, 16 * filters, side / 16, …]`.
    pub bottleneck: Tensor<D>,
    /// Predicted signed distance in `(-1, 1)`, if the network has this head.
    pub signed_distance: Option<Tensor<D>>,
}

impl<const D: usize> NetworkOutput<D> {
    /// Selects `count` elements of the batch, starting at `first`.
    ///
    /// # Panics
    ///
    /// If the batch has fewer elements.
    pub fn narrow(&self, first: usize, count: usize) -> Self {
        let part = |map: &Tensor<D>| map.clone().narrow(0, first, count);
        Self {
            logits: part(&self.logits),
            features: self.features.each_ref().map(part),
            bottleneck: part(&self.bottleneck),
            signed_distance: self.signed_distance.as_ref().map(part),
        }
    }
}
