//! From a trained network to label maps.

mod sliding_window;

pub use sliding_window::{Blend, SlidingWindow};
