//! The hippocampus of the Medical Segmentation Decathlon: two parts, about 35×50×35 voxels of 1 mm.

use semivox_data::augment::Symmetries;
use semivox_data::phantom::{PhantomConfig, PhantomKind};
use semivox_data::preprocess::Preprocess;

use super::left_atrium;
use super::{Base, Size, Task};
use crate::config::{DataConfig, NetworkSettings, RunConfig};
use semivox_inference::{Blend, SlidingWindow};

/// Mirroring of left and right only, as front and back are the classes.
const MIRRORED_SIDES: Symmetries = Symmetries {
    flip_probability: 0.5,
    flip_axes: [true, false, false],
    ..Symmetries::NONE
};

/// Returns the task's presets; all other settings are those of the left atrium.
///
/// The dropout of 0.2 was chosen with 8 filters and 1,000 iterations: supervised training with 8 labels reached a mean
/// Dice of 0.54 on the test cases with 0.5, and with 0.2 0.78 on the labels of 20 training cases that it did not see.
pub(super) fn base(size: Size) -> Base {
    match size {
        Size::Smoke => (sized("smoke", 4), 320, None),
        Size::Quick => (sized("quick", 16), 1_500, None),
        Size::Standard => (sized("standard", 16), 3_000, None),
        Size::Paper => (sized("paper", 16), 6_000, None),
    }
}

fn sized(preset: &str, filters: usize) -> RunConfig {
    let (patch, others) = ([32, 48, 32], left_atrium::small());
    RunConfig {
        task: Task::Hippocampus,
        preset: preset.into(),
        patch,
        data: DataConfig {
            phantoms: [16, 4],
            phantom: PhantomConfig {
                shape: [36, 52, 36],
                shape_jitter: [4; 3],
                spacing_mm: [1.0; 3],
                ..PhantomConfig::of(PhantomKind::ShortAxis)
            },
            preprocess: Preprocess::default(),
            ..others.data
        },
        network: NetworkSettings {
            filters,
            dropout: 0.2,
            ..others.network
        },
        weak_view: MIRRORED_SIDES,
        inference: SlidingWindow {
            window: patch,
            stride: patch.map(|side| side / 2),
            blend: Blend::Uniform,
        },
        ..others
    }
}
