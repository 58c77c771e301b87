//! V-Net, U-Net and the heads of contrastive distillation, on Burn.
//!
//! - [`VNet`]: the encoder-decoder of semi-supervised 3D segmentation, with the maps of its decoder;
//! - [`UNet`]: its counterpart for slices;
//! - [`Network`]: either of the two, for volumes and for volumes of one slice, and [`Decoder`]: a second one for its encoder;
//! - [`DenseProjector`], [`GlobalProjector`], [`GlobalPredictor`], [`LocalProjector`], [`LocalPredictor`],
//!   [`RepresentationHead`], [`SliceProjector`], [`VoxelProjector`]: what contrastive methods put on top of it;
//! - [`PyramidHeads`]: segmentations from the coarser maps;
//! - [`weights`]: files of weights from and for PyTorch.
//!
//! Each is built from a configuration: `VNetConfig::new(1, 2).init(&device)`. Parameters have the
//! layout and the default initialization of PyTorch. `init` draws all of them at once and in a fixed
//! order, so that equal seeds (`device.seed(…)` before `init`) give equal networks.
//!
//! # Training and evaluation
//!
//! Batch norm and dropout behave as in training only if the *input* is on an autodiff device and
//! the layer's flag is on. `model.valid()` turns the flags off. Clones share the running
//! statistics of batch norm; a teacher with statistics of its own that behaves as in training is
//! `student.valid().train().no_grad()`, fed with inputs on the autodiff device.

mod cast;
mod decoder;
mod duplicate;
mod error;
mod heads;
mod materialize;
mod network;
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
    RepresentationHeadConfig, Resolution, SlicePooling, SliceProjector, SliceProjectorConfig,
    VoxelProjector, VoxelProjectorConfig,
};
pub use materialize::{materialize, trainable_parameters};
pub use network::{Architecture, Network, NetworkConfig};
pub use output::NetworkOutput;
pub use parts::{ConvBlock, Down, Up, Upsampling};
pub use unet::{UNet, UNetConfig, UNetDecoder};
pub use vnet::{VNet, VNetConfig, VNetDecoder};
