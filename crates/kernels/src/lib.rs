//! 3D and 2D operators that are missing or slow in Burn, each with its gradient.
//!
//! | operator | computation |
//! |---|---|
//! | [`conv3d`], [`conv2d`] | convolution with "same" zero padding |
//! | [`down_conv3d`], [`up_conv3d`] | convolution with stride = kernel: a matrix product and a rearrangement |
//! | [`pointwise_conv3d`] | 1×1×1 convolution: a matrix product |
//! | [`add`] | element-wise sum |
//! | [`concat_channels`] | concatenation of skip connections |
//! | [`batch_norm_relu`], [`batch_norm_leaky_relu`] | batch normalization, then ReLU |
//! | [`conv3d_norm_relu`], [`conv2d_norm_leaky_relu`], [`down_conv3d_norm_relu`], [`up_conv3d_norm_relu`] | convolution, batch norm, ReLU; in evaluation one pass, with batch norm folded into the weights |
//! | [`keep_weights`] | passes of one network whose weights are prepared once |
//! | [`resize_trilinear`], [`resize_nearest`] | trilinear and nearest-neighbor resizing, as one small matrix product per axis |
//! | [`max_pool3d`], [`avg_pool3d`], [`adaptive_avg_pool3d`], [`adaptive_max_pool3d`] | max and average pooling |
//! | [`voxel_statistics`] | sums for the cross-entropy and Dice losses, in one pass |
//! | [`sgd_step`], [`moving_average`], [`squared_norm`], [`scale`] | parameter updates |
//! | [`total`] | the sum of all elements, in a fixed order |
//! | [`channel_dropout`], [`alpha_dropout`] | dropout with masks from the device's generator |
//!
//! Volumes are `[batch, channel, depth, height, width]`. Parameters have PyTorch's layout, so weights can
//! be exchanged as they are. All operators are exact: they equal PyTorch's operator of the same name up to
//! rounding, forward and backward.

mod add;
mod batch_norm;
mod check;
mod clip;
mod composition;
mod concat;
mod conv2d;
mod conv3d;
mod dropout;
#[cfg(feature = "flex")]
mod flex;
mod freed_memory;
mod keep_weights;
mod norm_relu;
mod pointwise;
mod pool;
pub mod profile;
mod resample;
mod resize;
mod simd_choice;
mod total;
mod update;
mod voxel_statistics;

pub use add::add;
pub use batch_norm::{batch_norm_leaky_relu, batch_norm_relu};
pub use clip::{scale, squared_norm};
pub use composition::{ConvAlgorithm, UnknownConvAlgorithm};
pub use concat::concat_channels;
pub use conv2d::conv2d;
pub use conv3d::conv3d;
pub use dropout::{alpha_dropout, channel_dropout};
pub use freed_memory::keep_freed_memory;
pub use keep_weights::keep_weights;
pub use norm_relu::{
    conv2d_norm_leaky_relu, conv3d_norm_relu, down_conv3d_norm_relu, up_conv3d_norm_relu,
};
pub use pointwise::pointwise_conv3d;
pub use pool::{adaptive_avg_pool3d, adaptive_max_pool3d, avg_pool3d, max_pool3d};
pub use resample::{down_conv3d, up_conv3d};
pub use resize::{resize_nearest, resize_trilinear};
pub use simd_choice::{SimdChoice, UnknownSimd};
pub use total::total;
pub use update::{SgdStep, moving_average, sgd_step};
pub use voxel_statistics::{VoxelStatistics, voxel_statistics};
