//! Passes over one channel of one sample, compiled for every instruction set.
//!
//! The loops are plain, so that the compiler vectorizes them with the instructions of the level.

use crate::flex::lanes::{BLOCK, LANES, sum, total};
use crate::flex::simd::{Kernel, Simd};
use crate::profile::Pass;

/// Count, mean and sum of squared deviations from the mean.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    pub(super) count: f64,
    pub(super) mean: f64,
    pub(super) squares: f64,
}

impl Moments {
    /// The moments of both sets of values together; `other` must have values.
    pub(super) fn with(self, other: Self) -> Self {
        let count = self.count + other.count;
        let (delta, share) = (other.mean - self.mean, other.count / count);
        Self {
            count,
            mean: self.mean + delta * share,
            squares: self.squares + other.squares + delta * delta * self.count * share,
        }
    }
}

/// The [`Moments`] of a channel, in one pass.
pub(super) struct Measure<'a> {
    pub(super) x: &'a [f32],
}

impl Kernel for Measure<'_> {
    type Output = Moments;
    const PASS: Pass = Pass::NormStatistics;

    fn work(&self) -> [usize; 2] {
        [0, size_of_val(self.x)]
    }

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> Moments {
        let mut total = Moments::default();
        for block in self.x.chunks(BLOCK) {
            let count = block.len() as f64;
            let center = (sum(block, |x| x) / count) as f32;
            // How far the center is from the mean follows from the deviations, exactly so for equal values, whose
            // squares must not come out negative. The block is in cache.
            let off = sum(block, |x| x - center) / count;
            let squares = sum(block, |x| (x - center) * (x - center)) - count * off * off;
            total = total.with(Moments {
                count,
                mean: f64::from(center) + off,
                squares: if squares < 0.0 { 0.0 } else { squares },
            });
        }
        total
    }
}

/// The numbers of a channel: `z = (x - mean) * scale + shift`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Channel {
    pub(super) mean: f32,
    pub(super) inverse: f32,
    pub(super) scale: f32,
    pub(super) shift: f32,
    pub(super) leak: f32,
}

impl Channel {
    /// The deviation from the mean.
    #[inline(always)]
    fn centered(self, x: f32) -> f32 {
        x - self.mean
    }

    /// The slope of the leaky ReLU, as a select that vectorizes.
    #[inline(always)]
    fn slope(self, centered: f32) -> f32 {
        let positive = centered * self.scale + self.shift > 0.0;
        if positive { 1.0 } else { self.leak }
    }
}

/// The output of a channel.
pub(super) struct Normalize<'a> {
    pub(super) channel: Channel,
    pub(super) x: &'a [f32],
    pub(super) y: &'a mut [f32],
}

impl Kernel for Normalize<'_> {
    type Output = ();
    const PASS: Pass = Pass::Norm;

    fn work(&self) -> [usize; 2] {
        [0, 2 * size_of_val(self.x)]
    }

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { channel, x, y } = self;
        let z = |x: f32| channel.centered(x) * channel.scale + channel.shift;
        // A leak of zero times infinity is none.
        if channel.leak == 0.0 {
            for (y, &x) in y.iter_mut().zip(x) {
                let z = z(x);
                *y = if z < 0.0 { 0.0 } else { z };
            }
        } else {
            for (y, &x) in y.iter_mut().zip(x) {
                let z = z(x);
                *y = if z > 0.0 { z } else { z * channel.leak };
            }
        }
    }
}

/// The sums of `g * x^` and of `g` of a channel.
pub(super) struct Sums<'a> {
    pub(super) channel: Channel,
    pub(super) x: &'a [f32],
    pub(super) dy: &'a [f32],
}

impl Kernel for Sums<'_> {
    type Output = [f64; 2];
    const PASS: Pass = Pass::NormSums;

    fn work(&self) -> [usize; 2] {
        [0, 2 * size_of_val(self.x)]
    }

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> [f64; 2] {
        let mut found = [0.0; 2];
        for (x, dy) in self.x.chunks(BLOCK).zip(self.dy.chunks(BLOCK)) {
            let mut lanes = [[0.0f32; LANES]; 2];
            let (xs, dys) = (x.chunks_exact(LANES), dy.chunks_exact(LANES));
            self.add(&mut lanes, xs.remainder(), dys.remainder());
            for (x, dy) in xs.zip(dys) {
                self.add(&mut lanes, x, dy);
            }
            found[0] += total(&lanes[0]);
            found[1] += total(&lanes[1]);
        }
        found[0] *= f64::from(self.channel.inverse);
        found
    }
}

impl Sums<'_> {
    /// Adds up to [`LANES`] values to the lanes.
    #[inline(always)]
    fn add(&self, [with_x, alone]: &mut [[f32; LANES]; 2], x: &[f32], dy: &[f32]) {
        for ((with_x, alone), (&x, &dy)) in with_x.iter_mut().zip(alone).zip(x.iter().zip(dy)) {
            let centered = self.channel.centered(x);
            let g = dy * self.channel.slope(centered);
            *with_x += g * centered;
            *alone += g;
        }
    }
}

/// The input's gradient of a channel, `scale * (g - constant - (x - mean) * slope)`, in place of the output's.
pub(super) struct Gradient<'a> {
    pub(super) channel: Channel,
    pub(super) constant: f32,
    pub(super) slope: f32,
    pub(super) x: &'a [f32],
    pub(super) dy: &'a mut [f32],
}

impl Kernel for Gradient<'_> {
    type Output = ();
    const PASS: Pass = Pass::NormGradient;

    fn work(&self) -> [usize; 2] {
        [0, 3 * size_of_val(self.x)]
    }

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let channel = self.channel;
        for (dy, &x) in self.dy.iter_mut().zip(self.x) {
            let centered = channel.centered(x);
            let g = *dy * channel.slope(centered);
            *dy = channel.scale * (g - self.constant - centered * self.slope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flex::simd::Level;

    fn measure(level: Level, x: &[f32]) -> Moments {
        // SAFETY: `Measure::run` requires nothing but enabled instructions.
        unsafe { level.run(Measure { x }) }
    }

    #[test]
    fn equal_values_have_no_variance_and_nan_and_infinity_stay() {
        for level in Level::available() {
            for (value, count) in [1e-3, 100.1, 54_321.7, 1e6]
                .into_iter()
                .flat_map(|v| [(v, 343), (v, 1960)])
            {
                let found = measure(level, &vec![value; count]);
                assert_eq!(found.squares, 0.0, "{level:?} {value} {count}");
                assert!((found.mean / f64::from(value) - 1.0).abs() < 1e-6);
            }
            for wrong in [f32::NAN, f32::INFINITY] {
                let mut x = vec![1.0; 2000];
                x[1500] = wrong;
                assert!(measure(level, &x).squares.is_nan(), "{level:?} {wrong}");
            }
        }
    }

    #[test]
    fn moments_in_one_pass_are_those_of_two() {
        for (count, offset) in [(1, 0.0), (63, 1e3), (1024, -5.0), (5000, 1e4), (1960, 1e6)] {
            let x: Vec<f32> = (0..count)
                .map(|i| offset + ((i * 7919) % 1013) as f32 / 97.0)
                .collect();
            let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / count as f64;
            let squares: f64 = x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum();
            for level in Level::available() {
                let found = measure(level, &x);
                let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * b.abs() + 1e-9;
                assert!(near(found.mean, mean), "{level:?} {count}: {found:?}");
                assert!(
                    near(found.squares, squares),
                    "{level:?} {count}: {found:?} {squares}"
                );
            }
        }
    }
}
