//! Sampling of queries, positives and negatives for regional contrast.

mod config;
mod features;
mod index;
mod random;
mod sampler;

pub use config::{ContrastConfig, ContrastInput, ContrastSamples};
pub use features::voxel_features;
pub use sampler::ContrastSampler;
