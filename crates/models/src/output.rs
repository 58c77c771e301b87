//! What a network computes.

use burn::prelude::*;

/// What a segmentation network computes from a batch: volumes (`D` = 5) or images (`D` = 4).
#[derive(Debug, Clone)]
pub struct NetworkOutput<const D: usize = 5> {
    /// Class scores before softmax, `[batch, class, sides…]`.
    pub logits: Tensor<D>,
    /// Five maps of the decoder, from low resolution to full; their channels are the
    /// configuration's `feature_channels`.
    pub features: [Tensor<D>; 5],
    /// The lowest resolution, after dropout, `[batch, 16 * filters, side / 16, …]`.
    pub bottleneck: Tensor<D>,
    /// Predicted signed distance in `(-1, 1)`, if the network has that head.
    pub signed_distance: Option<Tensor<D>>,
}

impl<const D: usize> NetworkOutput<D> {
    /// The outputs of `count` elements of the batch, from the `first` on.
    ///
    /// # Panics
    ///
    /// If the batch has fewer.
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
