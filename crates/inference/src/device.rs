//! Devices by name, among those compiled in.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use burn::prelude::*;
use semivox_kernels::{ConvAlgorithm, SimdChoice};
use semivox_models::{Network, NetworkConfig};

use crate::InferenceError;
use crate::panics::catch;

/// Returns the device called `name`, after doubling a number on it, so that a missing driver is
/// found before anything else is done.
///
/// | name | device | cargo feature |
/// |---|---|---|
/// | `cpu` | all cores of this machine (burn-flex) | `flex` (default) |
/// | `cuda`, `cuda:N` | NVIDIA GPU number N | `cuda` |
/// | `wgpu`, `wgpu:N` | the best GPU, or discrete GPU number N, through WebGPU | `wgpu` |
/// | `vulkan`, `vulkan:N` | the same through Vulkan | `vulkan` |
/// | `metal` | Apple GPU | `metal` |
/// | `ndarray` | the CPU through burn-ndarray, which upstream deprecates | `ndarray` |
///
/// # Errors
/// [`InferenceError::Device`] if the name is unknown, its number is not a number, this build lacks the
/// backend (the message names the feature to enable) or the machine lacks the device; also if
/// `SEMIVOX_CONVOLUTION` names no [`ConvAlgorithm`] or `SEMIVOX_SIMD` no [`SimdChoice`].
///
/// # Examples
/// ```
/// assert!(semivox_inference::device::by_name("cpu").is_ok());
/// assert!(semivox_inference::device::by_name("tpu").is_err());
/// ```
pub fn by_name(name: &str) -> Result<Device, InferenceError> {
    let (kind, index) = match name.split_once(':') {
        Some((kind, index)) => (kind, Some(number(name, index)?)),
        None => (name, None),
    };
    let make: fn(Option<usize>) -> Result<Device, InferenceError> = match kind {
        "cpu" => cpu,
        "cuda" => cuda,
        "wgpu" => wgpu,
        "vulkan" => vulkan,
        "metal" => metal,
        "ndarray" => ndarray,
        _ => {
            return Err(InferenceError::Device(format!(
                "unknown device '{name}': expected cpu, cuda[:N], wgpu[:N], vulkan[:N], metal or ndarray"
            )));
        }
    };
    if index.is_some() && ["cpu", "metal", "ndarray"].contains(&kind) {
        return Err(InferenceError::Device(format!(
            "device '{name}': expected no number, there is one {kind}; write {kind}"
        )));
    }
    ConvAlgorithm::forced().map_err(|unknown| InferenceError::Device(unknown.to_string()))?;
    SimdChoice::forced().map_err(|unknown| InferenceError::Device(unknown.to_string()))?;
    let device = make(index)?;
    match kind {
        "cpu" => Ok(device),
        _ => tried(name, device),
    }
}

/// Returns the hardware's name, such as that of a graphics card; none if the backend reports none.
///
/// # Examples
/// ```
/// let cpu = semivox_inference::device::by_name("cpu")?;
/// assert_eq!(semivox_inference::device::own_name(&cpu), None);
/// # Ok::<(), semivox_inference::InferenceError>(())
/// ```
pub fn own_name(device: &Device) -> Option<String> {
    #[cfg(any(feature = "cuda", feature = "wgpu"))]
    return device.identity().map(|identity| identity.name);
    #[cfg(not(any(feature = "cuda", feature = "wgpu")))]
    {
        let _ = device;
        None
    }
}

/// Measures the time in seconds of each of two forward passes on the device called `name`, of a V-Net with 16 filters
/// over 64×64×32 voxels. The first compiles kernels on a GPU.
///
/// # Errors
/// [`InferenceError::Device`] if the device is unavailable or does not compute.
pub fn pass_seconds(name: &str) -> Result<[f64; 2], InferenceError> {
    let device = by_name(name)?;
    let network = computing(name, || NetworkConfig::new(1, 2).init(&device))?;
    let pass = || computing(name, || pass(&network, &device))?;
    Ok([pass()?, pass()?])
}

fn pass(network: &Network, device: &Device) -> Result<f64, InferenceError> {
    let start = Instant::now();
    // Read back, as a device may defer computations until their results are read.
    let logits = network
        .forward(Tensor::ones([1, 1, 64, 64, 32], device))
        .logits;
    let first: Option<f32> = logits.into_data().iter().next();
    match first {
        Some(value) if value.is_finite() => Ok(start.elapsed().as_secs_f64()),
        other => Err(InferenceError::Device(format!(
            "expected logits of a forward pass, found {other:?}; choose another device"
        ))),
    }
}

