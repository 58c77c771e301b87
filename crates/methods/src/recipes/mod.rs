//! Training methods, one module each, in which the steps follow the order of the paper.

pub mod action;
pub mod action_pp;
pub mod bcp;
pub mod cps;
pub mod cvrl;
pub mod dtc;
pub mod entropy_minimization;
pub mod fixmatch;
pub mod global_local;
pub mod ict;
pub mod ideal;
pub mod mc_net_plus;
pub mod mean_teacher;
pub mod simcvd;
pub mod ss_net;
pub mod supervised;
pub mod ua_mt;
pub mod unimatch;
pub mod urpc;

pub use action::{ActionConfig, LabeledView, LastPatch, PseudoLabels, StudentPasses};
pub use action_pp::{ActionPpConfig, CenterAssignment};
pub use bcp::{BcpConfig, BidirectionalCopyPaste};
pub use cps::{Cps, CpsConfig};
pub use cvrl::{Cvrl, CvrlConfig};
pub use dtc::{AbsentClass, Dtc, DtcConfig};
pub use entropy_minimization::{EntropyMinimization, EntropyMinimizationConfig};
pub use fixmatch::{FixMatch, FixMatchConfig};
pub use global_local::{EncoderInLocal, GlobalLocalConfig};
pub use ict::{Ict, IctConfig};
pub use ideal::{IdealConfig, Negatives, Perturbation, Streams};
pub use mc_net_plus::{McNetPlus, McNetPlusConfig};
pub use mean_teacher::{MeanTeacher, MeanTeacherConfig};
pub use simcvd::{SimCvd, SimCvdConfig};
pub use ss_net::{SsNet, SsNetConfig};
pub use supervised::{Augmentation, Supervised, SupervisedConfig};
pub use ua_mt::{UaMt, UaMtConfig};
pub use unimatch::{UniMatch, UniMatchConfig};
pub use urpc::{Urpc, UrpcConfig};

/// Returns the `ramp_share` of configurations that are older than the key: weights rose over the whole run.
fn whole_run() -> f64 {
    1.0
}
