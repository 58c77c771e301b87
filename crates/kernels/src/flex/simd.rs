//! Vector registers behind one small trait, chosen at run time.
//!
//! Every kernel is written once over [`Simd`] and compiled per [`Level`] inside a function that
//! enables the level's instructions.

use std::sync::OnceLock;

/// An instruction set the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Plain arrays of four, which the compiler maps to SSE2 or NEON.
    Portable,
    /// AVX2 with fused multiply-add, eight lanes.
    Avx2,
    /// AVX-512F, sixteen lanes.
    Avx512,
}

impl Level {
    /// The level in use: the best the machine has, or what `SEMIVOX_SIMD`
    /// (`portable`, `avx2`, `avx512`) asks for if the machine has that.
    pub(crate) fn current() -> Self {
        static LEVEL: OnceLock<Level> = OnceLock::new();
        *LEVEL.get_or_init(|| {
            let asked = match std::env::var("SEMIVOX_SIMD").as_deref() {
                Ok("portable") => Self::Portable,
                Ok("avx2") => Self::Avx2,
                _ => Self::Avx512,
            };
            let available = Self::available();
            let found = available.into_iter().filter(|&level| level <= asked);
            found.max().unwrap_or(Self::Portable)
        })
    }

    /// Every level this machine can run.
    pub(crate) fn available() -> Vec<Self> {
        let mut levels = vec![Self::Portable];
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

    /// Floats in a register.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Self::Portable => 4,
            Self::Avx2 => 8,
            Self::Avx512 => 16,
        }
    }

    /// Output channels a register tile holds at most.
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Avx512 => 8,
            _ => 4,
        }
    }
}

/// A register of [`Simd::LANES`] floats.
///
/// # Safety
///
/// Every function requires the instruction set of its implementor, and pointers valid for the
/// lanes it reads or writes. No alignment is needed.
pub(crate) trait Simd {
    /// Floats in a register.
    const LANES: usize;
    /// The register type.
    type V: Copy;
    /// All lanes equal.
    unsafe fn splat(value: f32) -> Self::V;
    /// All lanes from memory.
    unsafe fn load(from: *const f32) -> Self::V;
    /// The first `count` lanes from memory, the others zero.
    unsafe fn load_first(from: *const f32, count: usize) -> Self::V;
    /// All lanes to memory.
    unsafe fn store(to: *mut f32, value: Self::V);
    /// Lanes `lane..lane + count` to `to[..count]`.
    unsafe fn store_lanes(to: *mut f32, value: Self::V, lane: usize, count: usize);
    /// `a + b`.
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
}

/// [`Level::Portable`].
pub(crate) struct Portable;

impl Simd for Portable {
    const LANES: usize = 4;
    type V = [f32; 4];

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        [value; 4]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the caller passes a pointer to four floats.
        unsafe { from.cast::<[f32; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self::V {
        let mut lanes = [0.0; 4];
        // SAFETY: the caller passes a pointer to `count` floats, at most four.
        unsafe { std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), count) };
        lanes
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::V) {
        // SAFETY: the caller passes a pointer to room for four floats.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(value) }
    }

    #[inline(always)]
    unsafe fn store_lanes(to: *mut f32, value: Self::V, lane: usize, count: usize) {
        for (i, &x) in value[lane..lane + count].iter().enumerate() {
            // SAFETY: the caller passes a pointer to room for `count` floats.
            unsafe { to.add(i).write(x) }
        }
    }

    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]]
    }

    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        [
            a[0] * b[0] + c[0],
            a[1] * b[1] + c[1],
            a[2] * b[2] + c[2],
            a[3] * b[3] + c[3],
        ]
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Simd;
    use std::arch::x86_64::*;

    /// [`super::Level::Avx2`].
    pub(crate) struct Avx2;

    /// All ones, then all zeros: a window into it is the mask of the first lanes.
    static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

    /// The mask whose first `count` lanes are set.
    #[inline(always)]
    unsafe fn first(count: usize) -> __m256i {
        // SAFETY: `count` is at most eight, so the window lies inside the table.
        unsafe { _mm256_loadu_si256(MASKS.as_ptr().wrapping_add(8 - count).cast()) }
    }

    // SAFETY (all blocks below): the caller runs inside a function that enables the instruction
    // set and passes pointers valid for the lanes in use, as the trait demands.
    impl Simd for Avx2 {
        const LANES: usize = 8;
        type V = __m256;

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self::V {
            // SAFETY: see above.
            unsafe { _mm256_set1_ps(value) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self::V {
            // SAFETY: see above.
            unsafe { _mm256_loadu_ps(from) }
        }

        #[inline(always)]
        unsafe fn load_first(from: *const f32, count: usize) -> Self::V {
            // SAFETY: see above; masked-off lanes are not read.
            unsafe { _mm256_maskload_ps(from, first(count)) }
        }

        #[inline(always)]
        unsafe fn store(to: *mut f32, value: Self::V) {
            // SAFETY: see above.
            unsafe { _mm256_storeu_ps(to, value) }
        }

        #[inline(always)]
        unsafe fn store_lanes(to: *mut f32, value: Self::V, lane: usize, count: usize) {
            let mut lanes = [0.0f32; 8];
            // SAFETY: see above; `lane + count` is at most eight.
            unsafe {
                _mm256_storeu_ps(lanes.as_mut_ptr(), value);
                for i in 0..count {
                    to.add(i).write(lanes[lane + i]);
                }
            }
        }

        #[inline(always)]
        unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: see above.
            unsafe { _mm256_add_ps(a, b) }
        }

        #[inline(always)]
        unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
            // SAFETY: see above.
            unsafe { _mm256_fmadd_ps(a, b, c) }
        }
    }

    /// [`super::Level::Avx512`].
    pub(crate) struct Avx512;

    impl Simd for Avx512 {
        const LANES: usize = 16;
        type V = __m512;

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self::V {
            // SAFETY: see above.
            unsafe { _mm512_set1_ps(value) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self::V {
            // SAFETY: see above.
            unsafe { _mm512_loadu_ps(from) }
        }

        #[inline(always)]
        unsafe fn load_first(from: *const f32, count: usize) -> Self::V {
            let mask = ((1u32 << count) - 1) as __mmask16;
            // SAFETY: see above; masked-off lanes are not read.
            unsafe { _mm512_maskz_loadu_ps(mask, from) }
        }

        #[inline(always)]
        unsafe fn store(to: *mut f32, value: Self::V) {
            // SAFETY: see above.
            unsafe { _mm512_storeu_ps(to, value) }
        }

        #[inline(always)]
        unsafe fn store_lanes(to: *mut f32, value: Self::V, lane: usize, count: usize) {
            let mask = (((1u32 << count) - 1) << lane) as __mmask16;
            // SAFETY: see above; masked-off lanes are not written.
            unsafe { _mm512_mask_storeu_ps(to.wrapping_sub(lane), mask, value) }
        }

        #[inline(always)]
        unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: see above.
            unsafe { _mm512_add_ps(a, b) }
        }

        #[inline(always)]
        unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
            // SAFETY: see above.
            unsafe { _mm512_fmadd_ps(a, b, c) }
        }
    }
}
