//! The pancreas in contrast-enhanced CT (NIH Pancreas-CT): one small structure in a large volume.

use semivox_data::augment::Symmetries;
use semivox_data::phantom::{PhantomConfig, PhantomKind};
use semivox_data::preprocess::{Intensity, Preprocess};
use semivox_data::{LabelBudget, Survey};

use super::left_atrium;
use super::{Base, Size, Task};
use crate::config::{DataConfig, NetworkSettings, RunConfig};
use semivox_inference::{Blend, SlidingWindow};

/// The field's soft-tissue window in Hounsfield units, then z-scoring: noise of 0.1 and alpha dropout
/// assume a mean of 0 and a standard deviation of 1.
const WINDOW: Intensity = Intensity::WindowZScore {
    low: -125.0,
    high: 275.0,
};

/// No rotation or mirroring: every abdominal organ has its side, and the field's code for this data only crops.
const UPRIGHT: Symmetries = Symmetries::NONE;

/// Returns the task's presets; all other settings are those of the left atrium.
///
/// Dropout is 0.5 in all of them, as in the field's code. The left atrium's 0.2 in `quick` and `standard` was chosen on its
/// own scans.
pub(super) fn base(size: Size) -> Base {
    match size {
        Size::Smoke => (sized("smoke", 2.0, [48, 48, 32], 4), 320, None),
        Size::Quick => (sized("quick", 2.0, [64, 64, 48], 16), 2_000, None),
        Size::Standard => (sized("standard", 2.0, [64, 64, 48], 16), 6_000, None),
        Size::Paper => (sized("paper", 1.0, [96; 3], 16), 6_000, None),
    }
}

/// Returns the presets for the surveyed scans, without the window if they do not look like CT: the field's HDF5 files
/// are windowed and scaled already.
pub(super) fn fitted(size: Size, survey: &Survey) -> Base {
    let (mut config, iterations, batch) = base(size);
    if !survey.channels[0].looks_like_ct() {
        config.data.preprocess.intensity = Intensity::ZScore;
    }
    (config, iterations, batch)
}

fn sized(preset: &str, spacing: f64, patch: [usize; 3], filters: usize) -> RunConfig {
    let others = left_atrium::small();
    RunConfig {
        task: Task::Pancreas,
        preset: preset.into(),
        patch,
        data: DataConfig {
            labeled: LabelBudget::Count(12),
            phantoms: [20, 4],
            phantom: PhantomConfig::of(PhantomKind::Abdomen),
            preprocess: Preprocess {
                spacing_mm: Some([spacing; 3]),
                intensity: WINDOW,
                ..Preprocess::default()
            },
            ..others.data
        },
        network: NetworkSettings {
            filters,
            ..others.network
        },
        weak_view: UPRIGHT,
        inference: SlidingWindow {
            window: patch,
            stride: [16; 3],
            blend: Blend::Uniform,
        },
        ..others
    }
}
