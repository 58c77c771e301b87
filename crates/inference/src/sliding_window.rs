//! Sliding-window inference with bounded memory.

use burn::prelude::*;
use burn::tensor::DType;
use ndarray::{Array3, Array4, ArrayView3, ArrayView4, CowArray, Ix3, s};
use semivox_kernels::keep_weights;
use semivox_sampling::grid_positions;
use serde::{Deserialize, Serialize};

mod softmax;

use crate::InferenceError;
use softmax::add_softmax;

/// Weighting of overlapping windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Blend {
    /// All voxels of a window have equal weight, as in the field's evaluation code.
    Uniform,
    /// Weights fall off from the window's center: a Gaussian with σ = side/8 per axis,
    /// at least 1e-3 of its maximum, so that the sum of weights is never zero.
    Gaussian,
}

/// Sliding-window inference: window size, stride and weighting.
///
/// The probability of a voxel is the weighted mean of the softmax of all
/// windows that cover it. A volume smaller than the window is padded with
/// zeros on both sides and the result cropped back. Memory beyond the result
/// is one window's activations, and on the CPU the transformed weights, for a
/// V-Net about three times its size: all windows share them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlidingWindow {
    /// Window size in voxels: multiples of 16, and one slice for a U-Net.
    pub window: [usize; 3],
    /// Distance between windows in voxels; 18, 18, 4 is the field's for LA.
    pub stride: [usize; 3],
    /// Weighting of overlapping windows.
    pub blend: Blend,
}

impl SlidingWindow {
    /// Checks that strides leave no gaps.
    ///
    /// # Errors
    /// [`InferenceError::Unexpected`] with the axis and the value found.
    pub fn check(&self) -> Result<(), InferenceError> {
        for axis in 0..3 {
            let (window, stride) = (self.window[axis], self.stride[axis]);
            if stride == 0 || stride > window {
                return Err(InferenceError::unexpected(
                    "inference.stride",
                    format!("1 to the window's {window} on axis {axis}"),
                    stride.to_string(),
                    "choose a stride in this range; a longer one leaves gaps",
                ));
            }
        }
        Ok(())
    }

