//! Adaptive pooling to a given output size.

use burn::prelude::*;
use burn::tensor::module::adaptive_avg_pool3d as burn_adaptive_avg_pool3d;

/// Adaptive average pooling to a given output size.
///
/// Window `i` of an axis ranges from `floor(i * in / out)` to `ceil((i + 1) * in / out)`, as in PyTorch;
/// windows can overlap by a voxel where the sizes do not divide.
///
/// # Shapes
///
/// - `input`: `[batch, channel, depth, height, width]`
/// - output: `[batch, channel, size[0], size[1], size[2]]`
///
/// # Panics
///
/// If a side of `size` is zero.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::adaptive_avg_pool3d;
///
/// let device = Device::flex();
/// let input = Tensor::<5>::ones([1, 2, 5, 6, 7], &device);
/// assert_eq!(adaptive_avg_pool3d(input, [4, 4, 4]).dims(), [1, 2, 4, 4, 4]);
/// ```
pub fn adaptive_avg_pool3d(input: Tensor<5>, size: [usize; 3]) -> Tensor<5> {
    burn_adaptive_avg_pool3d(input, size)
}

/// Adaptive max pooling to a given output size.
///
/// The windows are those of [`adaptive_avg_pool3d`].
///
/// # Shapes
///
/// - `input`: `[batch, channel, depth, height, width]`
/// - output: `[batch, channel, size[0], size[1], size[2]]`
///
/// # Panics
///
/// If a side of `size` is zero.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::adaptive_max_pool3d;
///
/// let device = Device::flex();
/// let input = Tensor::<1>::from_floats([1.0, 5.0, 2.0, 3.0], &device).reshape([1, 1, 1, 1, 4]);
/// let output = adaptive_max_pool3d(input, [1, 1, 3]); // windows 0..2, 1..3 and 2..4
/// assert_eq!(output.into_data().try_to_vec::<f32>()?, [5.0, 5.0, 3.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn adaptive_max_pool3d(input: Tensor<5>, size: [usize; 3]) -> Tensor<5> {
    assert!(
        !size.contains(&0),
        "adaptive_max_pool3d needs output sides above zero, got {size:?}"
    );
    (0..3).fold(input, |x, axis| max_along(x, axis + 2, size[axis]))
}

/// The maximum of each window along one axis.
fn max_along(x: Tensor<5>, axis: usize, out: usize) -> Tensor<5> {
    let side = x.dims()[axis];
    if side == out {
        return x;
    }
    let window = |i: usize| (i * side / out, ((i + 1) * side).div_ceil(out));
    let longest = (0..out)
        .map(|i| window(i).1 - window(i).0)
        .max()
        .unwrap_or(1);
    // The `k`-th voxel of every window; shorter windows repeat their last voxel.
    let voxel = |k: usize| {
        let index = (0..out).map(|i| (window(i).0 + k).min(window(i).1 - 1) as i32);
        let index: Vec<i32> = index.collect();
        x.clone().select(
            axis,
            Tensor::from_data(TensorData::new(index, [out]), &x.device()),
        )
    };
    (1..longest).fold(voxel(0), |most, k| most.max_pair(voxel(k)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn windows_grow_shrink_and_overlap_as_those_of_the_average() {
        let device = Device::flex();
        for (size, out) in [
            ([5, 6, 7], [4, 3, 7]),
            ([3, 2, 4], [5, 4, 1]),
            ([1, 1, 9], [2, 1, 4]),
        ] {
            let count = size.iter().product::<usize>() as i64;
            let x = Tensor::<1, Int>::arange(0..count, &device).float();
            let x = (x * 2.7).sin().reshape([1, 1, size[0], size[1], size[2]]);
            let values = x.clone().into_data().try_to_vec::<f32>().unwrap();
            let found = adaptive_max_pool3d(x, out)
                .into_data()
                .try_to_vec::<f32>()
                .unwrap();
            let window = |axis: usize, i: usize| {
                i * size[axis] / out[axis]..((i + 1) * size[axis]).div_ceil(out[axis])
            };
            let mut at = 0;
            for d in 0..out[0] {
                for h in 0..out[1] {
                    for w in 0..out[2] {
                        let mut most = f32::NEG_INFINITY;
                        for a in window(0, d) {
                            for b in window(1, h) {
                                for c in window(2, w) {
                                    most = most.max(values[(a * size[1] + b) * size[2] + c]);
                                }
                            }
                        }
                        assert_eq!(found[at], most);
                        at += 1;
                    }
                }
            }
        }
    }
}
