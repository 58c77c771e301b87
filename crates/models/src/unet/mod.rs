//! U-Net for 2D segmentation.

mod config;
mod network;
mod parts;

pub use config::UNetConfig;
pub use network::{UNet, UNetDecoder};
