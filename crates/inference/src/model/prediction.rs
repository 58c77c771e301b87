//! Prediction of a model: from a scan over class probabilities to a label map.

use ndarray::{Array4, ArrayView3, ArrayView4, Axis};
use semivox_data::preprocess::Preprocessed;
use semivox_data::{LabelMap, Volume};
use semivox_kernels::keep_weights;

use super::Model;
use crate::{InferenceError, keep_largest_components};

impl Model {
    /// Segments a scan, an [`Image`](semivox_data::Image) or a [`Volume`]; returns the label map on its own grid.
    ///
    /// The scan is preprocessed as in training and segmented by sliding window; class probabilities are interpolated
    /// back to its grid before the class is chosen. Memory beyond the scan: class probabilities on the network's
    /// grid, twice with mirror images, the sums of weights there, and a slab of probabilities on the scan's grid.
    ///
    /// # Errors
    /// [`InferenceError::Data`] if the scan cannot be preprocessed, as with voxels that are not finite,
    /// [`InferenceError::Unexpected`] for another number of channels than in training, or a network whose output is not
    /// finite.
    pub fn segment(&self, scan: impl AsRef<[Volume]>) -> Result<LabelMap, InferenceError> {
        let prepared = self.prepare(scan)?;
        let probabilities = self.probabilities(&prepared)?;
        self.labels(&prepared, probabilities.view())
    }

    /// Preprocesses a scan for the network.
    ///
    /// # Errors
    /// As for [`segment`](Self::segment).
    pub fn prepare(&self, scan: impl AsRef<[Volume]>) -> Result<Preprocessed, InferenceError> {
        let (count, found) = (self.description.channel_count(), scan.as_ref().len());
        if found != count {
            let names = &self.description.channels;
            let expected = match names.is_empty() {
                true => "one channel, as in training".to_string(),
                false => format!("{count} channels, as in training: {}", names.join(", ")),
            };
            return Err(InferenceError::unexpected(
                "a scan",
                expected,
                found.to_string(),
                "give all of them, in that order",
            ));
        }
        Ok(self.description.preprocess.apply(scan)?)
    }

    /// Computes the class probabilities `[class, x, y, z]` on the grid of a preprocessed scan.
    ///
    /// # Errors
    /// [`InferenceError::Unexpected`] if the network's output is not finite.
    pub fn probabilities(&self, prepared: &Preprocessed) -> Result<Array4<f32>, InferenceError> {
        keep_weights(|| self.over_mirrorings(prepared))
    }

    /// Computes [`Model::probabilities`], one pass for each mirroring.
    fn over_mirrorings(&self, prepared: &Preprocessed) -> Result<Array4<f32>, InferenceError> {
        let channels = prepared.image.channels().iter();
        let channels: Vec<_> = channels.map(|channel| channel.data.view()).collect();
        let mut sum = self.window(&channels)?;
        if self.options.mirrored {
            let axes: Vec<usize> = (0..3).filter(|&a| self.description.mirrored[a]).collect();
            for mirrored in subsets(&axes) {
                let mut views = channels.clone();
                for view in &mut views {
                    mirrored.iter().for_each(|&a| view.invert_axis(Axis(a)));
                }
                let mut found = self.window(&views)?;
                mirrored
                    .iter()
                    .for_each(|&a| found.invert_axis(Axis(a + 1)));
                for (class, mut sum) in sum.outer_iter_mut().enumerate() {
                    sum += &found.index_axis(Axis(0), self.seen_as(class, &mirrored));
                }
            }
            sum /= (1 << axes.len()) as f32;
        }
        Ok(sum)
    }

    /// Returns the class that `class` of a scan has in the scan's mirror image.
    fn seen_as(&self, class: usize, mirrored: &[usize]) -> usize {
        let swap = &self.description.label_swap;
        match u8::try_from(class) {
            Ok(label) if mirrored.contains(&usize::from(swap.axis)) => {
                usize::from(swap.counterpart(label))
            }
            _ => class,
        }
    }

    /// Returns the most probable classes on the scan's own grid, after the postprocessing chosen in the options.
    ///
    /// # Errors
    /// [`InferenceError::Data`] if the probabilities do not have the shape of `prepared`.
    pub fn labels(
        &self,
        prepared: &Preprocessed,
        probabilities: ArrayView4<'_, f32>,
    ) -> Result<LabelMap, InferenceError> {
        let mut labels = prepared.restore_probabilities(probabilities)?;
        if self.options.largest_component {
            keep_largest_components(&mut labels);
        }
        Ok(labels)
    }

    fn window(&self, channels: &[ArrayView3<'_, f32>]) -> Result<Array4<f32>, InferenceError> {
        let forward = |input| self.network.forward(input).logits;
        let window = &self.description.window;
        window.probabilities(forward, channels, &self.device)
    }
}

/// Returns all subsets of the axes but the empty one.
fn subsets(axes: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    let chosen = |bits: usize| move |&(i, _): &(usize, &usize)| bits >> i & 1 == 1;
    (1..1_usize << axes.len()).map(move |bits| {
        let some = axes.iter().enumerate().filter(chosen(bits));
        some.map(|(_, &axis)| axis).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_of_axes_are_all_but_none() {
        let found: Vec<_> = subsets(&[0, 2]).collect();
        assert_eq!(found, [vec![0], vec![2], vec![0, 2]]);
        assert_eq!(subsets(&[]).count(), 0);
    }
}
