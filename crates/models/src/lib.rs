//! V-Net, U-Net and heads for contrastive learning, on Burn.
//!
//! - [`VNet`]: V-Net for 3D segmentation, with access to the feature maps of its decoder;
//! - [`UNet`]: U-Net for 2D slices;
//! - [`Network`]: one interface for both, for volumes and for volumes of one slice;
//! - [`Decoder`]: a separate decoder for a network's encoder;
//! - [`DenseProjector`], [`GlobalProjector`], [`GlobalPredictor`], [`LocalProjector`], [`LocalPredictor`],
//!   [`RepresentationHead`], [`SliceProjector`], [`VoxelProjector`]: heads for contrastive methods;
//! - [`SeparationHeads`]: heads that compare voxels with prototypes of their class;
//! - [`PyramidHeads`]: auxiliary segmentation heads on the coarser feature maps;
//! - [`weights`]: import and export of PyTorch weights.
//!
//! Each network and head is created from a configuration: `VNetConfig::new(1, 2).init(&device)`. Parameters have PyTorch's
//! layout and default initialization. `init` draws all of them at once in a fixed order: equal seeds
//! (`device.seed(…)` before `init`) give equal networks.
//!
//! # Training and evaluation
//!
//! Batch norm and dropout behave as in training only if the *input* is on an autodiff device and the
//! layer is in training mode. `model.valid()` switches to evaluation mode. Clones share the running
//! statistics of batch norm. A teacher with its own statistics that behaves as in training is
//! `student.valid().train().no_grad()`, with inputs on the autodiff device.

mod cast;
mod decoder;
mod duplicate;
mod error;
mod heads;
mod materialize;
mod network;
mod one_slice;
mod output;
mod parts;
mod unet;
mod vnet;
pub mod weights;

pub use cast::cast;
pub use decoder::Decoder;
pub use duplicate::duplicate;
pub use error::ModelError;
pub use heads::{
    DenseProjector, DenseProjectorConfig, GlobalPredictor, GlobalPredictorConfig, GlobalProjector,
    GlobalProjectorConfig, LocalPredictor, LocalPredictorConfig, LocalProjector,
    LocalProjectorConfig, PyramidHeads, PyramidHeadsConfig, RepresentationHead,
    RepresentationHeadConfig, Resolution, SeparationHeads, SeparationHeadsConfig, SlicePooling,
    SliceProjector, SliceProjectorConfig, VoxelPerceptron, VoxelProjector, VoxelProjectorConfig,
};
pub use materialize::{materialize, trainable_parameters};
pub use network::{Architecture, Network, NetworkConfig};
pub use output::NetworkOutput;
pub use parts::{ConvBlock, Down, Up, Upsampling};
pub use unet::{UNet, UNetConfig, UNetDecoder};
pub use vnet::{VNet, VNetConfig, VNetDecoder};
