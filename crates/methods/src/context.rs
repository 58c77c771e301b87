//! The part of a run's settings that every method needs.

use burn::module::Module;
use burn::prelude::*;
use semivox_models::{Network, NetworkConfig};

use crate::host::host;

/// Inputs shared by all methods: the network, the patch, the seed and the device of a run.
#[derive(Debug, Clone)]
pub struct MethodContext {
    /// The student's architecture.
    pub network: NetworkConfig,
    /// Patch size in voxels.
    pub patch: [usize; 3],
    /// The axes on which a mirror image of a patch is as plausible as the patch.
    pub mirrored: [bool; 3],
    /// The run's seed.
    pub seed: u64,
    /// The training device (with autodiff).
    pub device: Device,
}

impl MethodContext {
    /// A new student, drawn from the seed.
    pub fn student(&self) -> Network {
        self.drawn(|device| {
            device.seed(self.seed);
            self.network.init(device)
        })
    }

    /// A module with new weights, drawn on the CPU where there is one, so that a seed means the same
    /// weights on every device.
    pub fn drawn<M: Module>(&self, new: impl FnOnce(&Device) -> M) -> M {
        match host().map(Device::autodiff) {
            // Not `to_device`, whose parameters would remember the CPU as where their gradient goes.
            Some(host) if host != self.device => new(&host).fork(&self.device),
            _ => new(&self.device),
        }
    }
}
