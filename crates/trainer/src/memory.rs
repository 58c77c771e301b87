//! The estimated memory of a training on the CPU.

use semivox_data::inspect::CaseFacts;
use semivox_data::preprocess::Preprocess;
use semivox_data::{DataError, Image};

use crate::config::RunConfig;
use crate::training_set::TrainingSet;

/// Bytes of the weights of a network with one filter, their gradients and momenta, which grow with the square of the
/// filters.
const OF_WEIGHTS: f64 = 0.1e9 / 256.0;

/// Bytes of a V-Net's maps that a backward pass needs for each voxel of a batch and each filter.
const OF_VOLUMES: f64 = 62.0;
/// The same of a U-Net.
const OF_SLICES: f64 = 110.0;

/// Returns the estimated peak memory of a training step on a CPU in bytes: the maps of all layers, which the backward pass
/// needs.
///
/// `(f/16)² · 0.1 GB + b · v · f · m` with `f` filters and `v` voxels in a batch; `b` is 62 bytes in a V-Net and 110 in a
/// U-Net, and `m` the method's share, [`maps_kept`](semivox_methods::method_settings::MethodSettings::maps_kept). Peaks differ
/// by at most a third for the sizes in `docs/performance.md`, with supervised training, and by a fifth for all methods in the
/// preset `quick` of the left atrium. Others were not measured: methods on slices, and ACTION's representation head at the
/// full resolution of the preset `paper`.
///
/// It is that of the settings' method, not of a custom one.
///
/// # Examples
/// ```
/// use semivox_trainer::{memory::of_a_step, presets::preset};
///
/// let supervised = of_a_step(&preset("quick", "supervised")?);
/// let cps = of_a_step(&preset("quick", "cps")?);
/// assert!(supervised < 0.6e9 && cps > 1.2e9);
/// # Ok::<(), semivox_trainer::TrainError>(())
/// ```
pub fn of_a_step(config: &RunConfig) -> f64 {
    let settings = config.method.settings();
    let patches: usize = settings.batch().iter().sum();
    let values = patches * config.patch.iter().product::<usize>() * config.network.filters;
    let per_value = match config.network.architecture.is_2d() {
        true => OF_SLICES,
        false => OF_VOLUMES,
    };
    of_weights(config.network.filters) + per_value * values as f64 * settings.maps_kept()
}

fn of_weights(filters: usize) -> f64 {
    OF_WEIGHTS * (filters * filters) as f64
}

/// Returns the estimated peak memory in bytes of a training step with a V-Net alone on a batch of `voxels`.
pub(crate) fn of_volumes(voxels: usize, filters: usize) -> f64 {
    of_weights(filters) + OF_VOLUMES * (voxels * filters) as f64
}

/// Returns the memory in bytes that the scans of these cases will take once they are preprocessed: 4 bytes for each voxel and
/// channel, 1 for its label.
///
/// It is an upper bound: scans that are cropped to the foreground are counted whole, and the label maps of all cases that have
/// one.
///
/// # Errors
/// [`DataError::InvalidSetting`] for settings of the preprocessing that are out of range.
pub fn of_scans<'a>(
    preprocess: &Preprocess,
    cases: impl IntoIterator<Item = &'a CaseFacts>,
) -> Result<f64, DataError> {
    let of = |case: &CaseFacts| {
        let shape = preprocess.planned_shape(case.shape, case.spacing_mm, case.orientation)?;
        let labeled = !case.labels.is_empty();
        Ok(bytes(shape, case.intensities.len(), labeled))
    };
    cases.into_iter().map(of).sum()
}

/// Returns the memory in bytes of preprocessed scans.
pub(crate) fn of_set(set: &TrainingSet) -> f64 {
    let of = |image: &Image, labeled| bytes(image.shape(), image.channels().len(), labeled);
    let labeled = set.labeled.iter().map(|case| of(&case.scan.image, true));
    let unlabeled = set.unlabeled.iter().map(|case| of(&case.scan.image, false));
    labeled.chain(unlabeled).sum()
}

