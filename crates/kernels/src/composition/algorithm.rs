//! Choice of the algorithm for stride-1 convolutions composed of Burn's operators.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use burn::prelude::*;

/// Environment variable that forces an algorithm.
const VARIABLE: &str = "SEMIVOX_CONVOLUTION";

/// Algorithm for stride-1 convolutions on backends without a custom operator.
///
/// | device | algorithm | reason |
/// |---|---|---|
/// | WebGPU, Vulkan, Metal | [`Bounded`](Self::Bounded) | Burn's gradients can take 27 times the map's memory |
/// | CUDA | [`Burn`](Self::Burn) | its convolutions run on tensor cores |
/// | burn-ndarray, Flex and all others | [`Burn`](Self::Burn) | faster |
///
/// The environment variable `SEMIVOX_CONVOLUTION`, `burn` or `bounded`, forces one of them on all devices.
/// It does not affect this crate's CPU operators (single precision on Flex), which
/// `SEMIVOX_SIMD=composition` turns off.
///
/// # Examples
///
/// ```
/// use semivox_kernels::ConvAlgorithm;
///
/// assert_eq!("bounded".parse(), Ok(ConvAlgorithm::Bounded));
/// assert!("fast".parse::<ConvAlgorithm>().unwrap_err().to_string().contains("burn or bounded"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConvAlgorithm {
    /// Burn's own operator.
    Burn,
    /// Matrix products over a few slices at a time. Apart from copies of the weight, the extra memory in the
    /// forward pass and in both gradients is at most three times that of the larger of input and output, if
    /// batch times depth is six slices or more.
    Bounded,
}

impl ConvAlgorithm {
    /// The algorithm forced by `SEMIVOX_CONVOLUTION`, if it is set.
    ///
    /// # Errors
    ///
    /// [`UnknownConvAlgorithm`] for a value other than `burn` or `bounded`.
    pub fn forced() -> Result<Option<Self>, UnknownConvAlgorithm> {
        static FORCED: OnceLock<Result<Option<ConvAlgorithm>, UnknownConvAlgorithm>> =
            OnceLock::new();
        let read = || match std::env::var_os(VARIABLE) {
            Some(word) => word.to_string_lossy().parse().map(Some),
            None => Ok(None),
        };
        FORCED.get_or_init(read).clone()
    }

    /// The algorithm for a device.
    ///
    /// # Panics
    ///
    /// If `SEMIVOX_CONVOLUTION` has an unknown value; use [`forced`](Self::forced) to check without a panic.
    pub(crate) fn of(device: &Device) -> Self {
        match Self::forced() {
            Ok(forced) => forced.unwrap_or_else(|| Self::by_rule(device)),
            Err(unknown) => panic!("{unknown}"),
        }
    }

    fn by_rule(device: &Device) -> Self {
        #[cfg(any(feature = "cuda", feature = "wgpu"))]
        use burn::backend::DispatchDevice;
        match device.clone().inner().as_dispatch() {
            #[cfg(feature = "cuda")]
            DispatchDevice::Cube(burn::backend::cubecl::Device::Cuda(_)) => Self::Burn,
            #[cfg(any(feature = "cuda", feature = "wgpu"))]
            DispatchDevice::Cube(_) => Self::Bounded,
            _ => Self::Burn,
        }
    }
}

impl FromStr for ConvAlgorithm {
    type Err = UnknownConvAlgorithm;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "burn" => Ok(Self::Burn),
            "bounded" => Ok(Self::Bounded),
            _ => Err(UnknownConvAlgorithm(word.into())),
        }
    }
}

/// An unknown name of a [`ConvAlgorithm`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownConvAlgorithm(String);

impl fmt::Display for UnknownConvAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "{VARIABLE}: expected burn or bounded, found '{}'; unset it to let the device decide",
            self.0
        )
    }
}

impl std::error::Error for UnknownConvAlgorithm {}
