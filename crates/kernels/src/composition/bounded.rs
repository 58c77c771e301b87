//! Stride-1 convolutions with bounded extra memory.
//!
//! Unfolding a whole map for one matrix product takes as many times its memory as the kernel has voxels, 27
//! for 3×3×3. This implementation unfolds a few slices at a time, along height and width only, and sums the
//! products over the kernel's depth.

use std::ops::Range;

use burn::prelude::*;
use burn::tensor::ops::PadMode;

use super::matrices;
use super::operator::Convolution;

/// A convolution with an odd kernel, stride 1 and zero padding that keeps the size.
///
/// `y[b, o, d] = sum over a of W[o, ·, a] · columns(x[b, ·, d + a - (kd - 1) / 2])`, where the columns of
/// a slice contain, for every voxel, the `kh · kw` voxels around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounded {
    /// Whether the volumes are images; they are then divided along height instead of depth.
    images: bool,
    kernel: [usize; 3],
}

/// Slices computed at once: ranges of samples and depths.
type Chunk = (Range<usize>, Range<usize>);

impl Bounded {
    /// Creates the convolution for an input and a weight of these shapes.
    pub(super) fn new(input: [usize; 5], weight: [usize; 5]) -> Self {
        let ([_, _, depth, ..], [_, _, kd, kh, kw]) = (input, weight);
        let images = depth == 1 && kd == 1;
        let kernel = if images { [kh, 1, kw] } else { [kd, kh, kw] };
        Self { images, kernel }
    }

    /// Swaps height and depth of images, without a copy.
    fn turned(&self, tensor: Tensor<5>) -> Tensor<5> {
        let [n, c, d, h, w] = tensor.dims();
        match self.images {
            true => tensor.reshape([n, c, h, d, w]),
            false => tensor,
        }
    }

    fn output(&self, input: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
        let (input, weight) = (self.turned(input), self.turned(weight));
        let ([batch, inputs, d, h, w], outputs) = (input.dims(), weight.dims()[0]);
        let matrices = matrices(&weight);
        let chunks = self.chunks([batch, d], [inputs, outputs]);
        if chunks.len() == 1 {
            return self.turned(self.slices(&input, &matrices, &chunks[0]));
        }
        let options = (&input.device(), input.dtype());
        let mut output = Tensor::empty([batch, outputs, d, h, w], options);
        for chunk in chunks {
            let slices = self.slices(&input, &matrices, &chunk);
            let (samples, depths) = chunk;
            output = output.slice_assign([samples, 0..outputs, depths, 0..h, 0..w], slices);
        }
        self.turned(output)
    }

    /// Computes the output slices of a chunk.
    fn slices(&self, input: &Tensor<5>, matrices: &[Tensor<3>], chunk: &Chunk) -> Tensor<5> {
        let ([_, _, _, h, w], (samples, depths)) = (input.dims(), chunk);
        let padded = self.padded(input, chunk);
        let products = matrices.iter().enumerate().map(|(tap, matrix)| {
            let columns = self.columns(padded.clone().narrow(2, tap, depths.len()));
            matrix.clone().matmul(columns)
        });
        let sum = products.reduce(|sum, product| sum + product);
        let sum = sum.expect("a kernel of one voxel at least");
        let outputs = sum.dims()[1];
        sum.reshape([samples.len(), outputs, depths.len(), h, w])
    }

