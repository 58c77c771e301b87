//! Preprocessing of scans, and mapping of predictions back to the file's grid.
//!
//! Every step updates the geometry exactly; a label map can always be mapped back to the grid of the file
//! by its affine alone.

mod class_maps;
mod grid;
mod index_map;
mod intensity;
mod pipeline;
mod planned_shape;
mod preprocessed;
mod probabilities;
mod region;
mod resample;
mod resample_labels;

pub use class_maps::{most_probable, most_probable_on, probability_on};
pub use grid::Grid;
pub use intensity::Intensity;
pub use pipeline::{ForegroundCrop, Preprocess};
pub use preprocessed::{Preprocessed, invert_labels};
pub use probabilities::resample_probabilities_to;
pub use region::{Region, Threshold, foreground};
pub use resample::resample;
pub use resample_labels::{resample_labels, resample_labels_to};
