//! Resampling of label maps: to another spacing by shares, to another grid by the nearest voxel.

mod by_share;
mod nearest;

pub use by_share::resample_labels;
pub use nearest::resample_labels_to;

#[cfg(test)]
mod tests;
