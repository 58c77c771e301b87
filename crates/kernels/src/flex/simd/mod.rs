//! Vector registers behind one trait, selected at run time.
//!
//! Every kernel is written once for [`Simd`] and compiled for each [`Level`], inside a function that
//! enables the instructions of the level.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod registers;

use crate::SimdChoice;
use crate::profile::{Pass, task};
#[cfg(target_arch = "x86_64")]
use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use avx512::Avx512;
use std::sync::OnceLock;

#[cfg(target_arch = "aarch64")]
use neon::Neon;
use portable::Portable;
pub(crate) use registers::{Simd, WIDEST};

/// An instruction set that this machine has: [`Level::available`] makes the only values of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Level(Instructions);

/// An instruction set that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Instructions {
    /// Arrays of four, without special instructions.
    Portable,
    /// NEON, four lanes.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// AVX2 with fused multiply-add, eight lanes.
    Avx2,
    /// AVX-512 F, VL and DQ, sixteen lanes.
    Avx512,
}

impl Level {
    /// The level in use: the best one available up to that of `SEMIVOX_SIMD`.
    pub(crate) fn current() -> Self {
        static LEVEL: OnceLock<Level> = OnceLock::new();
        *LEVEL.get_or_init(|| {
            let asked = match SimdChoice::asked() {
                Some(SimdChoice::Portable) => Instructions::Portable,
                #[cfg(target_arch = "aarch64")]
                Some(SimdChoice::Neon) => Instructions::Neon,
                #[cfg(not(target_arch = "aarch64"))]
                Some(SimdChoice::Neon) => Instructions::Portable,
                Some(SimdChoice::Avx2) => Instructions::Avx2,
                Some(SimdChoice::Avx512 | SimdChoice::Composition) | None => Instructions::Avx512,
            };
            let available = Self::available();
            let found = available.into_iter().filter(|level| level.0 <= asked);
            found.max().expect("plain arrays are always available")
        })
    }

    /// All levels available on this machine.
    pub(crate) fn available() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut found = vec![Instructions::Portable];
        #[cfg(target_arch = "aarch64")]
        found.push(Instructions::Neon);
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Instructions::Avx2);
            }
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
            {
                found.push(Instructions::Avx512);
            }
        }
        found.into_iter().map(Self).collect()
    }

    /// Floats per register.
    pub(crate) fn lanes(self) -> usize {
        match self.0 {
            Instructions::Portable => 4,
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => 4,
            Instructions::Avx2 => 8,
            Instructions::Avx512 => 16,
        }
    }

    /// Maximum number of output channels per register tile.
    pub(crate) fn channels(self) -> usize {
        match self.0 {
            Instructions::Avx512 => 8,
            // Thirty-two registers of four lanes, as many as AVX-512 has of sixteen.
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => 8,
            _ => 4,
        }
    }

    /// Runs a kernel with the instructions of this level.
    ///
    /// # Safety
    ///
    /// The kernel's requirements beyond enabled instructions must hold.
    #[inline]
    pub(crate) unsafe fn run<K: Kernel>(self, kernel: K) -> K::Output {
        let work = kernel.work();
        // SAFETY: this function's contract.
        task(K::PASS, work, || unsafe { self.dispatch(kernel) })
    }

    /// Runs a kernel with the instructions of this level.
    ///
    /// # Safety
    ///
    /// As for [`Level::run`].
    unsafe fn dispatch<K: Kernel>(self, kernel: K) -> K::Output {
        #[cfg(target_arch = "x86_64")]
        {
            // Without VL, code that uses the halves of a register may only keep it in one of the first sixteen.
            #[target_feature(enable = "avx512f,avx512vl,avx512dq")]
            unsafe fn avx512<K: Kernel>(kernel: K) -> K::Output {
                // SAFETY: the attribute enables the instructions of `Avx512`, and the kernel's other requirements
                // hold by the contract of `Level::dispatch`, the only caller.
                unsafe { kernel.run::<Avx512>() }
            }
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2<K: Kernel>(kernel: K) -> K::Output {
                // SAFETY: the attribute enables the instructions of `Avx2`, and the kernel's other requirements hold
                // by the contract of `Level::dispatch`, the only caller.
                unsafe { kernel.run::<Avx2>() }
            }
            match self.0 {
                // SAFETY: `Level::available` made this level, so it has found AVX-512 F, VL and DQ; the kernel's requirements
                // hold by this function's contract.
                Instructions::Avx512 => return unsafe { avx512(kernel) },
                // SAFETY: `Level::available` made this level, so it has found AVX2 and FMA; the kernel's
                // requirements hold by this function's contract.
                Instructions::Avx2 => return unsafe { avx2(kernel) },
                Instructions::Portable => {}
            }
        }
        #[cfg(target_arch = "aarch64")]
        if self.0 == Instructions::Neon {
            // SAFETY: NEON is part of AArch64, so its instructions are enabled everywhere; the kernel's other
            // requirements hold by this function's contract.
            return unsafe { kernel.run::<Neon>() };
        }
        // SAFETY: `Portable` is made of plain arrays and needs no instructions; the kernel's other requirements hold by
        // this function's contract.
        unsafe { kernel.run::<Portable>() }
    }
}

/// Whether `SEMIVOX_SIMD=composition` selects Burn's own operators, for comparisons.
pub(crate) fn composition() -> bool {
    SimdChoice::asked() == Some(SimdChoice::Composition)
}

/// A computation written for any instruction set.
pub(crate) trait Kernel {
    /// The type of the result.
    type Output;
    /// The line of the profile that its time is added to.
    const PASS: Pass;

    /// Floating-point operations and bytes of memory, for the profile.
    fn work(&self) -> [usize; 2] {
        [0, 0]
    }

    /// Runs the computation; this function and all it calls must be `#[inline(always)]`.
    ///
    /// # Safety
    ///
    /// The instructions of `S` must be enabled; the implementor may have further requirements.
    unsafe fn run<S: Simd>(self) -> Self::Output;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sums of eight, four and three registers with different lanes.
    struct Sums;

    impl Kernel for Sums {
        type Output = Vec<f32>;
        const PASS: Pass = Pass::Correlate;

        unsafe fn run<S: Simd>(self) -> Vec<f32> {
            let numbers: Vec<f32> = (0..8 * S::LANES).map(|i| (i * i % 23) as f32).collect();
            let load = |c: usize| {
                let row = &numbers[c * S::LANES..][..S::LANES];
                // SAFETY: the row has the lanes of a register, and the caller of `Kernel::run` has enabled the
                // instructions of `S`.
                unsafe { S::load(row.as_ptr()) }
            };
            // SAFETY: the caller of `Kernel::run` has enabled the instructions of `S`.
            unsafe {
                let eight = S::sum_each::<8>(std::array::from_fn(load));
                let four = S::sum_each::<4>(std::array::from_fn(load));
                let three = S::sum_each::<3>(std::array::from_fn(load));
                [&eight[..], &four, &three].concat()
            }
        }
    }

    #[test]
    fn sums_of_several_registers_are_each_ones() {
        for level in Level::available() {
            let lanes = level.lanes();
            let sum = |c: usize| -> f32 {
                (c * lanes..(c + 1) * lanes)
                    .map(|i| (i * i % 23) as f32)
                    .sum()
            };
            let expected: Vec<f32> = (0..8).chain(0..4).chain(0..3).map(sum).collect();
            // SAFETY: `Sums::run` requires nothing but enabled instructions.
            assert_eq!(unsafe { level.run(Sums) }, expected, "{level:?}");
        }
    }
}
