//! A trained run, applied to new scans.

use std::path::Path;

use burn::prelude::Device;
use ndarray::{Array4, ArrayView3, ArrayView4, Axis};
use semivox_data::preprocess::Preprocessed;
use semivox_data::{LabelMap, Volume};
use semivox_models::Network;

use super::keep_largest_components;
use crate::config::RunConfig;
use crate::device;
use crate::error::TrainError;
use crate::run::folder::RunFolder;
use crate::training;

/// What is done beyond the network's plain answer; by default nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PredictOptions {
    /// Test-time augmentation: mean over the scan and its mirror images on the axes that training
    /// mirrored. Twice the time for each.
    pub mirrored: bool,
    /// [`keep_largest_components`].
    pub largest_component: bool,
}

/// The network of a run with everything that a new scan needs: its preprocessing, its sliding
/// window, its classes. The data it was trained on is not needed.
///
/// # Examples
/// ```no_run
/// use semivox_data::io;
/// use semivox_trainer::inference::{PredictOptions, Predictor};
///
/// let predictor = Predictor::open("runs/first", None, PredictOptions::default())?;
/// let labels = predictor.predict(io::read_volume("new/scan.nii.gz")?)?;
/// io::write_labels("new/scan_labels.nii.gz", &labels)?;
/// # Ok::<(), semivox_trainer::TrainError>(())
/// ```
pub struct Predictor {
    network: Network,
    config: RunConfig,
    device: Device,
    options: PredictOptions,
}

impl Predictor {
    /// Opens the newest checkpoint of a run, finished or not, on `device` or the one it was trained on.
    ///
    /// # Errors
    /// If the folder holds no run or no checkpoint, the device cannot be had, or mirroring is
    /// asked for of a network that never saw a mirror image.
    pub fn open(
        run: impl AsRef<Path>,
        device: Option<&str>,
        options: PredictOptions,
    ) -> Result<Self, TrainError> {
        let run = RunFolder::open_existing(run)?;
        let config = RunConfig::from_toml(&run.read_config()?)?;
        config.check()?;
        let device = device::by_name(device.unwrap_or(&config.device))?;
        let network = training::trained_network(&run, &config, &device)?;
        Self::new(network, config, device, options)
    }

    /// A network with the settings of its run, on `device`.
    ///
    /// # Errors
    /// If mirroring is asked for of a network that never saw a mirror image.
    pub fn new(
        network: Network,
        config: RunConfig,
        device: Device,
        options: PredictOptions,
    ) -> Result<Self, TrainError> {
        let predictor = Self {
            network,
            config,
            device,
            options,
        };
        if options.mirrored && predictor.mirrored_axes().is_empty() {
            return Err(TrainError::Input(
                "mirrored prediction: expected a network trained with mirroring, found none \
                 (weak_view in config.toml); predict without it"
                    .into(),
            ));
        }
        Ok(predictor)
    }

    /// Names of the classes, the background first.
    pub fn classes(&self) -> &[String] {
        &self.config.data.classes
    }

    /// The network, in evaluation.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The settings of the run.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// The label map of a scan, on the scan's own grid.
    ///
    /// The scan is preprocessed as in training and segmented by sliding window; class probabilities
    /// are interpolated back to its grid before the class is chosen.
    ///
    /// Memory beyond the scan: class probabilities on the grid that the network works on, and a slab of them on the scan's.
    ///
    /// # Errors
    /// If the scan cannot be preprocessed.
    pub fn predict(&self, image: Volume) -> Result<LabelMap, TrainError> {
        let (scan, probabilities) = self.probabilities(image)?;
        self.labels(&scan, probabilities.view())
    }

    /// The preprocessed scan and class probabilities `[class, x, y, z]` on its grid.
    ///
    /// # Errors
    /// If the scan cannot be preprocessed.
    pub fn probabilities(&self, image: Volume) -> Result<(Preprocessed, Array4<f32>), TrainError> {
        let scan = self.config.data.preprocess.apply(&image)?;
        // A whole-body scan is large; it is not needed any more.
        drop(image);
        let volume = scan.volume.data.view();
        let mut sum = self.window(volume);
        if self.options.mirrored {
            let axes = self.mirrored_axes();
            for mirrored in subsets(&axes) {
                let mut view = volume;
                mirrored.iter().for_each(|&a| view.invert_axis(Axis(a)));
                let mut found = self.window(view);
                mirrored
                    .iter()
                    .for_each(|&a| found.invert_axis(Axis(a + 1)));
                sum += &found;
            }
            sum /= (1 << axes.len()) as f32;
        }
        Ok((scan, sum))
    }

    /// The most probable classes on the scan's own grid, with the postprocessing of the options.
    ///
    /// # Errors
    /// If the probabilities do not lie on the grid of `scan`.
    pub fn labels(
        &self,
        scan: &Preprocessed,
        probabilities: ArrayView4<'_, f32>,
    ) -> Result<LabelMap, TrainError> {
        let mut labels = scan.restore_probabilities(probabilities)?;
        if self.options.largest_component {
            keep_largest_components(&mut labels);
        }
        Ok(labels)
    }

    fn window(&self, volume: ArrayView3<'_, f32>) -> Array4<f32> {
        let window = &self.config.inference;
        window.probabilities(&self.network, volume, &self.device)
    }

    /// The axes that training mirrored.
    fn mirrored_axes(&self) -> Vec<usize> {
        let mirrored = self.config.weak_view.mirrored();
        (0..3).filter(|&axis| mirrored[axis]).collect()
    }
}

/// All subsets of the axes but the empty one.
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
