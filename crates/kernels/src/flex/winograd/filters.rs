//! The one-dimensional Winograd transforms for the points 0, ±a, ±b and infinity.
//!
//! With `a = 2/3` and `b = 3/2`, `a b = 1`. These points keep the rounding error close to that of the
//! direct form; the usual ±1 and ±2 double it.

use super::tiles::{SPREAD, TILE};
use crate::flex::simd::Simd;

const A: f32 = 2.0 / 3.0;
const B: f32 = 3.0 / 2.0;
const A2: f32 = A * A;
const B2: f32 = B * B;

/// `Bᵀ x`.
///
/// # Safety
///
/// The instructions of `S` must be enabled.
#[inline(always)]
pub(super) unsafe fn spread_input<S: Simd>(x: [S::V; SPREAD]) -> [S::V; SPREAD] {
    // SAFETY: the caller has enabled the instructions of `S`; arithmetic needs nothing else.
    unsafe {
        let times = |k: f32, x: S::V, y: S::V| S::fma(S::splat(k), x, y);
        let [even_a, even_b] = [times(-B2, x[2], x[4]), times(-A2, x[2], x[4])];
        let zero = S::splat(0.0);
        let odd_a = times(A, x[3], times(-B, x[1], zero));
        let odd_b = times(B, x[3], times(-A, x[1], zero));
        [
            times(-(A2 + B2), x[2], S::add(x[0], x[4])),
            S::add(even_a, odd_a),
            S::sub(even_a, odd_a),
            S::add(even_b, odd_b),
            S::sub(even_b, odd_b),
            times(-(A2 + B2), x[3], S::add(x[1], x[5])),
        ]
    }
}

/// `A y`.
///
/// # Safety
///
/// The instructions of `S` must be enabled.
#[inline(always)]
pub(super) unsafe fn spread_gradient<S: Simd>(y: [S::V; TILE]) -> [S::V; SPREAD] {
    // SAFETY: the caller has enabled the instructions of `S`; arithmetic needs nothing else.
    unsafe {
        let times = |k: f32, x: S::V, y: S::V| S::fma(S::splat(k), x, y);
        let zero = S::splat(0.0);
        let [even_a, even_b] = [times(A2, y[2], y[0]), times(B2, y[2], y[0])];
        let odd_a = times(A2 * A, y[3], times(A, y[1], zero));
        let odd_b = times(B2 * B, y[3], times(B, y[1], zero));
        [
            y[0],
            S::add(even_a, odd_a),
            S::sub(even_a, odd_a),
            S::add(even_b, odd_b),
            S::sub(even_b, odd_b),
            y[3],
        ]
    }
}

/// `Aᵀ m`.
///
/// # Safety
///
/// The instructions of `S` must be enabled.
#[inline(always)]
pub(super) unsafe fn gather_output<S: Simd>(m: [S::V; SPREAD]) -> [S::V; TILE] {
    // SAFETY: the caller has enabled the instructions of `S`; arithmetic needs nothing else.
    unsafe {
        let times = |k: f32, x: S::V, y: S::V| S::fma(S::splat(k), x, y);
        let zero = S::splat(0.0);
        let [sum_a, sum_b] = [S::add(m[1], m[2]), S::add(m[3], m[4])];
        let [odd_a, odd_b] = [S::sub(m[1], m[2]), S::sub(m[3], m[4])];
        [
            S::add(m[0], S::add(sum_a, sum_b)),
            times(A, odd_a, times(B, odd_b, zero)),
            times(A2, sum_a, times(B2, sum_b, zero)),
            times(A2 * A, odd_a, times(B2 * B, odd_b, m[5])),
        ]
    }
}

/// `G g`, for `N` channels.
#[inline(always)]
pub(super) fn spread_weight<const N: usize>(g: [[f32; N]; 3]) -> [[f32; N]; SPREAD] {
    let (scale_a, scale_b) = (0.5 / (A2 * (A2 - B2)), 0.5 / (B2 * (B2 - A2)));
    let pair = |at: f32, square: f32, scale: f32, sign: f32| {
        std::array::from_fn(|c| scale * (g[0][c] + square * g[2][c] + sign * at * g[1][c]))
    };
    [
        g[0],
        pair(A, A2, scale_a, 1.0),
        pair(A, A2, scale_a, -1.0),
        pair(B, B2, scale_b, 1.0),
        pair(B, B2, scale_b, -1.0),
        g[2],
    ]
}

/// `Gᵀ m`, for `N` sums.
#[inline(always)]
pub(super) fn gather_weight<const N: usize>(m: [[f32; N]; SPREAD]) -> [[f32; N]; 3] {
    let (scale_a, scale_b) = (0.5 / (A2 * (A2 - B2)), 0.5 / (B2 * (B2 - A2)));
    let sum = |c: usize| [scale_a * (m[1][c] + m[2][c]), scale_b * (m[3][c] + m[4][c])];
    let odd = |c: usize| [scale_a * (m[1][c] - m[2][c]), scale_b * (m[3][c] - m[4][c])];
    [
        std::array::from_fn(|c| m[0][c] + sum(c)[0] + sum(c)[1]),
        std::array::from_fn(|c| A * odd(c)[0] + B * odd(c)[1]),
        std::array::from_fn(|c| A2 * sum(c)[0] + B2 * sum(c)[1] + m[5][c]),
    ]
}

