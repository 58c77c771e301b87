//! Downsampling and upsampling convolutions with stride = kernel, as matrix products.
//!
//! The windows do not overlap, so the fine volume is a rearrangement of columns, one per window. Splitting
//! all three axes into windows and voxels at once takes eight dimensions; looping over the depth of the
//! window takes only six and still copies each voxel once.

use burn::prelude::*;

use super::matrices;
use super::operator::Convolution;

/// A downsampling (window to voxel) or upsampling (voxel to window) convolution.
///
/// Its weight is `[coarse, fine, kd, kh, kw]`, with the channels of the coarse and of the fine volume:
/// PyTorch's layout in both directions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    upward: bool,
    kernel: [usize; 3],
    /// Size of the fine volume, including voxels in no complete window.
    fine: [usize; 3],
}

impl Windows {
    /// Creates the downsampling convolution of `input`.
    pub(crate) fn down(input: [usize; 5], weight: [usize; 5]) -> Self {
        let ([_, _, fine @ ..], [_, _, kernel @ ..]) = (input, weight);
        Self {
            upward: false,
            kernel,
            fine,
        }
    }

    /// Creates the upsampling convolution of `input`.
    pub(crate) fn up(input: [usize; 5], weight: [usize; 5]) -> Self {
        let ([_, _, coarse @ ..], [_, _, kernel @ ..]) = (input, weight);
        Self {
            upward: true,
            kernel,
            fine: std::array::from_fn(|axis| coarse[axis] * kernel[axis]),
        }
    }

    /// Rearranges the voxels of each window to channels, one map per depth inside the window:
    /// `[batch, fine, …]` to `kd` times `[batch, fine · kh · kw, depth, height, width]`.
    fn columns(&self, volume: Tensor<5>) -> Vec<Tensor<5>> {
        let volume = whole_windows(volume, self.kernel);
        let ([batch, channels, ..], [kd, kh, kw]) = (volume.dims(), self.kernel);
        let [depth, height, width] = self.coarse();
        // Depth inside the window and height are adjacent, which makes one depth a contiguous range.
        let split = [batch * channels, depth, kd * height, kh, width, kw];
        let volume = volume.reshape(split);
        let column = |tap: usize| {
            let slices = volume.clone().narrow(2, tap * height, height);
            let columns = slices.permute([0, 3, 5, 1, 2, 4]);
            columns.reshape([batch, channels * kh * kw, depth, height, width])
        };
        (0..kd).map(column).collect()
    }

    /// The inverse of [`columns`](Self::columns), with zeros outside the windows.
    fn interleaved(&self, columns: Vec<Tensor<5>>) -> Tensor<5> {
        let ([kd, kh, kw], [depth, height, width]) = (self.kernel, self.coarse());
        let [batch, rows, ..] = columns[0].dims();
        let channels = rows / (kh * kw);
        let views = columns.into_iter().map(|columns| {
            let split = [batch * channels, kh, kw, depth, height, width];
            columns.reshape(split).permute([0, 3, 4, 1, 5, 2])
        });
        let whole = [batch, channels, depth * kd, height * kh, width * kw];
        let volume = Tensor::<6>::cat(views.collect(), 2).reshape(whole);
        let [d, h, w] = self.fine;
        if whole[2..] == self.fine {
            return volume;
        }
        let [_, _, wd, wh, ww] = whole;
        let zeros = Tensor::zeros(
            [batch, channels, d, h, w],
            (&volume.device(), volume.dtype()),
        );
        zeros.slice_assign([0..batch, 0..channels, 0..wd, 0..wh, 0..ww], volume)
    }

    fn coarse(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.fine[axis] / self.kernel[axis])
    }

    /// Sums over the windows: columns of the fine volume to the coarse volume.
    fn gathered(&self, columns: &[Tensor<5>], weight: &Tensor<5>) -> Tensor<5> {
        let products = matrices(weight)
            .into_iter()
            .zip(columns)
            .map(|(matrix, columns)| matrix.matmul(flat(columns.clone())));
        let sum = products
            .reduce(|sum, product| sum + product)
            .expect("a window of one voxel at least");
        self.unflat(sum)
    }

    /// Maps the coarse volume to the fine one with the transposed weight.
    fn scattered(&self, coarse: Tensor<5>, weight: &Tensor<5>) -> Tensor<5> {
        let coarse = flat(coarse);
        let product = |matrix: Tensor<3>| matrix.swap_dims(1, 2).matmul(coarse.clone());
        let products = matrices(weight).into_iter().map(product);
        self.interleaved(products.map(|product| self.unflat(product)).collect())
    }

    fn unflat(&self, map: Tensor<3>) -> Tensor<5> {
        let ([batch, channels, _], [d, h, w]) = (map.dims(), self.coarse());
        map.reshape([batch, channels, d, h, w])
    }

    /// The weight's gradient from the columns and the coarse volume.
    fn weight_gradient(&self, columns: Vec<Tensor<5>>, coarse: &Tensor<5>) -> Tensor<5> {
        let [_, kh, kw] = self.kernel;
        let coarse = flat(coarse.clone());
        let taps = columns.into_iter().map(|columns| {
            let columns = flat(columns).swap_dims(1, 2);
            let product = coarse.clone().matmul(columns).sum_dim(0);
            let [_, rows, taps] = product.dims();
            product.reshape([rows, taps / (kh * kw), 1, kh, kw])
        });
        Tensor::cat(taps.collect(), 2)
    }
}

impl Convolution for Windows {
    fn forward(&self, input: Tensor<5>, weight: Tensor<5>) -> (Tensor<5>, Vec<Tensor<5>>) {
        if self.upward {
            return (self.scattered(input.clone(), &weight), vec![input]);
        }
        let columns = self.columns(input);
        (self.gathered(&columns, &weight), columns)
    }

    fn gradients(
        &self,
        mut kept: Vec<Tensor<5>>,
        weight: Tensor<5>,
        gradient: Tensor<5>,
        [of_input, of_weight]: [bool; 2],
    ) -> [Option<Tensor<5>>; 2] {
        if !self.upward {
            let weight_gradient = of_weight.then(|| self.weight_gradient(kept, &gradient));
            return [
                of_input.then(|| self.scattered(gradient, &weight)),
                weight_gradient,
            ];
        }
        let columns = self.columns(gradient);
        let input_gradient = of_input.then(|| self.gathered(&columns, &weight));
        let input = kept.remove(0);
        let weight_gradient = of_weight.then(|| self.weight_gradient(columns, &input));
        [input_gradient, weight_gradient]
    }
}

/// Reshapes to `[batch, channel, voxel]`.
fn flat(map: Tensor<5>) -> Tensor<3> {
    map.flatten(2, 4)
}

/// Cuts off voxels at the far ends that are in no complete window.
///
/// # Panics
///
/// If a side of the volume is shorter than that of the window.
pub(crate) fn whole_windows(volume: Tensor<5>, kernel: [usize; 3]) -> Tensor<5> {
    let [batch, channels, sides @ ..] = volume.dims();
    assert!(
        (0..3).all(|axis| kernel[axis] > 0 && kernel[axis] <= sides[axis]),
        "a window of {kernel:?} voxels needs sides at least as long, got {sides:?}"
    );
    let [d, h, w]: [usize; 3] =
        std::array::from_fn(|axis| sides[axis] / kernel[axis] * kernel[axis]);
    if [d, h, w] == sides {
        return volume;
    }
    volume.slice([0..batch, 0..channels, 0..d, 0..h, 0..w])
}
