//! The user's own scans: settings that follow from a survey of them.

use semivox_data::augment::{LabelSwap, Symmetries};
use semivox_data::preprocess::{Intensity, Preprocess};
use semivox_data::{ChannelSurvey, LabelBudget, Survey};
use semivox_models::Architecture;

use super::patch::{LEAST, Limits};
use super::{Base, Size, Task};
use super::{left_atrium, patch};
use crate::config::{DataConfig, NetworkSettings, RunConfig};
use crate::rounding::{rounded, shortest};
use semivox_inference::{Blend, SlidingWindow};

/// Returns the weak augmentation and the pairs of labels that it exchanges. The body part is unknown, so left and right
/// are mirrored where that is harmless, and nothing is rotated.
fn mirrored_sides(survey: &Survey) -> (Symmetries, LabelSwap) {
    let [sides, ..] = survey.orientation.axes();
    // A patch of one slice cannot be mirrored across its plane.
    let across_slices = survey.is_stack_of_slices() && sides == 2;
    let mirrored = survey.mirroring.is_allowed() && !across_slices;
    let symmetries = Symmetries {
        flip_probability: if mirrored { 0.5 } else { 0.0 },
        flip_axes: std::array::from_fn(|axis| mirrored && axis == sides),
        ..Symmetries::NONE
    };
    let pairs = match mirrored {
        true => survey.mirroring.pairs().to_vec(),
        false => Vec::new(),
    };
    let axis = if pairs.is_empty() { 0 } else { sides as u8 };
    (symmetries, LabelSwap { axis, pairs })
}

/// Dropout of all presets but `paper`: dropping half of the channels leaves too few of a short training. Mean teacher with
/// 8 filters on 8 labeled and 192 unlabeled hippocampi, mean Dice on all: 0.760 with 0.5, 0.823 with 0.2. The presets of the
/// hippocampus, of ACDC and of the left atrium have the same value.
const SMALL_DROPOUT: f64 = 0.2;

/// Returns the presets for scans like those surveyed; all other settings are those of the left atrium.
///
/// - Stacks of few or thick slices get a U-Net and slices of one size, other volumes a V-Net.
/// - Volumes are resampled to cubic voxels, of the size at which a scan of median extent has about as many of them as the
///   preset is meant for, but never below the finest median spacing of an axis. Patches follow field of view and memory
///   ([`patch::planned`]).
/// - Scans are reoriented to the orientation that most of them have, with the axis across thick or few slices at the end,
///   and mirrored from left to right where
///   [`Mirroring`](semivox_data::Mirroring) allows it.
/// - CT is clipped to the intensities of labeled voxels; then intensities are z-scored, those of MR too, each channel
///   by itself.
pub(super) fn base(size: Size, survey: &Survey) -> Base {
    let (limits, filters_of_slices, iterations) = sizes(size);
    let (intensity, channel_intensity) = intensities(&survey.channels);
    let config = match survey.is_stack_of_slices() {
        true => slices(survey, limits.side, filters_of_slices),
        false => volumes(survey, limits),
    };
    let mut network = config.network;
    if size != Size::Paper {
        network.dropout = SMALL_DROPOUT;
    }
    let data = DataConfig {
        labeled: LabelBudget::Percent(100.0),
        preprocess: Preprocess {
            orientation: Some(survey.orientation),
            intensity,
            channel_intensity,
            ..config.data.preprocess
        },
        ..config.data
    };
    let batch = survey.is_stack_of_slices().then_some([4, 4]);
    let (weak_view, label_swap) = mirrored_sides(survey);
    let config = RunConfig {
        task: Task::Own,
        preset: size.name().into(),
        weak_view,
        label_swap,
        network,
        data,
        ..config
    };
    (config, iterations, batch)
}

/// Returns the limits of a volume's patches, the filters for slices, and the iterations.
fn sizes(size: Size) -> (Limits, usize, u64) {
    let (side, memory, [filters, of_slices], iterations) = match size {
        Size::Smoke => (48, 2e9, [4, 8], 320),
        Size::Quick => (96, 2e9, [16; 2], 2_000),
        Size::Standard => (96, 2e9, [16; 2], 6_000),
        Size::Paper => (192, 16e9, [16, 32], 20_000),
    };
    let limits = Limits {
        side,
        memory,
        filters,
    };
    (limits, of_slices, iterations)
}

/// Returns the normalization of all channels, and that of each where they differ.
fn intensities(channels: &[ChannelSurvey]) -> (Intensity, Vec<Intensity>) {
    let of = |channel: &ChannelSurvey| match channel.foreground {
        Some([low, high]) if channel.looks_like_ct() && low < high => {
            Intensity::WindowZScore { low, high }
        }
        _ => Intensity::ZScore,
    };
    let each: Vec<Intensity> = channels.iter().map(of).collect();
    match each.first() {
        Some(&first) if each.iter().all(|other| *other == first) => (first, Vec::new()),
        _ => (Intensity::ZScore, each),
    }
}

