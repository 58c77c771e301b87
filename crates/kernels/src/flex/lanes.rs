//! Sums in many lanes of single precision, which the compiler vectorizes for every instruction set.

/// Number of values summed in single precision before adding to a double; they stay in the L1 cache.
pub(super) const BLOCK: usize = 1024;
/// Sums that are kept side by side, several registers' worth.
pub(super) const LANES: usize = 64;

/// Sums a term of each of at most [`BLOCK`] values.
#[inline(always)]
pub(super) fn sum(block: &[f32], term: impl Fn(f32) -> f32) -> f64 {
    let mut lanes = [0.0f32; LANES];
    let chunks = block.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += term(x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += term(x);
    }
    total(&lanes)
}

/// The sum of the lanes, by halves.
#[inline(always)]
pub(super) fn total(lanes: &[f32; LANES]) -> f64 {
    let mut lanes = *lanes;
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    f64::from(lanes[0])
}
