//! The CPU device, on which new weights are drawn.

use burn::prelude::*;

/// Returns the CPU device, if its backend is compiled in.
pub fn host() -> Option<Device> {
    #[cfg(feature = "flex")]
    return Some(Device::flex());
    #[cfg(not(feature = "flex"))]
    None
}
