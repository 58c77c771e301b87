//! Which device to compute on, by name, among those compiled in.

use burn::prelude::Device;

use crate::error::TrainError;

/// Finds the device called `name`.
///
/// | name | device | cargo feature |
/// |---|---|---|
/// | `cpu` | all cores of this machine (burn-flex) | `flex` (default) |
/// | `cuda`, `cuda:N` | NVIDIA GPU number N | `cuda` |
/// | `wgpu`, `wgpu:N` | discrete GPU number N through WebGPU | `wgpu` |
/// | `vulkan`, `vulkan:N` | the same through Vulkan | `vulkan` |
/// | `metal` | Apple GPU | `metal` |
///
/// # Errors
/// [`TrainError::Device`] if the name is unknown, its number is not a number
/// or this build lacks the backend; the message names the feature to enable.
///
/// # Examples
/// ```
/// assert!(semivox_trainer::device::by_name("cpu").is_ok());
/// assert!(semivox_trainer::device::by_name("tpu").is_err());
/// ```
pub fn by_name(name: &str) -> Result<Device, TrainError> {
    let (kind, index) = name.split_once(':').unwrap_or((name, "0"));
    let index: usize = index.parse().map_err(|_| {
        TrainError::Device(format!(
            "device '{name}': expected a number after the colon, found '{index}'"
        ))
    })?;
    match kind {
        "cpu" => cpu(),
        "cuda" => cuda(index),
        "wgpu" => wgpu(index),
        "vulkan" => vulkan(index),
        "metal" => metal(),
        _ => Err(TrainError::Device(format!(
            "unknown device '{name}': expected cpu, cuda[:N], wgpu[:N], vulkan[:N] or metal"
        ))),
    }
}

/// One function per backend: the device if its feature is on, else the error
/// that names the feature.
macro_rules! backend {
    ($function:ident($($arg:ident: $type:ty),*), $feature:literal, $device:expr) => {
        #[cfg(feature = $feature)]
        fn $function($($arg: $type),*) -> Result<Device, TrainError> {
            Ok($device)
        }

        #[cfg(not(feature = $feature))]
        fn $function($($arg: $type),*) -> Result<Device, TrainError> {
            $(let _ = $arg;)*
            Err(TrainError::Device(format!(
                "this build has no {0} device: build with `--features {0}`",
                $feature
            )))
        }
    };
}

backend!(cpu(), "flex", Device::flex());
backend!(cuda(index: usize), "cuda", Device::cuda(index));
backend!(
    wgpu(index: usize),
    "wgpu",
    Device::wgpu(burn::tensor::DeviceKind::DiscreteGpu(index))
);
backend!(
    vulkan(index: usize),
    "vulkan",
    Device::vulkan(burn::tensor::DeviceKind::DiscreteGpu(index))
);
backend!(
    metal(),
    "metal",
    Device::metal(burn::tensor::DeviceKind::DefaultDevice)
);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn mistakes_are_named() {
        let message = |name| by_name(name).unwrap_err().to_string();
        assert!(message("tpu").contains("expected cpu, cuda"));
        assert!(message("cpu:x").contains("found 'x'"));
        #[cfg(not(feature = "cuda"))]
        assert!(message("cuda:1").contains("--features cuda"));
    }
}