    fn weight_gradient(&self, input: Tensor<5>, gradient: Tensor<5>) -> Tensor<5> {
        let (input, gradient) = (self.turned(input), self.turned(gradient));
        let ([batch, inputs, d, h, w], outputs) = (input.dims(), gradient.dims()[1]);
        let [kd, kh, kw] = self.kernel;
        let mut sums: Vec<Option<Tensor<3>>> = vec![None; kd];
        for chunk in self.chunks([batch, d], [inputs, outputs]) {
            let (samples, depths) = chunk.clone();
            let padded = self.padded(&input, &chunk);
            let area = [samples, 0..outputs, depths.clone(), 0..h, 0..w];
            let gradient = gradient.clone().slice(area).flatten::<3>(2, 4);
            for (tap, sum) in sums.iter_mut().enumerate() {
                let columns = self.columns(padded.clone().narrow(2, tap, depths.len()));
                let product = gradient.clone().matmul(columns.swap_dims(1, 2)).sum_dim(0);
                *sum = Some(match sum.take() {
                    Some(sum) => sum + product,
                    None => product,
                });
            }
        }
        let taps = sums.into_iter().flatten();
        let taps = taps.map(|sum| sum.reshape([outputs, inputs, 1, kh, kw]));
        self.turned(Tensor::cat(taps.collect(), 2))
    }

    /// Divides the slices into chunks whose columns, products and sums have at most as many elements as the
    /// input, but at least one slice.
    fn chunks(&self, [batch, depth]: [usize; 2], [inputs, outputs]: [usize; 2]) -> Vec<Chunk> {
        let [_, kh, kw] = self.kernel;
        let slices = batch * depth * inputs / (kh * kw * inputs + 2 * outputs);
        let samples = (slices / depth).max(1);
        let depths = slices.clamp(1, depth);
        let ranges = |side: usize, step: usize| {
            (0..side)
                .step_by(step)
                .map(move |start| start..(start + step).min(side))
        };
        ranges(batch, samples)
            .flat_map(|samples| ranges(depth, depths).map(move |depths| (samples.clone(), depths)))
            .collect()
    }

    /// A chunk of the input with the neighboring slices under the kernel; zeros outside the volume.
    fn padded(&self, input: &Tensor<5>, (samples, depths): &Chunk) -> Tensor<5> {
        let ([_, channels, d, h, w], [pd, ph, pw]) = (input.dims(), self.kernel.map(|k| k / 2));
        let (low, high) = (depths.start.saturating_sub(pd), (depths.end + pd).min(d));
        let area = [samples.clone(), 0..channels, low..high, 0..h, 0..w];
        let (front, back) = (low + pd - depths.start, depths.end + pd - high);
        let zeros = PadMode::Constant(0.0);
        let slices = input.clone().slice(area);
        slices.pad([(front, back), (ph, ph), (pw, pw)], zeros)
    }

    /// Unfolds slices padded along height and width to `[batch, channel · kh · kw, voxel]`.
    fn columns(&self, slices: Tensor<5>) -> Tensor<3> {
        let ([batch, channels, depth, h, w], [_, kh, kw]) = (slices.dims(), self.kernel);
        let (height, width) = (h + 1 - kh, w + 1 - kw);
        let slices = slices.reshape([batch * channels, depth, h, w]);
        // [map, depth, height, width, kw, kh]
        let views: Tensor<6> = slices.unfold::<5, _>(3, kw, 1).unfold(2, kh, 1);
        let columns = views.permute([0, 5, 4, 1, 2, 3]);
        columns.reshape([batch, channels * kh * kw, depth * height * width])
    }
}

impl Convolution for Bounded {
    fn forward(&self, input: Tensor<5>, weight: Tensor<5>) -> (Tensor<5>, Vec<Tensor<5>>) {
        (self.output(input.clone(), weight), vec![input])
    }

    /// The input's gradient is the convolution of the output's with the mirrored, transposed kernel.
    fn gradients(
        &self,
        mut kept: Vec<Tensor<5>>,
        weight: Tensor<5>,
        gradient: Tensor<5>,
        [of_input, of_weight]: [bool; 2],
    ) -> [Option<Tensor<5>>; 2] {
        let input = kept.remove(0);
        let weight_gradient = of_weight.then(|| self.weight_gradient(input, gradient.clone()));
        let mirrored = || weight.swap_dims(0, 1).flip([2, 3, 4]);
        [
            of_input.then(|| self.output(gradient, mirrored())),
            weight_gradient,
        ]
    }
}
