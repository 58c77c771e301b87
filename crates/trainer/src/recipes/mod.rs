//! Training methods, one file each, in the order of their papers.

pub mod action;
pub mod supervised;

pub use action::{Action, ActionConfig};
pub use supervised::{Supervised, SupervisedConfig};
