//! V-Net for 3D segmentation.

mod config;
mod decoder;
mod network;

pub use config::VNetConfig;
pub use decoder::VNetDecoder;
pub use network::VNet;
