//! Vector registers of AArch64, where NEON is always available.

use super::registers::Simd;
use std::arch::aarch64::*;

/// [`super::Level::Neon`].
pub(crate) struct Neon;

// SAFETY (all blocks below): NEON is part of AArch64; the caller passes pointers valid for the lanes in
// use, as the trait demands.
impl Simd for Neon {
    const LANES: usize = 4;
    type V = float32x4_t;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        // SAFETY: see above.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: see above.
        unsafe { vld1q_f32(from) }
    }

    #[inline(always)]
    unsafe fn load_lanes(from: *const f32, lane: usize, count: usize) -> Self::V {
        let mut lanes = [0.0; 4];
        for (i, value) in lanes[lane..lane + count].iter_mut().enumerate() {
            // SAFETY: see above.
            *value = unsafe { from.add(i).read() };
        }
        // SAFETY: four floats.
        unsafe { vld1q_f32(lanes.as_ptr()) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::V) {
        // SAFETY: see above.
        unsafe { vst1q_f32(to, value) }
    }

    #[inline(always)]
    unsafe fn store_lanes(to: *mut f32, value: Self::V, lane: usize, count: usize) {
        let mut lanes = [0.0; 4];
        // SAFETY: room for four floats.
        unsafe { vst1q_f32(lanes.as_mut_ptr(), value) };
        for (i, &x) in lanes[lane..lane + count].iter().enumerate() {
            // SAFETY: see above.
            unsafe { to.add(i).write(x) }
        }
    }

    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see above.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see above.
        unsafe { vsubq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // SAFETY: see above.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see above; a lane that is not a number compares false and gives `b`.
        unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) }
    }

    #[inline(always)]
    unsafe fn sum(value: Self::V) -> f32 {
        // SAFETY: see above.
        unsafe { vaddvq_f32(value) }
    }
}
