//! Semi-supervised training methods, one file each, as lists of stages.
//!
//! A [`Method`] runs [`Stage`]s one after another. A stage defines its batches, its state (networks, heads, memory
//! banks), the loss terms of a step, and the updates after the optimizer step, such as that of a teacher. [`recipes`]
//! contains the methods of the papers, [`method_config`] lists them by name, and [`checkpoint`] saves and loads their
//! state. A custom method implements [`Stage`].

mod adversarial;
mod aligned_grid;
pub mod batch;
pub mod checkpoint;
pub mod clip;
mod confident;
pub mod context;
mod copy_paste;
pub mod ema;
mod error;
mod expect;
pub mod finite;
pub mod host;
mod local_patches;
pub mod method;
pub mod method_config;
pub mod method_settings;
pub mod mirror;
pub mod mixing;
pub mod noise;
pub mod optimizer;
pub mod pair;
pub mod plan;
pub mod recipes;
mod representations;
pub mod schedule;
mod sgd;
pub mod signed_distance;
pub mod stage;
pub mod step_context;
pub mod student_teacher;
pub mod terms;
#[cfg(test)]
mod testing;
pub mod with_heads;

pub use batch::{Batch, LabeledBatch, UnlabeledBatch};
pub use context::MethodContext;
pub use error::MethodError;
pub use method::Method;
pub use optimizer::{Optimizer, OptimizerConfig, ScheduleSpan};
pub use plan::{BatchPlan, StagePlan, StrongViews};
pub use stage::{Handover, Stage, State};
pub use step_context::StepContext;
pub use terms::LossTerms;
