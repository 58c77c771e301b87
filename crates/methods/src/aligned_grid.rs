//! Nearest-neighbor downsampling with aligned corners.

use burn::prelude::*;
use burn::tensor::kind::Basic;

/// Downsamples `x` to a coarser grid by nearest neighbor; the corner voxels of both grids coincide.
pub(crate) fn nearest<K: Basic>(x: Tensor<5, K>, grid: [usize; 3]) -> Tensor<5, K> {
    (0..3).fold(x, |x, axis| {
        let (from, to) = (x.dims()[axis + 2], grid[axis]);
        if from == to {
            return x;
        }
        let step = (from - 1) as f64 / (to.max(2) - 1) as f64;
        let index: Vec<i32> = (0..to).map(|i| (i as f64 * step).round() as i32).collect();
        let index = Tensor::<1, Int>::from_data(TensorData::new(index, [to]), &x.device());
        x.select(axis + 2, index)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ends_are_kept_and_the_full_grid_is_unchanged() {
        let device = Device::flex();
        let x = Tensor::<1>::from_floats([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], &device);
        let x = x.reshape([1, 1, 6, 1, 1]);
        let read = |x: Tensor<5>| x.into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(read(nearest(x.clone(), [3, 1, 1])), [0.0, 3.0, 5.0]);
        assert_eq!(read(nearest(x.clone(), [6, 1, 1])), read(x));
    }
}
