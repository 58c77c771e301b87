//! The U-Net of semi-supervised 2D segmentation.

mod config;
mod network;
mod parts;

pub use config::UNetConfig;
pub use network::{UNet, UNetDecoder};
