//! Vector registers of AArch64, where NEON is always available.

use super::registers::{Simd, instructions};
use std::arch::aarch64::*;

/// [`super::Instructions::Neon`].
pub(crate) struct Neon;

impl Simd for Neon {
    const LANES: usize = 4;
    type V = float32x4_t;

    instructions! {
        fn splat(value: f32) -> float32x4_t = vdupq_n_f32;
        fn load(from: *const f32) -> float32x4_t = vld1q_f32;
        fn store(to: *mut f32, value: float32x4_t) -> () = vst1q_f32;
        fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t = vaddq_f32;
        fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t = vsubq_f32;
        fn sum(value: float32x4_t) -> f32 = vaddvq_f32;
    }

    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // SAFETY: NEON is part of AArch64; arithmetic needs nothing else.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: NEON is part of AArch64; arithmetic needs nothing else. A lane that is not a number compares false
        // and gives `b`.
        unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) }
    }
}
