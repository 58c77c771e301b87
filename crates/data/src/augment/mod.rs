//! Data augmentation in two steps: draw plain parameters, then apply them.
//!
//! Drawn parameters can be stored, compared, and applied to both an image and its label map. Patches are
//! cut first, so no transform runs on a whole volume. [`WeakView`] moves voxels, [`StrongView`] changes
//! intensities; [`CutBoxConfig`], [`ClassMixParams`] and [`paste_box`] mix two patches.

mod blur;
mod class_mix;
mod crop;
mod cut_box;
mod cutout;
mod flip;
mod gamma;
mod jitter;
mod label_swap;
mod noise;
mod paste_box;
mod rot90;
mod rotation;
mod views;

pub use blur::{BlurConfig, BlurParams};
pub use class_mix::ClassMixParams;
pub use crop::CropParams;
pub use cut_box::{CutBoxConfig, CutBoxParams, partner};
pub use cutout::CutoutConfig;
pub use flip::FlipParams;
pub use gamma::{GammaConfig, GammaParams};
pub use jitter::{JitterConfig, JitterParams};
pub use label_swap::LabelSwap;
pub use noise::{NoiseConfig, NoiseParams};
pub use paste_box::paste_box;
pub use rot90::Rot90Params;
pub use rotation::{RotationConfig, RotationParams};
pub use views::{StrongParams, StrongView, Symmetries, WeakParams, WeakView};
