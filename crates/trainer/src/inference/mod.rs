//! From a trained network to label maps.

mod postprocess;
mod predictor;
mod sliding_window;

pub use postprocess::keep_largest_components;
pub use predictor::{PredictOptions, Predictor};
pub use sliding_window::{Blend, SlidingWindow};
