//! Training methods, one file each, in the order of their papers.

pub mod action;
pub mod mean_teacher;
pub mod simcvd;
pub mod supervised;

pub use action::{Action, ActionConfig, LabeledView, StudentPasses};
pub use mean_teacher::{MeanTeacher, MeanTeacherConfig};
pub use simcvd::{SimCvd, SimCvdConfig};
pub use supervised::{Supervised, SupervisedConfig};
