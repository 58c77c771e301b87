//! Training methods, one file each, in the order of their papers.

pub mod action;
pub mod cvrl;
pub mod dtc;
pub mod mean_teacher;
pub mod simcvd;
pub mod supervised;
pub mod urpc;

pub use action::{Action, ActionConfig, LabeledView, StudentPasses};
pub use cvrl::{Cvrl, CvrlConfig};
pub use dtc::{AbsentClass, Dtc, DtcConfig};
pub use mean_teacher::{MeanTeacher, MeanTeacherConfig};
pub use simcvd::{SimCvd, SimCvdConfig};
pub use supervised::{Supervised, SupervisedConfig};
pub use urpc::{Urpc, UrpcConfig};
