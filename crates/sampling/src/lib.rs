//! Which case, which patch, which voxel: the draws of semi-supervised training.
//!
//! | question | answer |
//! |---|---|
//! | which cases make a batch | [`TwoStreamSampler`], [`UniformSampler`] |
//! | where a patch starts | [`random_patch`], [`grid_positions`], [`fitting_positions`] |
//! | local embeddings of all sliding patches | [`pooled_patches`] |
//! | which voxels are queries, positives and negatives | [`ContrastSampler`] |
//! | which voxels of each class | [`ClassVoxels`], [`voxel_features`] |
//! | what past batches looked like | [`FeatureQueue`], [`LabeledQueue`] |
//! | where each class is to lie | [`ClassCenters`] |
//!
//! All randomness comes from [`keyed_rng`] generators: a draw is a function of the run's seed, the
//! step and a name, so a resumed run repeats the draws of an uninterrupted one without any saved
//! generator state.

mod centers;
mod class_voxels;
mod contrast;
mod error;
mod labeled_queue;
mod patch;
mod queue;
pub mod rng;
mod two_stream;

pub use centers::{ClassCenters, best_assignment, uniform_centers};
pub use class_voxels::ClassVoxels;
pub use contrast::{
    ContrastConfig, ContrastInput, ContrastSampler, ContrastSamples, voxel_features,
};
pub use error::SamplingError;
pub use labeled_queue::LabeledQueue;
pub use patch::{PatchPlacement, fitting_positions, grid_positions, pooled_patches, random_patch};
pub use queue::{FeatureQueue, QueueState};
pub use rng::keyed_rng;
pub use two_stream::{TwoStreamBatch, TwoStreamSampler, UniformSampler};
