//! Building blocks of the V-Net.

mod conv_block;
mod conv_unit;
mod layers;
mod scale;
mod upsampling;

pub use conv_block::ConvBlock;
pub use scale::{Down, Up};
pub use upsampling::Upsampling;
#[cfg(test)]
pub(crate) use upsampling::testing;

pub(crate) use conv_unit::ConvUnit;
pub(crate) use layers::{bias, drop_channels, pointwise, pointwise_layer};
