//! Runs of training methods: configuration, presets, the training loop, evaluation and report.
//!
//! [`session`] runs a [`config`] from data set to report, [`training`] is the training loop for a method of
//! [`semivox_methods`], [`evaluating`] evaluates the result, and [`run`] and [`report`] write the run folder and its
//! report.

pub mod agreement;
pub mod batch_source;
mod budget;
mod checking;
pub mod comparison;
pub mod config;
mod data_config;
mod error;
pub mod evaluating;
pub mod importing;
mod lost_labels;
pub mod memory;
pub mod observer;
mod opening;
pub mod presets;
pub mod report;
mod rounding;
pub mod run;
pub mod session;
mod settings;
mod shared_grid;
mod specimens;
pub mod task;
mod test_leaks;
pub mod training;
pub mod training_set;

pub use error::TrainError;
