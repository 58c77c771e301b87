//! Sliding-window inference with bounded memory.

use burn::prelude::*;
use ndarray::{Array3, Array4, ArrayView3, CowArray, Ix3, s};
use semivox_kernels::keep_weights;
use semivox_sampling::grid_positions;
use serde::{Deserialize, Serialize};

mod logits;
mod softmax;

use crate::InferenceError;
use logits::{infer, view};
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
/// is one window's activations, one value a voxel for the sums of weights, and
/// on the CPU the transformed weights, for a V-Net about three times its size:
/// all windows share them. A volume smaller than the window is copied too.
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
    /// # Errors
    /// [`InferenceError::Unexpected`] for a stride that [`check`](Self::check) refuses, logits of another shape, and
    /// logits that are not finite, which have no most probable class.
    ///
    /// # Panics
    /// Without channels, if they differ in shape, or if `forward` does not take the window.
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
    /// let found = window.probabilities(forward, &[volume.view()], &Device::flex())?;
    /// assert_eq!(found.dim(), (2, 9, 4, 4));
    /// assert!(found[[1, 0, 0, 0]] < 0.01 && found[[1, 8, 0, 0]] > 0.99);
    /// # Ok::<(), semivox_inference::InferenceError>(())
    /// ```
    pub fn probabilities(
        &self,
        forward: impl Fn(Tensor<5>) -> Tensor<5>,
        channels: &[ArrayView3<'_, f32>],
        device: &Device,
    ) -> Result<Array4<f32>, InferenceError> {
        self.check()?;
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
        let blended = keep_weights(|| self.blended(forward, &channels, device))?;
        if channels[0].is_view() {
            return Ok(blended);
        }
        let [x, y, z] = offsets[0];
        let inside = s![.., x..x + shape[0], y..y + shape[1], z..z + shape[2]];
        Ok(blended.slice(inside).to_owned())
    }

    /// Returns the weighted mean of all windows of channels that are at least as large as one.
    fn blended(
        &self,
        forward: impl Fn(Tensor<5>) -> Tensor<5>,
        channels: &[CowArray<'_, f32, Ix3>],
        device: &Device,
    ) -> Result<Array4<f32>, InferenceError> {
        let (px, py, pz) = channels[0].dim();
        let weights = self.weights();
        let mut sum: Option<Array4<f32>> = None;
        let mut norm = Array3::<f32>::zeros((px, py, pz));
        for [x, y, z] in grid_positions([px, py, pz], self.window, self.stride) {
            let [w, h, d] = self.window;
            let area = s![x..x + w, y..y + h, z..z + d];
            let windows: Vec<_> = channels.iter().map(|channel| channel.slice(area)).collect();
            let logits = infer(&forward, &windows, device);
            let classes = sum.as_ref().map(|sum: &Array4<f32>| sum.dim().0);
            let logits = view(&logits, classes, self.window)?;
            let sum = sum.get_or_insert_with(|| Array4::zeros((logits.dim().0, px, py, pz)));
            let area = s![.., x..x + w, y..y + h, z..z + d];
            if !add_softmax(sum.slice_mut(area), logits, &weights) {
                return Err(logits::not_finite([x, y, z]));
            }
            let mut norm = norm.slice_mut(s![x..x + w, y..y + h, z..z + d]);
            norm += &weights;
        }
        let mut sum = sum.expect("a grid has at least one window");
        for mut class in sum.outer_iter_mut() {
            class.zip_mut_with(&norm, |p, n| *p /= n);
        }
        Ok(sum)
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

#[cfg(test)]
mod tests;
