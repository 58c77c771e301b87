//! Average pooling of all sliding patches.

use burn::prelude::*;

use crate::error::SamplingError;

/// Average-pools every sliding patch of a volume to a few cells per side.
///
/// `out[b, p, c, i] = mean of x[b, c, start(p) + i * cell .. start(p) + (i + 1) * cell]` for the
/// cells `i` of sides `cell = side / pooled` and `start(p)` as listed by
/// [`fitting_positions`](crate::fitting_positions): only windows inside the volume, first axis slowest.
/// A slice is a volume whose last side is 1; there side, step and pooled are 1.
///
/// Where `side` and `step` are multiples of the cell, all patches share one grid of cells: the volume is
/// averaged once, and the patches are blocks of the averaged volume. For the 700 patches of side 20 and
/// step 10 in a 112×112×80 volume this avoids copying 8 times its size. The result is differentiable.
///
/// # Shapes
///
/// - `x`: `[batch, channel, depth, height, width]`
/// - output: `[batch, patch, channel, pooled[0], pooled[1], pooled[2]]`
///
/// # Errors
///
/// If `pooled` does not divide `side`, if the cell does not divide `step`, if one of them is
/// zero, or if the patch is larger than the volume.
///
/// # References
///
/// You et al., "Bootstrapping semi-supervised medical image segmentation with anatomical-aware
/// contrastive distillation", IPMI 2023, arXiv 2206.02307: the local branch.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_sampling::pooled_patches;
///
/// let device = Device::flex();
/// let logits = Tensor::<5>::ones([1, 2, 112, 112, 80], &device);
/// let patches = pooled_patches(logits, [20; 3], [10; 3], [4; 3])?;
/// assert_eq!(patches.dims(), [1, 700, 2, 4, 4, 4]);
/// # Ok::<(), semivox_sampling::SamplingError>(())
/// ```
pub fn pooled_patches(
    x: Tensor<5>,
    side: [usize; 3],
    step: [usize; 3],
    pooled: [usize; 3],
) -> Result<Tensor<6>, SamplingError> {
    let cell = cell_sides(side, step, pooled)?;
    let [batch, channel, depth, height, width] = x.dims();
    let volume = [depth, height, width];
    if (0..3).any(|axis| volume[axis] < side[axis]) {
        return Err(SamplingError::Setting {
            field: "patch side",
            expected: "at most the side of the volume",
            found: format!("{side:?} for a volume of {volume:?}"),
        });
    }
    let [n0, n1, n2] = [0, 1, 2].map(|axis| (volume[axis] - side[axis]) / step[axis] + 1);
    let stride = [0, 1, 2].map(|axis| step[axis] / cell[axis]);
    let [p0, p1, p2] = pooled;
    let cells = [
        (n0 - 1) * stride[0] + p0,
        (n1 - 1) * stride[1] + p1,
        (n2 - 1) * stride[2] + p2,
    ];
    let x = average_cells(x, cell, cells); // [B, C, cells…]
    let x = x.reshape([batch, channel, cells[0], cells[1] * cells[2]]);
    let x = blocks(x, n0, p0, stride[0]); // [B, n0, C, p0, …]
    let x = x.reshape([batch * n0, channel * p0, cells[1], cells[2]]);
    let x = blocks(x, n1, p1, stride[1]); // [B · n0, n1, C · p0, p1, …]
    let x = x.reshape([batch * n0 * n1, channel * p0 * p1, cells[2], 1]);
    let x = blocks(x, n2, p2, stride[2]);
    Ok(x.reshape([batch, n0 * n1 * n2, channel, p0, p1, p2]))
}

/// Side lengths of a cell of the shared grid.
fn cell_sides(
    side: [usize; 3],
    step: [usize; 3],
    pooled: [usize; 3],
) -> Result<[usize; 3], SamplingError> {
    let setting = |field, expected, found: [usize; 3]| {
        Err(SamplingError::Setting {
            field,
            expected,
            found: format!("{found:?}"),
        })
    };
    let divides = |part: usize, whole: usize| part > 0 && whole > 0 && whole.is_multiple_of(part);
    if !(0..3).all(|axis| divides(pooled[axis], side[axis])) {
        return setting("patch side", "a positive multiple of the pooled side", side);
    }
    let cell = [0, 1, 2].map(|axis| side[axis] / pooled[axis]);
    if !(0..3).all(|axis| divides(cell[axis], step[axis])) {
        return setting(
            "patch step",
            "a positive multiple of patch side / pooled side",
            step,
        );
    }
    Ok(cell)
}