/// Returns the names of the devices that are compiled in.
pub fn compiled_in() -> Vec<&'static str> {
    [
        ("cpu", cfg!(feature = "flex")),
        ("cuda", cfg!(feature = "cuda")),
        ("wgpu", cfg!(feature = "wgpu")),
        ("vulkan", cfg!(feature = "vulkan")),
        ("metal", cfg!(feature = "metal")),
        ("ndarray", cfg!(feature = "ndarray")),
    ]
    .into_iter()
    .filter_map(|(name, there)| there.then_some(name))
    .collect()
}

/// Runs a computation on the device called `name` and returns a panic of the backend as an error.
///
/// # Errors
/// [`InferenceError::Device`] with the first line of the panic's message.
pub fn computing<T>(name: &str, run: impl FnOnce() -> T) -> Result<T, InferenceError> {
    catch(AssertUnwindSafe(run)).map_err(|cause| {
        InferenceError::Device(format!(
            "device '{name}': expected it to compute what the CPU computes, found: {cause}; \
             choose --device cpu, or another backend for the same device"
        ))
    })
}

fn number(name: &str, index: &str) -> Result<usize, InferenceError> {
    index.parse().map_err(|_| {
        InferenceError::Device(format!(
            "device '{name}': expected a number after the colon, found '{index}'"
        ))
    })
}

/// Doubles a number on a device and returns the device; a panic, as of a missing driver, becomes an error.
fn tried(name: &str, device: Device) -> Result<Device, InferenceError> {
    let doubled = catch(|| {
        let two = Tensor::<1>::full([1], 2.0, &device);
        (two * 2.0).into_scalar::<f32>()
    });
    let found = match doubled {
        Ok(4.0) => return Ok(device),
        Ok(other) => format!("2 · 2 = {other}"),
        Err(cause) => cause,
    };
    Err(InferenceError::Device(format!(
        "device '{name}': expected a working device and its driver, found: {found}; \
         install the driver or choose --device cpu"
    )))
}

/// Defines the function of a backend, which has the device's name and returns the device if the feature is enabled, else
/// an error that names the feature.
macro_rules! backend {
    ($function:ident($index:ident), $feature:literal, $device:expr) => {
        fn $function($index: Option<usize>) -> Result<Device, InferenceError> {
            let _ = $index;
            #[cfg(feature = $feature)]
            return Ok($device);
            #[cfg(not(feature = $feature))]
            Err(InferenceError::Device(format!(
                "this build has no {} device, only {}: choose one with --device, or build with `--features {}`",
                stringify!($function),
                compiled_in().join(", "),
                $feature
            )))
        }
    };
}

backend!(cpu(index), "flex", Device::flex());
backend!(cuda(index), "cuda", Device::cuda(index.unwrap_or_default()));
backend!(wgpu(index), "wgpu", Device::wgpu(kind(index)));
backend!(vulkan(index), "vulkan", Device::vulkan(kind(index)));
backend!(metal(index), "metal", Device::metal(kind(index)));
backend!(ndarray(index), "ndarray", burn_ndarray());

/// Returns the CPU through burn-ndarray, for programs that use this backend while upstream keeps it; the
/// kernels state its deprecation.
#[cfg(feature = "ndarray")]
fn burn_ndarray() -> Device {
    Device::new(burn::backend::DispatchDevice::NdArray(Default::default()))
}

/// Returns discrete GPU number `index`; without a number the best device, which may be an integrated or software one.
#[cfg(feature = "wgpu")]
fn kind(index: Option<usize>) -> burn::tensor::DeviceKind {
    use burn::tensor::DeviceKind;
    index.map_or(DeviceKind::DefaultDevice, DeviceKind::DiscreteGpu)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn mistakes_are_named() {
        let message = |name| by_name(name).unwrap_err().to_string();
        assert!(message("tpu").contains("expected cpu, cuda"));
        assert!(message("cpu:x").contains("found 'x'"));
        assert!(message("cpu:1").contains("write cpu"));
        assert!(message("ndarray:0").contains("write ndarray"));
        #[cfg(not(feature = "cuda"))]
        {
            let found = message("cuda:1");
            assert!(
                found.contains("has no cuda device, only cpu")
                    && found.ends_with("choose one with --device, or build with `--features cuda`"),
                "{found}"
            );
        }
    }
}
