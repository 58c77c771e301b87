//! Training methods, the training loop, checkpoints and reports.
//!
//! [`session`] takes a [`config`] from data set to report; [`training`] is the loop; [`recipes`] holds one method
//! per file; [`evaluating`] evaluates the result; [`run`] and [`report`] write what a run leaves behind.

pub mod agreement;
pub mod batch;
pub mod batch_source;
pub mod checkpoint;
pub mod clip;
pub mod comparison;
pub mod config;
mod descent;
pub mod ema;
mod error;
pub mod evaluating;
mod finite;
mod host;
pub mod importing;
pub mod method;
pub mod method_settings;
pub mod mirror;
pub mod mixing;
pub mod noise;
pub mod observer;
pub mod one_stage;
pub mod optimizer;
pub mod presets;
pub mod recipe;
pub mod recipes;
pub mod report;
pub mod run;
pub mod schedule;
pub mod session;
mod settings;
mod sgd;
pub mod signed_distance;
mod specimens;
pub mod stage;
pub mod step_context;
pub mod student_teacher;
pub mod task;
pub mod terms;
#[cfg(test)]
mod testing;
pub mod training;
pub mod training_set;
pub mod with_heads;

pub use error::TrainError;
