//! Sampling of queries, positives and negatives for regional contrast.

mod config;
mod features;
mod index;
mod random;
mod sampler;

pub use config::{ContrastConfig, ContrastInput, ContrastSamples, MAX_ELEMENTS, MAX_VOXELS};
pub use features::voxel_features;
pub use sampler::ContrastSampler;