/// [`spread_input`] along depth; the identity if there is one point.
///
/// # Safety
///
/// The instructions of `S` must be enabled.
#[inline(always)]
pub(super) unsafe fn spread_input_depth<S: Simd, const D: usize>(
    x: [S::V; SPREAD],
) -> [S::V; SPREAD] {
    if D == 1 {
        x
    } else {
        // SAFETY: the caller has enabled the instructions of `S`; arithmetic needs nothing else.
        unsafe { spread_input::<S>(x) }
    }
}

/// [`spread_gradient`] along depth; the identity if there is one point.
///
/// # Safety
///
/// The instructions of `S` must be enabled.
#[inline(always)]
pub(super) unsafe fn spread_gradient_depth<S: Simd, const D: usize>(
    y: [S::V; TILE],
) -> [S::V; SPREAD] {
    if D == 1 {
        [y[0]; SPREAD]
    } else {
        // SAFETY: the caller has enabled the instructions of `S`; arithmetic needs nothing else.
        unsafe { spread_gradient::<S>(y) }
    }
}

/// [`gather_output`] along depth; the identity if there is one point.
///
/// # Safety
///
/// The instructions of `S` must be enabled.
#[inline(always)]
pub(super) unsafe fn gather_output_depth<S: Simd, const D: usize>(
    m: [S::V; SPREAD],
) -> [S::V; TILE] {
    if D == 1 {
        [m[0]; TILE]
    } else {
        // SAFETY: the caller has enabled the instructions of `S`; arithmetic needs nothing else.
        unsafe { gather_output::<S>(m) }
    }
}

/// [`spread_weight`] along depth; the only tap if there is one point.
#[inline(always)]
pub(super) fn spread_weight_depth<const N: usize, const D: usize>(
    g: [[f32; N]; 3],
) -> [[f32; N]; SPREAD] {
    if D == 1 {
        [g[0]; SPREAD]
    } else {
        spread_weight(g)
    }
}

/// [`gather_weight`] along depth; the only sum if there is one point.
#[inline(always)]
pub(super) fn gather_weight_depth<const N: usize, const D: usize>(
    m: [[f32; N]; SPREAD],
) -> [[f32; N]; 3] {
    if D == 1 { [m[0]; 3] } else { gather_weight(m) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flex::simd::{Kernel, Level};
    use crate::profile::Pass;

    /// One axis: outputs, and the gradient of the taps.
    struct Axis {
        x: [f32; SPREAD],
        g: [f32; 3],
        dy: [f32; TILE],
    }

    impl Kernel for Axis {
        type Output = ([f32; TILE], [f32; 3]);
        const PASS: Pass = Pass::Transform;

        unsafe fn run<S: Simd>(self) -> Self::Output {
            // SAFETY: the caller of `Kernel::run` has enabled the instructions of `S`; arithmetic needs nothing else.
            unsafe {
                let x = spread_input::<S>(self.x.map(|x| S::splat(x))).map(|x| first::<S>(x));
                let dy = spread_gradient::<S>(self.dy.map(|y| S::splat(y))).map(|y| first::<S>(y));
                let g = spread_weight(self.g.map(|g| [g]));
                let m = std::array::from_fn(|i| S::splat(g[i][0] * x[i]));
                let y = gather_output::<S>(m).map(|y| first::<S>(y));
                let dg = gather_weight(std::array::from_fn(|i| [dy[i] * x[i]]));
                (y, dg.map(|dg| dg[0]))
            }
        }
    }

    /// One lane of a register whose lanes are equal.
    ///
    /// # Safety
    ///
    /// The instructions of `S` must be enabled.
    unsafe fn first<S: Simd>(value: S::V) -> f32 {
        // SAFETY: the caller has enabled the instructions of `S`; arithmetic needs nothing else.
        unsafe { S::sum(value) / S::LANES as f32 }
    }

    #[test]
    fn the_transforms_give_a_convolution_and_the_gradient_of_its_taps() {
        let x = [0.3, -1.2, 2.0, 0.7, -0.4, 1.1];
        let (g, dy) = ([0.5, -2.0, 1.5], [1.0, -0.6, 0.2, 2.2]);
        for level in Level::available() {
            // SAFETY: `Axis::run` requires nothing but enabled instructions.
            let (y, dg) = unsafe { level.run(Axis { x, g, dy }) };
            for i in 0..TILE {
                let wanted: f32 = (0..3).map(|t| g[t] * x[i + t]).sum();
                assert!((y[i] - wanted).abs() < 1e-5, "{level:?} {y:?}");
            }
            for t in 0..3 {
                let wanted: f32 = (0..TILE).map(|i| dy[i] * x[i + t]).sum();
                assert!((dg[t] - wanted).abs() < 1e-5, "{level:?} {dg:?}");
            }
        }
    }
}
