//! The instruction set that the environment asks for.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

/// Environment variable that limits the instruction set.
const VARIABLE: &str = "SEMIVOX_SIMD";

/// Instruction set of the CPU operators, as the environment variable `SEMIVOX_SIMD` limits it: the best one that the machine
/// has up to this one is used.
///
/// # Examples
///
/// ```
/// use semivox_kernels::SimdChoice;
///
/// assert_eq!("avx2".parse(), Ok(SimdChoice::Avx2));
/// assert!("AVX2".parse::<SimdChoice>().unwrap_err().to_string().contains("avx2, avx512"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SimdChoice {
    /// None: Burn's own operators, for comparisons.
    Composition,
    /// Plain arrays.
    Portable,
    /// NEON, on ARM.
    Neon,
    /// AVX2 with fused multiply-add.
    Avx2,
    /// AVX-512 F, VL and DQ.
    Avx512,
}

impl SimdChoice {
    /// The instruction set of `SEMIVOX_SIMD`, if it is set.
    ///
    /// # Errors
    ///
    /// [`UnknownSimd`] for an unknown value.
    pub fn forced() -> Result<Option<Self>, UnknownSimd> {
        static FORCED: OnceLock<Result<Option<SimdChoice>, UnknownSimd>> = OnceLock::new();
        let read = || match std::env::var_os(VARIABLE) {
            Some(word) => word.to_string_lossy().parse().map(Some),
            None => Ok(None),
        };
        FORCED.get_or_init(read).clone()
    }

    /// The instruction set of `SEMIVOX_SIMD`, if it is set.
    ///
    /// # Panics
    ///
    /// If it has an unknown value; use [`forced`](Self::forced) to check without a panic.
    #[cfg(feature = "flex")]
    pub(crate) fn asked() -> Option<Self> {
        Self::forced().unwrap_or_else(|unknown| panic!("{unknown}"))
    }
}

impl FromStr for SimdChoice {
    type Err = UnknownSimd;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "composition" => Ok(Self::Composition),
            "portable" => Ok(Self::Portable),
            "neon" => Ok(Self::Neon),
            "avx2" => Ok(Self::Avx2),
            "avx512" => Ok(Self::Avx512),
            _ => Err(UnknownSimd(word.into())),
        }
    }
}

/// An unknown name of a [`SimdChoice`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownSimd(String);

impl fmt::Display for UnknownSimd {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "{VARIABLE}: expected portable, neon, avx2, avx512 or composition, found '{}'; unset it to use the best one",
            self.0
        )
    }
}

impl std::error::Error for UnknownSimd {}