/// Returns the presets before any scan is surveyed: those of the left atrium, with its phantoms.
pub(super) fn unseen(size: Size) -> Base {
    let (config, iterations, batch) = left_atrium::base(size);
    let config = RunConfig {
        task: Task::Own,
        ..config
    };
    (config, iterations, batch)
}

/// Returns the settings for stacks of slices, whose sides are at most 4/3 of `side`.
fn slices(survey: &Survey, side: usize, filters: usize) -> RunConfig {
    let most = (side * 4 / 3).next_multiple_of(16);
    let slice_size = [0, 1].map(|a| survey.shape[a].next_multiple_of(16).clamp(LEAST, most));
    let patch = [slice_size[0], slice_size[1], 1];
    let others = sized(patch, patch, filters, Architecture::UNet);
    let data = DataConfig {
        preprocess: Preprocess {
            slice_size: Some(slice_size),
            ..Preprocess::default()
        },
        ..others.data
    };
    RunConfig { data, ..others }
}

/// Returns the settings for volumes: cubic voxels, about `side³` of them in a scan, and patches within `limits`.
fn volumes(survey: &Survey, limits: Limits) -> RunConfig {
    let extent = survey.extent_mm;
    let fitting = extent.iter().product::<f64>().cbrt() / limits.side as f64;
    let finest = survey.spacing_mm.into_iter().fold(f64::INFINITY, f64::min);
    // A rounded spacing would interpolate every scan for nothing where the scans' own fits, or nearly so.
    let spacing = match fitting <= 1.01 * finest {
        true => shortest(finest),
        false => rounded(fitting, 3),
    };
    let patch = patch::planned(extent.map(|length| length / spacing), limits);
    let others = sized(
        patch,
        patch.map(|side| side / 2),
        limits.filters,
        Architecture::VNet,
    );
    let data = DataConfig {
        preprocess: Preprocess {
            spacing_mm: Some([spacing; 3]),
            ..Preprocess::default()
        },
        ..others.data
    };
    RunConfig { data, ..others }
}