fn bytes(shape: [usize; 3], channels: usize, labeled: bool) -> f64 {
    (shape.iter().product::<usize>() * (4 * channels + usize::from(labeled))) as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Arc;

    use crate::presets::Task;
    use ndarray::Array3;
    use semivox_data::cache::{LabeledScan, UnlabeledScan};
    use semivox_data::inspect::Role;
    use semivox_data::{Geometry, LabelMap, Volume};
    use semivox_methods::method_config::MethodConfig;

    fn share(config: &RunConfig, measured_gb: f64) -> f64 {
        of_a_step(config) * 1e-9 / measured_gb
    }

    /// The estimate against peaks in GB that `docs/performance.md` has, by patch, batch and filters.
    #[test]
    fn the_estimate_is_near_what_was_measured_by_size() {
        for (task, patch, batch, filters, measured) in [
            (Task::LeftAtrium, [112, 112, 80], 1, 16, 0.98),
            (Task::LeftAtrium, [64, 64, 48], 4, 16, 0.78),
            (Task::LeftAtrium, [64, 64, 48], 1, 16, 0.31),
            (Task::LeftAtrium, [64, 64, 32], 4, 8, 0.27),
            (Task::Acdc, [256, 256, 1], 8, 16, 0.89),
            (Task::Acdc, [128, 128, 1], 8, 16, 0.25),
        ] {
            let mut config = task.preset("quick", "supervised").unwrap();
            config.patch = patch;
            config.network.filters = filters;
            config.method.settings_mut().set_batch([batch, 0]);
            let share = share(&config, measured);
            assert!((0.75..1.34).contains(&share), "{patch:?}: {share}");
        }
    }

    /// The estimate against the peaks in GB of `cargo bench --bench profile -- quick METHOD`, one thread.
    #[test]
    fn the_estimate_is_near_what_was_measured_by_method() {
        let measured = [
            ("supervised", 0.49),
            ("entropy_minimization", 0.81),
            ("mean_teacher", 0.94),
            ("ua_mt", 0.96),
            ("ict", 0.80),
            ("cps", 1.46),
            ("dtc", 0.87),
            ("urpc", 0.93),
            ("mc_net_plus", 2.26),
            ("ss_net", 2.10),
            ("bcp", 1.12),
            ("fixmatch", 0.91),
            ("unimatch", 1.77),
            ("global_local", 0.90),
            ("simcvd", 1.05),
            ("cvrl", 1.06),
            ("ideal", 1.93),
            ("action", 1.48),
            ("action_pp", 1.51),
        ];
        assert_eq!(measured.len(), MethodConfig::NAMES.len());
        for (method, peak) in measured {
            let config = Task::LeftAtrium.preset("quick", method).unwrap();
            let share = share(&config, peak);
            assert!((0.8..1.2).contains(&share), "{method}: {share}");
        }
    }

    #[test]
    fn weights_grow_with_the_square_of_the_filters() {
        let mut config = Task::LeftAtrium.preset("quick", "supervised").unwrap();
        config.patch = [16; 3];
        let mut with = |filters| {
            config.network.filters = filters;
            of_a_step(&config) * 1e-9
        };
        // 9.4 million parameters with 16 filters, three values of 4 bytes for each.
        assert!((with(16) - 0.113).abs() < 0.01 && (with(32) - 0.42).abs() < 0.03);
    }

    /// Two channels of 4 bytes, 1 byte for a label: scans before and after they are read.
    #[test]
    fn scans_take_four_bytes_a_voxel_and_channel() {
        let geometry = Geometry::from_spacing([1.0, 1.0, 2.0]);
        let channel = Volume::new(Array3::from_elem((6, 5, 4), 1.0), geometry);
        let image = Image::new(vec![channel.clone(), channel]).unwrap();
        let labels = LabelMap::new(Array3::zeros((6, 5, 4)), geometry);
        let preprocess = Preprocess {
            spacing_mm: Some([1.0; 3]),
            ..Preprocess::default()
        };
        let facts = |role, labels| CaseFacts::of("case", role, &image, labels);
        let (first, second) = (
            facts(Role::Labeled, Some(&labels)),
            facts(Role::Unlabeled, None),
        );
        let planned = of_scans(&preprocess, [&first, &second]).unwrap();
        let (scan, labels) = preprocess.apply_labeled(&image, &labels).unwrap();
        let labeled = LabeledScan {
            id: "first".into(),
            scan,
            labels,
            facts: first,
        };
        let unlabeled = UnlabeledScan {
            id: "second".into(),
            scan: preprocess.apply(&image).unwrap(),
            facts: second,
        };
        let set = TrainingSet {
            labeled: vec![Arc::new(labeled)],
            unlabeled: vec![Arc::new(unlabeled)],
            ..TrainingSet::default()
        };
        let voxels = 6.0 * 5.0 * 8.0;
        assert_eq!([planned, of_set(&set)], [voxels * 17.0; 2]);
    }
}
