//! Registers of AVX2, with fused multiply-add.

use super::registers::{Simd, instructions, one_by_one};
use std::arch::x86_64::*;

/// [`super::Instructions::Avx2`].
pub(crate) struct Avx2;

/// All ones, then all zeros; a window into it is the mask of the first lanes.
static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// The mask of the first lanes.
///
/// # Safety
///
/// AVX2 must be enabled, and `count` must be at most eight.
#[inline(always)]
unsafe fn mask(count: usize) -> __m256i {
    // SAFETY: AVX2 is enabled and `count` is at most eight by this function's contract, so that a window of eight numbers
    // that begins at `8 - count` lies inside the table of sixteen.
    unsafe { _mm256_loadu_si256(MASKS.as_ptr().wrapping_add(8 - count).cast()) }
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    type V = __m256;

    instructions! {
        fn splat(value: f32) -> __m256 = _mm256_set1_ps;
        fn load(from: *const f32) -> __m256 = _mm256_loadu_ps;
        fn store(to: *mut f32, value: __m256) -> () = _mm256_storeu_ps;
        fn add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps;
        fn sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps;
        fn fma(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps;
        fn max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps;
    }

    #[inline(always)]
    unsafe fn load_lanes(from: *const f32, count: usize) -> Self::V {
        // SAFETY: AVX2 is enabled and the mask selects the lanes of `from[..count]` alone, which `Simd` requires to be
        // valid; the others are not read.
        unsafe { _mm256_maskload_ps(from, mask(count)) }
    }

    #[inline(always)]
    unsafe fn store_lanes(to: *mut f32, value: Self::V, count: usize) {
        // SAFETY: AVX2 is enabled and the mask selects the lanes of `to[..count]` alone, which `Simd` requires to be
        // valid; the others are not written.
        unsafe { _mm256_maskstore_ps(to, mask(count), value) }
    }

    #[inline(always)]
    unsafe fn sum(value: Self::V) -> f32 {
        // SAFETY: AVX2 and FMA are enabled, as `Simd` requires; arithmetic needs nothing else.
        unsafe {
            let half = _mm_add_ps(
                _mm256_castps256_ps128(value),
                _mm256_extractf128_ps(value, 1),
            );
            let pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps(pair, pair, 1)))
        }
    }

    /// Four registers are summed together, in a quarter of the instructions.
    #[inline(always)]
    unsafe fn sum_each<const C: usize>(values: [Self::V; C]) -> [f32; C] {
        if C == 4 {
            let mut four = [0.0f32; 4];
            // SAFETY: AVX2 and FMA are enabled, as `Simd` requires, and `four` has room for four floats.
            unsafe {
                let low = _mm256_hadd_ps(values[0], values[1 % C]);
                let high = _mm256_hadd_ps(values[2 % C], values[3 % C]);
                let both = _mm256_hadd_ps(low, high);
                let (first, last) = (_mm256_castps256_ps128(both), _mm256_extractf128_ps(both, 1));
                _mm_storeu_ps(four.as_mut_ptr(), _mm_add_ps(first, last));
            }
            let mut sums = [0.0; C];
            sums.copy_from_slice(&four);
            return sums;
        }
        // SAFETY: AVX2 and FMA are enabled, as `Simd` requires.
        unsafe { one_by_one::<Self, C>(values) }
    }
}
