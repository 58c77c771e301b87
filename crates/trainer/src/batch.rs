//! From cached volumes to batches on the device.
//!
//! Workers draw and augment patches on the host; the loop moves a finished
//! batch to the device at the moment it is used, so that at most one batch
//! occupies device memory.

use std::sync::Arc;

use burn::prelude::*;
use burn::tensor::Int;

