//! Volumes of one slice, in which the 2D network works, and images.

use burn::prelude::*;

use crate::NetworkOutput;

/// Converts a volume or map of one slice to an image.
pub(crate) fn image(volume: Tensor<5>) -> Tensor<4> {
    let slices = volume.dims()[4];
    assert_eq!(
        slices, 1,
        "a U-Net takes patches of one slice, got {slices}"
    );
    volume.squeeze_dim(4)
}

/// Converts a map of images to volumes of one slice.
pub(crate) fn volume(map: Tensor<4>) -> Tensor<5> {
    map.unsqueeze_dim(4)
}

/// Converts the output for images to volumes of one slice.
pub(crate) fn volumes(output: NetworkOutput<4>) -> NetworkOutput {
    NetworkOutput {
        logits: volume(output.logits),
        features: output.features.map(volume),
        bottleneck: volume(output.bottleneck),
        signed_distance: output.signed_distance.map(volume),
    }
}
