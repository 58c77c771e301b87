//! Heads of contrastive distillation.

mod global;
mod local;
mod representation;

pub use global::{GlobalPredictor, GlobalPredictorConfig, GlobalProjector, GlobalProjectorConfig};
pub use local::{LocalPredictor, LocalPredictorConfig, LocalProjector, LocalProjectorConfig};
pub use representation::{RepresentationHead, RepresentationHeadConfig, Resolution};