/// Means over the cells of a grid; voxels beyond the last cell are ignored.
fn average_cells(x: Tensor<5>, cell: [usize; 3], cells: [usize; 3]) -> Tensor<5> {
    let [batch, channel, ..] = x.dims();
    let outer = batch * channel;
    let [d, h, w] = [0, 1, 2].map(|axis| cells[axis] * cell[axis]);
    let x = x.slice([0..batch, 0..channel, 0..d, 0..h, 0..w]);
    let x = x.reshape([outer * d * h * cells[2], cell[2], 1]).sum_dim(1);
    let x = x
        .reshape([outer * d * cells[1], cell[1], cells[2]])
        .sum_dim(1);
    let x = x
        .reshape([outer * cells[0], cell[0], cells[1] * cells[2]])
        .sum_dim(1);
    let x = x.div_scalar(cell.iter().product::<usize>() as f32);
    x.reshape([batch, channel, cells[0], cells[1], cells[2]])
}

/// Overlapping blocks of the third axis, moved before the second: `[outer, kept, cells, inner]` to
/// `[outer, count, kept, size, inner]` with `out[o, n, k, i] = x[o, k, n * stride + i]`.
fn blocks(x: Tensor<4>, count: usize, size: usize, stride: usize) -> Tensor<5> {
    let end = (count - 1) * stride + 1;
    let offsets = (0..size)
        .map(|i| x.clone().slice(s![.., .., i..i + end; stride, ..]))
        .map(|offset| offset.swap_dims(1, 2))
        .collect();
    Tensor::stack(offsets, 3)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::patch::fitting_positions;
    use burn::tensor::Distribution;

    /// Oracle: cuts every patch and averages its cells with plain loops.
    fn by_loops(
        x: &Tensor<5>,
        side: [usize; 3],
        step: [usize; 3],
        pooled: [usize; 3],
    ) -> Tensor<6> {
        let [batch, channel, depth, height, width] = x.dims();
        let starts = fitting_positions([depth, height, width], side, step);
        let cell = [0, 1, 2].map(|axis| side[axis] / pooled[axis]);
        let mut cells = Vec::new();
        for b in 0..batch {
            for start in &starts {
                for c in 0..channel {
                    for cube in fitting_positions(side, cell, cell) {
                        let [i, j, k] = [0, 1, 2].map(|a| start[a] + cube[a]);
                        let area = [
                            b..b + 1,
                            c..c + 1,
                            i..i + cell[0],
                            j..j + cell[1],
                            k..k + cell[2],
                        ];
                        cells.push(x.clone().slice(area).mean().into_scalar::<f32>());
                    }
                }
            }
        }
        let shape = [
            batch,
            starts.len(),
            channel,
            pooled[0],
            pooled[1],
            pooled[2],
        ];
        Tensor::<1>::from_floats(cells.as_slice(), &x.device()).reshape(shape)
    }

    #[test]
    fn equals_cutting_and_averaging() {
        let device = Device::flex();
        for (shape, side, step, pooled) in [
            ([2, 2, 9, 8, 11], [4; 3], [2; 3], [2; 3]),
            ([1, 3, 7, 6, 8], [6; 3], [1; 3], [6; 3]),
            ([2, 1, 10, 7, 6], [6; 3], [4; 3], [3; 3]),
            ([1, 1, 21, 20, 30], [20; 3], [10; 3], [4; 3]),
            ([2, 3, 20, 24, 1], [8, 8, 1], [4, 4, 1], [2, 2, 1]), // slices
            ([1, 2, 9, 8, 12], [6, 8, 4], [3, 2, 2], [2, 4, 4]),
        ] {
            let x = Tensor::<5>::random(shape, Distribution::Default, &device);
            let expected = by_loops(&x, side, step, pooled);
            let found = pooled_patches(x, side, step, pooled).unwrap();
            assert_eq!(found.dims(), expected.dims());
            let worst = (found - expected).abs().max().into_scalar::<f32>();
            assert!(worst < 1e-6, "{worst}");
        }
    }

    #[test]
    fn the_gradient_counts_the_patches_over_a_voxel() {
        let device = Device::flex().autodiff();
        let x = Tensor::<5>::ones([1, 1, 8, 4, 4], &device).require_grad();
        let loss = pooled_patches(x.clone(), [4; 3], [2; 3], [2; 3])
            .unwrap()
            .sum();
        let gradient = x.grad(&loss.backward()).unwrap();
        let gradient = gradient.slice([0..1, 0..1, 0..8, 1..2, 2..3]).into_data();
        let expected = [1., 1., 2., 2., 2., 2., 1., 1.].map(|n: f32| n / 8.0);
        assert_eq!(gradient.try_to_vec::<f32>().unwrap(), expected);
    }

    #[test]
    fn grids_that_do_not_fit_are_refused() {
        let x = Tensor::<5>::zeros([1, 1, 24, 24, 16], &Device::flex());
        for (side, step, pooled) in [(20, 10, 4), (10, 5, 4), (12, 4, 4), (12, 0, 4), (12, 6, 0)] {
            assert!(
                pooled_patches(x.clone(), [side; 3], [step; 3], [pooled; 3]).is_err(),
                "{side} {step} {pooled}"
            );
        }
        assert!(pooled_patches(x, [16; 3], [8; 3], [4; 3]).is_ok());
    }
}
