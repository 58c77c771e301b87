//! The V-Net of semi-supervised 3D segmentation.

mod config;
mod network;

pub use config::VNetConfig;
pub use network::VNet;
