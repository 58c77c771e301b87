//! Where patches lie, and the pooled patches of the local branch.

mod place;
mod pooled;

pub use place::{PatchPlacement, fitting_positions, grid_positions, random_patch};
pub use pooled::pooled_patches;
