//! Registers of AVX-512 F, VL and DQ.
// Registers are indexed by constants, so that they stay registers.
#![allow(clippy::needless_range_loop)]

use super::registers::{Simd, instructions, one_by_one};
use std::arch::x86_64::*;

/// [`super::Instructions::Avx512`].
pub(crate) struct Avx512;

impl Simd for Avx512 {
    const LANES: usize = 16;
    type V = __m512;

    instructions! {
        fn splat(value: f32) -> __m512 = _mm512_set1_ps;
        fn load(from: *const f32) -> __m512 = _mm512_loadu_ps;
        fn store(to: *mut f32, value: __m512) -> () = _mm512_storeu_ps;
        fn add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps;
        fn sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps;
        fn fma(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps;
        fn max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps;
        fn sum(value: __m512) -> f32 = _mm512_reduce_add_ps;
    }

    #[inline(always)]
    unsafe fn load_lanes(from: *const f32, count: usize) -> Self::V {
        let mask = ((1u32 << count) - 1) as __mmask16;
        // SAFETY: AVX-512 is enabled and the mask selects the lanes of `from[..count]` alone, which `Simd` requires
        // to be valid; the others are not read.
        unsafe { _mm512_maskz_loadu_ps(mask, from) }
    }

    #[inline(always)]
    unsafe fn store_lanes(to: *mut f32, value: Self::V, count: usize) {
        let mask = ((1u32 << count) - 1) as __mmask16;
        // SAFETY: AVX-512 is enabled and the mask selects the lanes of `to[..count]` alone, which `Simd` requires to
        // be valid; the others are not written.
        unsafe { _mm512_mask_storeu_ps(to, mask, value) }
    }

    /// Eight registers are summed together, in half of the instructions.
    #[inline(always)]
    unsafe fn sum_each<const C: usize>(values: [Self::V; C]) -> [f32; C] {
        if C == 8 {
            let mut eight = [0.0f32; 8];
            // SAFETY: AVX-512 F, VL and DQ are enabled, as `Simd` requires, and `eight` has room for eight floats.
            unsafe {
                // Each quarter of one of the fours has the sums of a quarter of each of four registers.
                let mut fours = [_mm512_setzero_ps(); 2];
                for half in 0..2 {
                    let mut pairs = [_mm512_setzero_pd(); 2];
                    for pair in 0..2 {
                        let at = 4 * half + 2 * pair;
                        let (x, y) = (values[at % C], values[(at + 1) % C]);
                        let sum = _mm512_add_ps(_mm512_unpacklo_ps(x, y), _mm512_unpackhi_ps(x, y));
                        pairs[pair] = _mm512_castps_pd(sum);
                    }
                    let low = _mm512_unpacklo_pd(pairs[0], pairs[1]);
                    let high = _mm512_unpackhi_pd(pairs[0], pairs[1]);
                    fours[half] = _mm512_add_ps(_mm512_castpd_ps(low), _mm512_castpd_ps(high));
                }
                let even = _mm512_shuffle_f32x4(fours[0], fours[1], 0b10_00_10_00);
                let odd = _mm512_shuffle_f32x4(fours[0], fours[1], 0b11_01_11_01);
                let pairs = _mm512_add_ps(even, odd);
                let even = _mm512_shuffle_f32x4(pairs, pairs, 0b10_00_10_00);
                let odd = _mm512_shuffle_f32x4(pairs, pairs, 0b11_01_11_01);
                let total = _mm512_castps512_ps256(_mm512_add_ps(even, odd));
                _mm256_storeu_ps(eight.as_mut_ptr(), total);
            }
            let mut sums = [0.0; C];
            sums.copy_from_slice(&eight);
            return sums;
        }
        // SAFETY: AVX-512 F, VL and DQ are enabled, as `Simd` requires.
        unsafe { one_by_one::<Self, C>(values) }
    }
}
