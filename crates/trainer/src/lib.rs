//! Recipes, training loop, checkpoints, inference and evaluation.

pub mod report;
pub mod run;
