//! Which algorithm computes convolutions with stride 1 where the CPU operators of our own do not.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use burn::prelude::*;

/// The environment variable that forces an algorithm.
const VARIABLE: &str = "SEMIVOX_CONVOLUTION";

/// An algorithm for convolutions with stride 1, where they are composed of Burn's operators.
///
/// | device | algorithm | why |
/// |---|---|---|
/// | WebGPU, Vulkan, Metal | [`Bounded`](Self::Bounded) | Burn's gradients may take 27 times the map's memory |
/// | CUDA | [`Burn`](Self::Burn) | its convolutions run on tensor cores |
/// | burn-ndarray, Flex and all others | [`Burn`](Self::Burn) | the faster one there |
///
/// The environment variable `SEMIVOX_CONVOLUTION`, `burn` or `bounded`, forces one of them on all devices.
/// The CPU operators of our own, in single precision on Flex, are neither; `SEMIVOX_SIMD=composition` switches
/// them off.
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
    /// Matrix products over a few slices at a time: besides copies of the weight, the extra memory forward and
    /// in both gradients is at most three times that of the larger of input and output, where batch times
    /// depth is six slices or more.
    Bounded,
}

impl ConvAlgorithm {
    /// The algorithm that `SEMIVOX_CONVOLUTION` forces, if it is set.
    ///
    /// # Errors
    ///
    /// [`UnknownConvAlgorithm`] if it holds another word than `burn` or `bounded`.
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
    /// If `SEMIVOX_CONVOLUTION` holds an unknown word; [`forced`](Self::forced) tells without a panic.
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

/// A word that names no [`ConvAlgorithm`].
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
