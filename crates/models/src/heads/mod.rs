//! Projection, prediction and auxiliary heads.

mod dense;
mod global;
mod local;
mod pyramid;
mod representation;
mod separation;
mod slices;
#[cfg(test)]
mod testing;
mod voxels;

pub use dense::{DenseProjector, DenseProjectorConfig};
pub use global::{GlobalPredictor, GlobalPredictorConfig, GlobalProjector, GlobalProjectorConfig};
pub use local::{LocalPredictor, LocalPredictorConfig, LocalProjector, LocalProjectorConfig};
pub use pyramid::{PyramidHeads, PyramidHeadsConfig};
pub use representation::{RepresentationHead, RepresentationHeadConfig, Resolution};
pub use separation::{SeparationHeads, SeparationHeadsConfig, VoxelPerceptron};
pub use slices::{SlicePooling, SliceProjector, SliceProjectorConfig};
pub use voxels::{VoxelProjector, VoxelProjectorConfig};
