//! Pooling of volumes.

mod adaptive;
mod windows;

pub use adaptive::{adaptive_avg_pool3d, adaptive_max_pool3d};
pub use windows::{avg_pool3d, max_pool3d};
