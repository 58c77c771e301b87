//! Patch positions, and average pooling of sliding patches.

mod place;
mod pooled;

pub use place::{PatchPlacement, fitting_positions, grid_positions, random_patch};
pub use pooled::pooled_patches;
