//! The CPU as the device that draws new weights.

use burn::prelude::*;

/// The CPU, if it is compiled in.
pub fn host() -> Option<Device> {
    #[cfg(feature = "flex")]
    return Some(Device::flex());
    #[cfg(not(feature = "flex"))]
    None
}