fn sized(
    patch: [usize; 3],
    stride: [usize; 3],
    filters: usize,
    architecture: Architecture,
) -> RunConfig {
    let others = left_atrium::small();
    RunConfig {
        patch,
        network: NetworkSettings {
            architecture,
            filters,
            ..others.network
        },
        inference: SlidingWindow {
            window: patch,
            stride: stride.map(|step| step.max(1)),
            blend: Blend::Uniform,
        },
        ..others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use semivox_data::Mirroring;
    use semivox_methods::method_config::MethodConfig;

    fn survey(shape: [usize; 3], spacing_mm: [f64; 3], lowest: f32) -> Survey {
        Survey {
            orientation: "RAS".parse().expect("an orientation"),
            shape,
            spacing_mm,
            extent_mm: [0, 1, 2].map(|a| shape[a] as f64 * spacing_mm[a]),
            channels: vec![ChannelSurvey {
                lowest,
                foreground: Some([-50.0, 180.0]),
            }],
            mirroring: Mirroring::Harmless,
        }
    }

    #[test]
    fn settings_follow_from_the_scans() {
        let ct = base(
            Size::Quick,
            &survey([512, 512, 300], [0.7, 0.7, 1.0], -1024.0),
        )
        .0;
        let window = Intensity::WindowZScore {
            low: -50.0,
            high: 180.0,
        };
        assert_eq!(ct.data.preprocess.intensity, window);
        let spacing = ct.data.preprocess.spacing_mm.map(|s| s[0]);
        assert!(
            spacing.is_some_and(|s| (3.0..4.5).contains(&s)),
            "{spacing:?}"
        );

        let small = base(Size::Quick, &survey([35, 50, 35], [1.0; 3], 0.0)).0;
        assert_eq!(small.data.preprocess.spacing_mm, Some([1.0; 3]));
        assert_eq!(small.network.dropout, SMALL_DROPOUT);
        assert_eq!(ct.network.dropout, SMALL_DROPOUT);
        let large = base(Size::Paper, &survey([35, 50, 35], [1.0; 3], 0.0)).0;
        assert_eq!(large.network.dropout, 0.5);
        assert_eq!(
            (small.patch, small.data.preprocess.intensity),
            ([32, 48, 32], Intensity::ZScore)
        );

        let cine = base(Size::Quick, &survey([216, 256, 10], [1.5, 1.5, 8.0], 0.0)).0;
        assert_eq!(
            (cine.patch, cine.network.architecture),
            ([128, 128, 1], Architecture::UNet)
        );
        assert_eq!(cine.network.dropout, SMALL_DROPOUT);
    }

    /// Of scans of one field of view in two matrices the medians of sides and of spacings belong to no scan.
    #[test]
    fn voxels_follow_the_extent_of_scans() {
        let spacing = |survey: &Survey| {
            let config = base(Size::Quick, survey).0;
            config.data.preprocess.spacing_mm.map(|sides| sides[0])
        };
        let mut mixed = survey([192; 3], [1.0; 3], 0.0);
        mixed.extent_mm = [96.0; 3];
        assert_eq!(spacing(&mixed), Some(1.0));
        mixed.extent_mm = [192.0; 3];
        assert_eq!(spacing(&mixed), Some(2.0));
    }

    /// A spacing that scans have is kept to the last digit, whatever its size; others are rounded to three.
    #[test]
    fn planned_voxels_are_those_of_the_scans_or_larger() {
        for (side, mm, expected) in [
            (64, 0.468_75, 0.468_75),
            (64, 0.004, 0.004),
            (64, f64::from(1.2_f32), 1.2),
            // 96³ of them are what a scan is to have, but for rounding.
            (96, 0.3581, 0.3581),
            (192, 0.624_96, 1.25),
            (192, 0.003_333, 0.006_67),
        ] {
            let config = base(Size::Quick, &survey([side; 3], [mm; 3], 0.0)).0;
            let found = config.data.preprocess.spacing_mm;
            assert_eq!(found, Some([expected; 3]), "{side} of {mm}");
        }
    }

    /// Rounding makes patches of long scans large: of 96×80×64 voxels a step would need 2.1 GB.
    #[test]
    fn patches_follow_memory() {
        let patch = |size| base(size, &survey([122, 98, 74], [1.0; 3], 0.0)).0.patch;
        assert_eq!(patch(Size::Quick), [96, 80, 48]);
        assert_eq!(patch(Size::Paper), [96, 80, 64]);
    }

    #[test]
    fn channels_of_ct_and_mr_have_their_own_normalization() {
        let mut both = survey([35, 50, 35], [1.0; 3], 0.0);
        both.channels.push(ChannelSurvey {
            lowest: -1024.0,
            foreground: Some([-50.0, 180.0]),
        });
        let preprocess = base(Size::Quick, &both).0.data.preprocess;
        let window = Intensity::WindowZScore {
            low: -50.0,
            high: 180.0,
        };
        assert_eq!(preprocess.channel_intensity, [Intensity::ZScore, window]);
        both.channels[0] = both.channels[1];
        let preprocess = base(Size::Quick, &both).0.data.preprocess;
        assert_eq!(preprocess.intensity, window);
        assert!(preprocess.channel_intensity.is_empty());
    }

    #[test]
    fn sides_are_mirrored_wherever_their_axis_lies() {
        let mut sagittal = survey([256, 256, 160], [1.0; 3], 0.0);
        sagittal.orientation = "ASL".parse().expect("an orientation");
        let config = base(Size::Quick, &sagittal).0;
        assert_eq!(config.weak_view.flip_axes, [false, false, true]);
        assert_eq!(
            config.data.preprocess.orientation,
            Some(sagittal.orientation)
        );
        assert!(config.label_swap.is_empty());
        sagittal.mirroring = Mirroring::Paired(vec![[1, 2]]);
        let config = base(Size::Quick, &sagittal).0;
        assert_eq!(
            (config.label_swap.axis, config.label_swap.pairs),
            (2, vec![[1, 2]])
        );
        let stack = Survey {
            shape: [256, 256, 12],
            extent_mm: [256.0, 256.0, 12.0],
            ..sagittal.clone()
        };
        let config = base(Size::Quick, &stack).0;
        assert_eq!(config.weak_view.mirrored(), [false; 3]);
        assert!(config.label_swap.is_empty());
        sagittal.mirroring = Mirroring::OneSided(1);
        let config = base(Size::Quick, &sagittal).0;
        assert_eq!(config.weak_view.mirrored(), [false; 3]);
    }

    #[test]
    fn every_method_takes_them() {
        for shape in [
            [35, 50, 35],
            [216, 256, 10],
            [512, 512, 90],
            [20, 20, 20],
            [40, 40, 8],
        ] {
            let survey = survey(shape, [1.0; 3], 0.0);
            for size in ["smoke", "quick", "standard", "paper"] {
                for method in MethodConfig::NAMES {
                    let checked = Task::Own
                        .fitted(&survey, size, method)
                        .and_then(|c| c.check());
                    assert!(checked.is_ok(), "{shape:?} {size} {method}: {checked:?}");
                }
            }
        }
    }
}
