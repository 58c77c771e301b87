//! Vector registers of AArch64, where NEON is always available.

use super::registers::Simd;
use std::arch::aarch64::*;

/// [`super::Instructions::Neon`].
pub(crate) struct Neon;

impl Simd for Neon {
    const LANES: usize = 4;
    type V = float32x4_t;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        // SAFETY: NEON is part of AArch64; arithmetic needs nothing else.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: NEON is part of AArch64, and `from` is valid for four floats, as `Simd` requires.
        unsafe { vld1q_f32(from) }
    }

    #[inline(always)]
    unsafe fn load_lanes(from: *const f32, count: usize) -> Self::V {
        let mut lanes = [0.0; 4];
        for (i, value) in lanes[..count].iter_mut().enumerate() {
            // SAFETY: `i` is less than `count`, and `from` is valid for `count` floats, as `Simd` requires.
            *value = unsafe { from.add(i).read() };
        }
        // SAFETY: NEON is part of AArch64, and `lanes` has four floats.
        unsafe { vld1q_f32(lanes.as_ptr()) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::V) {
        // SAFETY: NEON is part of AArch64, and `to` is valid for four floats, as `Simd` requires.
        unsafe { vst1q_f32(to, value) }
    }

    #[inline(always)]
    unsafe fn store_lanes(to: *mut f32, value: Self::V, lane: usize, count: usize) {
        let mut lanes = [0.0; 4];
        // SAFETY: NEON is part of AArch64, and `lanes` has four floats.
        unsafe { vst1q_f32(lanes.as_mut_ptr(), value) };
        for (i, &x) in lanes[lane..lane + count].iter().enumerate() {
            // SAFETY: `i` is less than `count`, and `to` is valid for `count` floats, as `Simd` requires.
            unsafe { to.add(i).write(x) }
        }
    }

    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: NEON is part of AArch64; arithmetic needs nothing else.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: NEON is part of AArch64; arithmetic needs nothing else.
        unsafe { vsubq_f32(a, b) }
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

    #[inline(always)]
    unsafe fn sum(value: Self::V) -> f32 {
        // SAFETY: NEON is part of AArch64; arithmetic needs nothing else.
        unsafe { vaddvq_f32(value) }
    }
}
