//! The operations that every instruction set has.

/// Lanes of the widest register.
pub(crate) const WIDEST: usize = 16;

/// Operations on registers of [`Simd::LANES`] floats.
///
/// # Safety
///
/// Every function requires the instructions of its implementor to be enabled. Arithmetic requires nothing else.
/// Loads and stores also require a pointer valid for the lanes that they read or write, and `count` to be at most
/// [`Simd::LANES`]. No alignment is needed.
pub(crate) trait Simd: Sized {
    /// Floats per register, at most [`WIDEST`].
    const LANES: usize;
    /// The register type.
    type V: Copy;
    /// Sets all lanes to one value.
    unsafe fn splat(value: f32) -> Self::V;
    /// Loads all lanes from memory.
    unsafe fn load(from: *const f32) -> Self::V;
    /// Loads the first lanes from `from[..count]`; the others are zero.
    #[inline(always)]
    unsafe fn load_lanes(from: *const f32, count: usize) -> Self::V {
        let mut lanes = [0.0; WIDEST];
        // SAFETY: `from` is valid for `count` floats by the trait's contract, and `lanes` has room for the widest register.
        unsafe {
            lanes.as_mut_ptr().copy_from_nonoverlapping(from, count);
            Self::load(lanes.as_ptr())
        }
    }
    /// Stores all lanes to memory.
    unsafe fn store(to: *mut f32, value: Self::V);
    /// Stores the first lanes to `to[..count]`.
    #[inline(always)]
    unsafe fn store_lanes(to: *mut f32, value: Self::V, count: usize) {
        let mut lanes = [0.0; WIDEST];
        // SAFETY: `to` is valid for `count` floats by the trait's contract, and `lanes` has room for the widest register.
        unsafe {
            Self::store(lanes.as_mut_ptr(), value);
            to.copy_from_nonoverlapping(lanes.as_ptr(), count);
        }
    }
    /// `a + b`.
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`.
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The maximum per lane; `b` if a lane of either is NaN.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// The sum of the lanes.
    unsafe fn sum(value: Self::V) -> f32;
    /// The sum of the lanes of each of `C` registers.
    #[inline(always)]
    unsafe fn sum_each<const C: usize>(values: [Self::V; C]) -> [f32; C] {
        // SAFETY: this function's contract.
        unsafe { one_by_one::<Self, C>(values) }
    }
}

/// [`Simd::sum_each`], one register after the other.
///
/// # Safety
///
/// The instructions of `S` must be enabled.
#[inline(always)]
pub(super) unsafe fn one_by_one<S: Simd, const C: usize>(values: [S::V; C]) -> [f32; C] {
    let mut sums = [0.0; C];
    for (sum, value) in sums.iter_mut().zip(values) {
        // SAFETY: the caller has enabled the instructions; arithmetic needs nothing else.
        *sum = unsafe { S::sum(value) };
    }
    sums
}

/// Functions of [`Simd`] that are one instruction each.
macro_rules! instructions {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) -> $result:ty = $instruction:ident;)*) => {$(
        #[inline(always)]
        unsafe fn $name($($argument: $kind),*) -> $result {
            // SAFETY: `Simd` requires the instructions to be enabled and pointers to be valid for a register.
            unsafe { $instruction($($argument),*) }
        }
    )*};
}
pub(super) use instructions;
