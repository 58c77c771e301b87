//! Sampling for semi-supervised training: cases, patches, voxels and feature queues.
//!
//! | task | item |
//! |---|---|
//! | choose the cases of a batch | [`TwoStreamSampler`], [`UniformSampler`] |
//! | choose patch positions | [`random_patch`], [`grid_positions`], [`fitting_positions`] |
//! | average-pool all sliding patches | [`pooled_patches`] |
//! | draw queries, positives and negatives | [`ContrastSampler`] |
//! | draw voxels per class and gather their features | [`ClassVoxels`], [`voxel_features`] |
//! | keep features of past batches | [`FeatureQueue`], [`LabeledQueue`] |
//! | keep a target direction per class | [`ClassCenters`] |
//!
//! All randomness comes from [`keyed_rng`]: a draw is a pure function of the run's seed, the step and a
//! name. A resumed run therefore repeats the draws of an uninterrupted one without any saved generator
//! state.

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
    ContrastConfig, ContrastInput, ContrastSampler, ContrastSamples, MAX_ELEMENTS, MAX_VOXELS,
    voxel_features,
};
pub use error::SamplingError;
pub use labeled_queue::LabeledQueue;
pub use patch::{PatchPlacement, fitting_positions, grid_positions, pooled_patches, random_patch};
pub use queue::{FeatureQueue, QueueState};
pub use rng::keyed_rng;
pub use two_stream::{TwoStreamBatch, TwoStreamSampler, UniformSampler};