    /// Computes the class probabilities `[class, x, y, z]` of an image, whose `channels` are `[x, y, z]` each.
    ///
    /// `forward` maps `[1, channel, window]` on `device` to logits `[1, class, window]`; a network is best given in
    /// evaluation mode, without gradients.
    ///
    /// # Panics
    /// Without channels, if they differ in shape, or if `forward` does not take the window or gives another shape.
    ///
    /// # Examples
    /// ```
    /// use burn::prelude::*;
    /// use ndarray::Array3;
    /// use semivox_inference::{Blend, SlidingWindow};
    ///
    /// // A threshold at 0 as a network of two classes.
    /// let forward = |input: Tensor<5>| Tensor::cat(vec![-input.clone(), input], 1);
    /// let window = SlidingWindow { window: [4; 3], stride: [2; 3], blend: Blend::Uniform };
    /// let volume = Array3::from_shape_fn((9, 4, 4), |(x, _, _)| x as f32 - 4.0);
    /// let found = window.probabilities(forward, &[volume.view()], &Device::flex());
    /// assert_eq!(found.dim(), (2, 9, 4, 4));
    /// assert!(found[[1, 0, 0, 0]] < 0.01 && found[[1, 8, 0, 0]] > 0.99);
    /// ```
    pub fn probabilities(
        &self,
        forward: impl Fn(Tensor<5>) -> Tensor<5>,
        channels: &[ArrayView3<'_, f32>],
        device: &Device,
    ) -> Array4<f32> {
        let shape: [usize; 3] = channels[0].dim().into();
        let padded = channels.iter().map(|&channel| {
            assert_eq!(
                channel.shape(),
                shape,
                "the shape of a channel and of the first"
            );
            self.pad(channel)
        });
        let (channels, offsets): (Vec<_>, Vec<_>) = padded.unzip();
        let blended = keep_weights(|| self.blended(forward, &channels, device));
        if channels[0].is_view() {
            return blended;
        }
        let [x, y, z] = offsets[0];
        blended
            .slice(s![.., x..x + shape[0], y..y + shape[1], z..z + shape[2]])
            .to_owned()
    }

    /// Returns the weighted mean of all windows of channels that are at least as large as one.
    fn blended(
        &self,
        forward: impl Fn(Tensor<5>) -> Tensor<5>,
        channels: &[CowArray<'_, f32, Ix3>],
        device: &Device,
    ) -> Array4<f32> {
        let (px, py, pz) = channels[0].dim();
        let weights = self.weights();
        let mut sum: Option<Array4<f32>> = None;
        let mut norm = Array3::<f32>::zeros((px, py, pz));
        for [x, y, z] in grid_positions([px, py, pz], self.window, self.stride) {
            let [w, h, d] = self.window;
            let area = s![x..x + w, y..y + h, z..z + d];
            let windows: Vec<_> = channels.iter().map(|channel| channel.slice(area)).collect();
            let logits = logits(&forward, &windows, device);
            let logits = view(&logits);
            let sum = sum.get_or_insert_with(|| Array4::zeros((logits.dim().0, px, py, pz)));
            let area = s![.., x..x + w, y..y + h, z..z + d];
            add_softmax(sum.slice_mut(area), logits, &weights);
            let mut norm = norm.slice_mut(s![x..x + w, y..y + h, z..z + d]);
            norm += &weights;
        }
        let mut sum = sum.expect("a grid has at least one window");
        for mut class in sum.outer_iter_mut() {
            class.zip_mut_with(&norm, |p, n| *p /= n);
        }
        sum
    }

    /// Zero-pads a volume that is smaller than the window to the window's size; returns the volume's offset too.
    fn pad<'a>(&self, volume: ArrayView3<'a, f32>) -> (CowArray<'a, f32, Ix3>, [usize; 3]) {
        let shape: [usize; 3] = volume.dim().into();
        if (0..3).all(|a| shape[a] >= self.window[a]) {
            return (volume.into(), [0; 3]);
        }
        let size: [usize; 3] = std::array::from_fn(|a| shape[a].max(self.window[a]));
        let offset: [usize; 3] = std::array::from_fn(|a| (size[a] - shape[a]) / 2);
        let mut padded = Array3::zeros(size);
        let [x, y, z] = offset;
        padded
            .slice_mut(s![x..x + shape[0], y..y + shape[1], z..z + shape[2]])
            .assign(&volume);
        (padded.into(), offset)
    }

    fn weights(&self) -> Array3<f32> {
        if self.blend == Blend::Uniform {
            return Array3::ones(self.window);
        }
        let bell = |index: usize, side: usize| {
            let center = (side as f32 - 1.0) / 2.0;
            let sigma = side as f32 / 8.0;
            (-0.5 * ((index as f32 - center) / sigma).powi(2)).exp()
        };
        let [w, h, d] = self.window;
        Array3::from_shape_fn(self.window, |(x, y, z)| {
            (bell(x, w) * bell(y, h) * bell(z, d)).max(1e-3)
        })
    }
}

/// Computes the logits of one window, `[1, class, x, y, z]`.
fn logits(
    forward: impl Fn(Tensor<5>) -> Tensor<5>,
    window: &[ArrayView3<'_, f32>],
    device: &Device,
) -> TensorData {
    let (w, h, d) = window[0].dim();
    let mut values: Vec<f32> = Vec::with_capacity(window.len() * window[0].len());
    for row in window.iter().flat_map(|channel| channel.rows()) {
        match row.to_slice() {
            Some(row) => values.extend_from_slice(row),
            None => values.extend(row),
        }
    }
    let shape = [1, window.len(), w, h, d];
    let input = Tensor::<5>::from_data(TensorData::new(values, shape), device);
    forward(input).cast(DType::F32).into_data()
}

/// Returns the logits of one window as `[class, x, y, z]`.
fn view(logits: &TensorData) -> ArrayView4<'_, f32> {
    let [_, classes, w, h, d] = logits.shape().dims();
    let values = logits.as_slice::<f32>();
    let values = values.expect("logits cast to single precision");
    ArrayView4::from_shape((classes, w, h, d), values).expect("one logit per class and voxel")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use semivox_models::{Network, NetworkConfig};

    fn network(device: &Device) -> Network {
        device.seed(5);
        NetworkConfig::new(1, 3).with_filters(1).init(device)
    }

    fn forward(network: &Network) -> impl Fn(Tensor<5>) -> Tensor<5> {
        |input| network.forward(input).logits
    }

    /// Computes the softmax of one window by Burn's operator.
    fn predict(network: &Network, window: ArrayView3<'_, f32>, device: &Device) -> Array4<f32> {
        let logits = logits(forward(network), &[window], device);
        let logits = view(&logits);
        let (shape, values) = (logits.dim(), logits.iter().copied().collect::<Vec<_>>());
        let data = TensorData::new(values, [shape.0, window.len()]);
        let probabilities =
            burn::tensor::activation::softmax(Tensor::<2>::from_data(data, device), 0);
        let values = probabilities.into_data().try_into_vec::<f32>().unwrap();
        Array4::from_shape_vec(shape, values).unwrap()
    }

    fn volume(shape: [usize; 3]) -> Array3<f32> {
        Array3::from_shape_fn(shape, |(x, y, z)| {
            ((x * 7 + y * 5 + z * 3) % 11) as f32 / 5.0 - 1.0
        })
    }

    fn windows(stride: [usize; 3], blend: Blend) -> SlidingWindow {
        SlidingWindow {
            window: [16; 3],
            stride,
            blend,
        }
    }

    /// The reference is, for every voxel, the plain mean over all windows that contain it.
    #[test]
    fn uniform_blend_is_the_mean_over_covering_windows() {
        let device = Device::flex();
        let (network, volume) = (network(&device), volume([20, 16, 23]));
        let found = windows([3, 16, 5], Blend::Uniform).probabilities(
            forward(&network),
            &[volume.view()],
            &device,
        );
        let starts = |side: usize, stride: usize| -> Vec<usize> {
            let mut starts: Vec<usize> = (0..side - 16).step_by(stride).collect();
            starts.push(side - 16);
            starts
        };
        let (mut sum, mut count) = (
            Array4::<f32>::zeros((3, 20, 16, 23)),
            Array3::zeros((20, 16, 23)),
        );
        for &x in &starts(20, 3) {
            for &z in &starts(23, 5) {
                let p = predict(
                    &network,
                    volume.slice(s![x..x + 16, .., z..z + 16]),
                    &device,
                );
                let mut area = sum.slice_mut(s![.., x..x + 16, .., z..z + 16]);
                area += &p;
                let mut area = count.slice_mut(s![x..x + 16, .., z..z + 16]);
                area += 1.0f32;
            }
        }
        for ((class, x, y, z), p) in found.indexed_iter() {
            assert!((p - sum[[class, x, y, z]] / count[[x, y, z]]).abs() < 1e-6);
        }
    }

    #[test]
    fn probabilities_sum_to_one_also_where_the_volume_is_smaller_than_the_window() {
        let device = Device::flex();
        for blend in [Blend::Uniform, Blend::Gaussian] {
            for shape in [[16, 21, 17], [9, 30, 5]] {
                let network = network(&device);
                let p = windows([7, 9, 16], blend).probabilities(
                    forward(&network),
                    &[volume(shape).view()],
                    &device,
                );
                assert_eq!(p.dim(), (3, shape[0], shape[1], shape[2]));
                assert!(
                    p.sum_axis(ndarray::Axis(0))
                        .iter()
                        .all(|s| (s - 1.0).abs() < 1e-5)
                );
            }
        }
    }

    #[test]
    fn bad_windows_are_named() {
        let message = |window, stride| {
            SlidingWindow {
                window,
                stride,
                blend: Blend::Uniform,
            }
            .check()
            .unwrap_err()
            .to_string()
        };
        assert!(message([16; 3], [4, 17, 4]).contains("axis 1, found 17"));
    }
}
