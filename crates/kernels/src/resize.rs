//! Trilinear interpolation, axis by axis.

use burn::prelude::*;
use burn::tensor::{DType, TensorData};

/// Resizes a volume by trilinear interpolation.
///
/// Position `i` of an output axis reads the input at
///
/// - `i * (in - 1) / (out - 1)` with `align_corners` (centers of the corner voxels coincide),
/// - `max(0, (i + 0.5) * in / out - 0.5)` without (outer faces coincide),
///
/// and interpolates linearly between the two nearest voxels, as PyTorch's `interpolate` does. Each axis is
/// one product with a fixed `[out, in]` matrix; the gradient is the product with its transpose.
///
/// # Shapes
///
/// - `input`: `[batch, channel, depth, height, width]`
/// - output: `[batch, channel, size[0], size[1], size[2]]`
///
/// # Panics
///
/// If a side of the input or of `size` is zero.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::resize_trilinear;
///
/// let device = Device::flex();
/// let input = Tensor::<1>::from_floats([0.0, 1.0], &device).reshape([1, 1, 1, 1, 2]);
/// let wide = resize_trilinear(input, [1, 1, 5], true);
/// assert_eq!(wide.into_data().try_to_vec::<f32>()?, [0.0, 0.25, 0.5, 0.75, 1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn resize_trilinear(input: Tensor<5>, size: [usize; 3], align_corners: bool) -> Tensor<5> {
    let [batch, channels, depth, height, width] = input.dims();
    assert!(
        size.iter()
            .chain(&[depth, height, width])
            .all(|&side| side > 0),
        "resize_trilinear needs sides above zero, got {:?} to {size:?}",
        [depth, height, width]
    );
    let maps = batch * channels;
    let (device, dtype) = (input.device(), input.dtype());
    let matrix = |from, to| interpolation_matrix(from, to, align_corners, (&device, dtype));
    let mut volume = input.reshape([maps, depth, height * width]);
    if depth != size[0] {
        volume = matrix(depth, size[0]).matmul(volume);
    }
    let mut volume = volume.reshape([maps * size[0], height, width]);
    if height != size[1] {
        volume = matrix(height, size[1]).matmul(volume);
    }
    let mut volume = volume.reshape([1, maps * size[0] * size[1], width]);
    if width != size[2] {
        volume = volume.matmul(matrix(width, size[2]).swap_dims(1, 2));
    }
    volume.reshape([batch, channels, size[0], size[1], size[2]])
}

/// The `[1, to, from]` matrix that interpolates along one axis.
fn interpolation_matrix(
    from: usize,
    to: usize,
    align_corners: bool,
    kind: (&Device, DType),
) -> Tensor<3> {
    let mut matrix = vec![0.0; to * from];
    for (row, weights) in matrix.chunks_exact_mut(from).enumerate() {
        let (low, fraction) = source_position(row, from, to, align_corners);
        let high = (low + 1).min(from - 1);
        weights[low] += 1.0 - fraction;
        weights[high] += fraction;
    }
    Tensor::from_data(TensorData::new(matrix, [1, to, from]), kind)
}

/// The voxel below an output position, and the distance of the position above it.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positions are small and not negative
fn source_position(row: usize, from: usize, to: usize, align_corners: bool) -> (usize, f64) {
    let position = if align_corners {
        row as f64 * (from - 1) as f64 / (to.max(2) - 1) as f64
    } else {
        ((row as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0)
    };
    let low = (position.floor() as usize).min(from - 1);
    (low, position - low as f64)
}
