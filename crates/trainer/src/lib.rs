//! Recipes, training loop, checkpoints, inference and evaluation.
//!
//! The room that knows all others: [`session`] takes a [`config`] from data
//! set to report; [`training`] is the loop; [`recipes`] holds one method per
//! file; [`inference`] and [`evaluating`] apply and judge the result; [`run`]
//! and [`report`] write what a run leaves behind.

pub mod agreement;
pub mod batch;
pub mod checkpoint;
pub mod clip;
pub mod comparison;
pub mod config;
mod descent;
pub mod device;
pub mod ema;
mod error;
pub mod evaluating;
mod finite;
pub mod importing;
pub mod inference;
pub mod interrupt;
pub mod label_folders;
pub mod method;
pub mod mirror;
pub mod mixing;
pub mod noise;
pub mod one_stage;
pub mod optimizer;
pub mod presets;
pub mod progress;
mod quietly;
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
pub mod student_teacher;
pub mod terms;
#[cfg(test)]
mod testing;
pub mod training;
pub mod training_set;
pub mod with_heads;

pub use error::TrainError;
