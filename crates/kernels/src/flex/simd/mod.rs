//! Vector registers behind one trait, selected at run time.
//!
//! Every kernel is written once for [`Simd`] and compiled for each [`Level`], inside a function that
//! enables the instructions of the level.

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod registers;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::OnceLock;

#[cfg(target_arch = "aarch64")]
use neon::Neon;
use portable::Portable;
pub(crate) use registers::Simd;
#[cfg(target_arch = "x86_64")]
use x86::{Avx2, Avx512};

/// An instruction set that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Arrays of four, without special instructions.
    Portable,
    /// NEON, four lanes.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// AVX2 with fused multiply-add, eight lanes.
    Avx2,
    /// AVX-512F, sixteen lanes.
    Avx512,
}

impl Level {
    /// The level in use: the best one available, or the value of `SEMIVOX_SIMD` (`portable`, `neon`, `avx2`,
    /// `avx512`) if it is available.
    pub(crate) fn current() -> Self {
        static LEVEL: OnceLock<Level> = OnceLock::new();
        *LEVEL.get_or_init(|| {
            let asked = match asked().as_deref() {
                Some("portable") => Self::Portable,
                #[cfg(target_arch = "aarch64")]
                Some("neon") => Self::Neon,
                Some("avx2") => Self::Avx2,
                _ => Self::Avx512,
            };
            let available = Self::available();
            let found = available.into_iter().filter(|&level| level <= asked);
            found.max().unwrap_or(Self::Portable)
        })
    }

    /// All levels available on this machine.
    pub(crate) fn available() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut levels = vec![Self::Portable];
        #[cfg(target_arch = "aarch64")]
        levels.push(Self::Neon);
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Self::Avx2);
            }
            if is_x86_feature_detected!("avx512f") {
                levels.push(Self::Avx512);
            }
        }
        levels
    }

    /// Floats per register.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Self::Portable => 4,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => 4,
            Self::Avx2 => 8,
            Self::Avx512 => 16,
        }
    }

    /// Maximum number of output channels per register tile.
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Avx512 => 8,
            // Thirty-two registers of four lanes, as many as AVX-512 has of sixteen.
            #[cfg(target_arch = "aarch64")]
            Self::Neon => 8,
            _ => 4,
        }
    }

    /// Runs a kernel with the instructions of this level.
    ///
    /// # Safety
    ///
    /// The level must be available, and the requirements of the kernel must hold.
    pub(crate) unsafe fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f")]
            unsafe fn avx512<K: Kernel>(kernel: K) -> K::Output {
                // SAFETY: the instructions are enabled here; the rest is passed on.
                unsafe { kernel.run::<Avx512>() }
            }
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2<K: Kernel>(kernel: K) -> K::Output {
                // SAFETY: as above.
                unsafe { kernel.run::<Avx2>() }
            }
            match self {
                // SAFETY: the level is available; the rest is passed on.
                Self::Avx512 => return unsafe { avx512(kernel) },
                // SAFETY: as above.
                Self::Avx2 => return unsafe { avx2(kernel) },
                Self::Portable => {}
            }
        }
        #[cfg(target_arch = "aarch64")]
        if self == Self::Neon {
            // SAFETY: NEON is always there; the rest is passed on.
            return unsafe { kernel.run::<Neon>() };
        }
        // SAFETY: plain arrays need no instructions; the rest is passed on.
        unsafe { kernel.run::<Portable>() }
    }
}

/// The value of the environment variable `SEMIVOX_SIMD`.
fn asked() -> Option<String> {
    std::env::var("SEMIVOX_SIMD").ok()
}

/// Whether `SEMIVOX_SIMD=composition` selects Burn's own operators, for comparisons.
pub(crate) fn composition() -> bool {
    static ASKED: OnceLock<bool> = OnceLock::new();
    *ASKED.get_or_init(|| asked().as_deref() == Some("composition"))
}

/// A computation written for any instruction set.
pub(crate) trait Kernel {
    /// The type of the result.
    type Output;

    /// Runs the computation; this function and all it calls must be `#[inline(always)]`.
    ///
    /// # Safety
    ///
    /// The instructions of `S` must be enabled; the implementor may have further requirements.
    unsafe fn run<S: Simd>(self) -> Self::Output;
}
