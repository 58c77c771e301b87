//! The sum of all elements of a tensor, in an order that threads do not change.

use burn::prelude::*;

/// Elements up to which Burn's CPU backend is left to sum by itself, in one thread: from 4 · 2²⁰ on it adds parts as its
/// threads have split them, which may differ between runs.
const AT_ONCE: usize = 1 << 20;

/// Elements of a large tensor that are summed first.
const BLOCK: usize = 1 << 16;

/// Returns the sum of all elements, `[1]`.
///
/// Unlike [`Tensor::sum`], it is bit-identical in every run on the CPU: of a large tensor, blocks of a fixed size are summed
/// first.
///
/// # Shapes
///
/// - `tensor`: any shape
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_kernels::total;
///
/// let ones = Tensor::<3>::ones([2, 3, 4], &Device::flex());
/// assert_eq!(total(ones).into_scalar::<f32>(), 24.0);
/// ```
pub fn total<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let elements = tensor.dims().iter().product::<usize>();
    if elements <= AT_ONCE {
        return tensor.sum();
    }
    let (blocks, rest) = (elements / BLOCK, elements % BLOCK);
    let row = tensor.reshape([elements]);
    let end = (rest > 0).then(|| row.clone().narrow(0, elements - rest, rest).sum());
    let whole = match end {
        Some(_) => row.narrow(0, 0, blocks * BLOCK),
        None => row,
    };
    let sum = whole.reshape([blocks, BLOCK]).sum_dim(1).sum();
    match end {
        Some(end) => sum + end,
        None => sum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2²³ elements and some more, which Burn sums in several threads, and the sum of the sums of their blocks.
    #[test]
    fn a_large_sum_is_that_of_its_blocks_with_one_gradient_per_element() {
        let device = Device::flex().autodiff();
        let sum = |part: &[f32]| {
            Tensor::<1>::from_floats(part, &device)
                .sum()
                .into_scalar::<f32>()
        };
        for shape in [[8, 1024, 1024], [9, 1023, 1021]] {
            let values = (0..shape.iter().product::<usize>()).map(|at| 1.0 + (at as f32).sin());
            let values: Vec<f32> = values.collect();
            let blocks: Vec<f32> = values.chunks_exact(BLOCK).map(sum).collect();
            let expected = match values.chunks_exact(BLOCK).remainder() {
                [] => sum(&blocks),
                rest => sum(&blocks) + sum(rest),
            };
            let tensor = Tensor::<3>::from_data(TensorData::new(values, shape), &device);
            let tensor = tensor.require_grad();
            let found = total(tensor.clone());
            let gradient = tensor.grad(&found.clone().backward());
            let gradient = gradient.expect("a gradient").into_data();
            assert!(gradient.iter::<f32>().all(|slope| slope == 1.0));
            assert_eq!(found.into_scalar::<f32>().to_bits(), expected.to_bits());
        }
    }
}
