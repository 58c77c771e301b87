//! Trilinear and nearest-neighbor resizing, axis by axis.

use burn::prelude::*;
use burn::tensor::TensorData;

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
    expect_sides("resize_trilinear", &input, size);
    resized(input, size, |from, to| {
        interpolation(from, to, align_corners)
    })
}

/// Resizes a volume to the values of the nearest voxels: position `i` of an output axis is input `⌊i * in / out⌋`.
///
/// Twice the side repeats every voxel, as PyTorch's `interpolate` with `mode="nearest"` does. Each axis is one product
/// with a fixed matrix of zeros and ones; the gradient is the product with its transpose.
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
/// use semivox_kernels::resize_nearest;
///
/// let device = Device::flex();
/// let input = Tensor::<1>::from_floats([3.0, 5.0], &device).reshape([1, 1, 1, 1, 2]);
/// let wide = resize_nearest(input, [1, 1, 4]);
/// assert_eq!(wide.into_data().try_to_vec::<f32>()?, [3.0, 3.0, 5.0, 5.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn resize_nearest(input: Tensor<5>, size: [usize; 3]) -> Tensor<5> {
    expect_sides("resize_nearest", &input, size);
    resized(input, size, selection)
}

#[track_caller]
fn expect_sides(operator: &str, input: &Tensor<5>, size: [usize; 3]) {
    let [_, _, sides @ ..] = input.dims();
    assert!(
        size.iter().chain(&sides).all(|&side| side > 0),
        "{operator} needs sides above zero, got {sides:?} to {size:?}"
    );
}

/// Multiplies each axis whose side changes by the matrix, of `to` rows and `from` columns, that `weights` gives for it.
fn resized(
    input: Tensor<5>,
    size: [usize; 3],
    weights: impl Fn(usize, usize) -> Vec<f64>,
) -> Tensor<5> {
    let [batch, channels, depth, height, width] = input.dims();
    let maps = batch * channels;
    let (device, dtype) = (input.device(), input.dtype());
    let matrix = |from, to| -> Tensor<3> {
        let values = TensorData::new(weights(from, to), [1, to, from]);
        Tensor::from_data(values, (&device, dtype))
    };
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

/// The weights of the input's voxels in each output voxel of an axis, by linear interpolation.
fn interpolation(from: usize, to: usize, align_corners: bool) -> Vec<f64> {
    let mut matrix = vec![0.0; to * from];
    for (row, weights) in matrix.chunks_exact_mut(from).enumerate() {
        let (low, fraction) = source_position(row, from, to, align_corners);
        let high = (low + 1).min(from - 1);
        weights[low] += 1.0 - fraction;
        weights[high] += fraction;
    }
    matrix
}

/// The same for nearest neighbors: one voxel each.
fn selection(from: usize, to: usize) -> Vec<f64> {
    let mut matrix = vec![0.0; to * from];
    for (row, weights) in matrix.chunks_exact_mut(from).enumerate() {
        weights[row * from / to] = 1.0;
    }
    matrix
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Each output voxel by plain loops, and each input voxel's gradient as the sum over the outputs that read it.
    #[test]
    fn nearest_neighbors_and_their_gradient_equal_plain_loops() {
        let device = Device::flex().autodiff();
        let ([d, h, w], maps) = ([2, 3, 5], 4);
        for [to_d, to_h, to_w] in [[4, 6, 10], [2, 7, 3], [5, 3, 1]] {
            let count = (maps * d * h * w) as i64;
            let input = Tensor::<1, Int>::arange(0..count, &device).float();
            let input = (input * 0.7).sin().reshape([2, 2, d, h, w]).require_grad();
            let output = resize_nearest(input.clone(), [to_d, to_h, to_w]);
            let factors = (output.clone().detach() * 3.0).cos();
            let gradient = (output.clone() * factors.clone()).sum().backward();
            let values = |x: Tensor<5>| x.into_data().try_to_vec::<f32>().unwrap();
            let gradient = values(input.grad(&gradient).unwrap());
            let [input, output, factors] = [input, output, factors].map(values);
            let mut sums = vec![0.0; input.len()];
            for map in 0..maps {
                for (z, y, x) in
                    (0..to_d * to_h * to_w).map(|i| (i / (to_h * to_w), i / to_w % to_h, i % to_w))
                {
                    let place = ((map * to_d + z) * to_h + y) * to_w + x;
                    let [z, y, x] = [z * d / to_d, y * h / to_h, x * w / to_w];
                    let source = ((map * d + z) * h + y) * w + x;
                    assert_eq!(output[place], input[source]);
                    sums[source] += factors[place];
                }
            }
            for (found, expected) in gradient.iter().zip(&sums) {
                assert!((found - expected).abs() < 1e-5, "{found} {expected}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "resize_nearest needs sides above zero, got [1, 1, 1] to [2, 0, 2]")]
    fn an_empty_side_is_refused() {
        resize_nearest(Tensor::ones([1, 1, 1, 1, 1], &Device::flex()), [2, 0, 2]);
    }
}
