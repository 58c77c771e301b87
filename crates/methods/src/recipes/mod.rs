//! Training methods, one module each, in which the steps follow the order of the paper.

pub mod action;
pub mod action_pp;
pub mod cps;
pub mod cvrl;
pub mod dtc;
pub mod entropy_minimization;
pub mod global_local;
pub mod ict;
pub mod ideal;
pub mod mean_teacher;
pub mod simcvd;
pub mod ss_net;
pub mod supervised;
pub mod ua_mt;
pub mod urpc;

pub use action::{ActionConfig, LabeledView, LastPatch, StudentPasses};
pub use action_pp::{ActionPpConfig, CenterAssignment};
pub use cps::{Cps, CpsConfig};
pub use cvrl::{Cvrl, CvrlConfig};
pub use dtc::{AbsentClass, Dtc, DtcConfig};
pub use entropy_minimization::{EntropyMinimization, EntropyMinimizationConfig};
pub use global_local::{EncoderInLocal, GlobalLocalConfig};
pub use ict::{Ict, IctConfig};
pub use ideal::{IdealConfig, Negatives, Perturbation, Streams};
pub use mean_teacher::{MeanTeacher, MeanTeacherConfig};
pub use simcvd::{SimCvd, SimCvdConfig};
pub use ss_net::{SsNet, SsNetConfig};
pub use supervised::{Supervised, SupervisedConfig};
pub use ua_mt::{UaMt, UaMtConfig};
pub use urpc::{Urpc, UrpcConfig};
