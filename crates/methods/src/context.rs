//! The settings of a run that every method needs.

use std::sync::{Mutex, PoisonError};

use burn::module::Module;
use burn::prelude::*;
use semivox_models::{Network, NetworkConfig};

use crate::host::host;

/// Held while a student is drawn, so that students drawn at once by several threads are those of their seeds.
static DRAWING: Mutex<()> = Mutex::new(());

/// Settings of a run that every method needs: architecture, patch size, mirror axes, seed and device.
#[derive(Debug, Clone)]
pub struct MethodContext {
    /// The student's architecture.
    pub network: NetworkConfig,
    /// Patch size in voxels.
    pub patch: [usize; 3],
    /// The axes along which patches may be mirrored, as the mirror image is equally plausible anatomy.
    pub mirrored: [bool; 3],
    /// The run's seed.
    pub seed: u64,
    /// The training device (with autodiff).
    pub device: Device,
}

impl MethodContext {
    /// Returns a new student with weights drawn from the seed.
    pub fn student(&self) -> Network {
        // All threads draw from one generator.
        let _drawing = DRAWING.lock().unwrap_or_else(PoisonError::into_inner);
        self.drawn(|device| {
            device.seed(self.seed);
            self.network.init(device)
        })
    }

    /// Returns a module with new weights, drawn on the CPU if that backend is compiled in, so that a seed
    /// gives the same weights on every device.
    pub fn drawn<M: Module>(&self, new: impl FnOnce(&Device) -> M) -> M {
        match host().map(Device::autodiff) {
            // Not `to_device`: its parameters would still send their gradients to the CPU.
            Some(host) if host != self.device => new(&host).fork(&self.device),
            _ => new(&self.device),
        }
    }
}
