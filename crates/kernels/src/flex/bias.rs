//! The bias's gradient.

use crate::flex::lanes::{BLOCK, sum};
use crate::flex::simd::{Kernel, Level, Simd};
use crate::profile::Pass;
use rayon::prelude::*;

/// The bias's gradient: the sum of the output's gradient over samples and voxels.
pub(crate) fn bias(gradient: &[f32], batch: usize, outputs: usize) -> Vec<f32> {
    let voxels = gradient.len() / (batch * outputs);
    let map = |sample: usize, channel: usize| {
        &gradient[(sample * outputs + channel) * voxels..][..voxels]
    };
    let level = Level::current();
    let total = |channel: usize| {
        // SAFETY: `Sum::run` requires nothing but enabled instructions.
        let sums = (0..batch).map(|sample| unsafe { level.run(Sum(map(sample, channel))) });
        sums.sum::<f64>() as f32
    };
    (0..outputs).into_par_iter().map(total).collect()
}

/// A sum in single precision by blocks, accumulated in double precision.
struct Sum<'a>(&'a [f32]);

impl Kernel for Sum<'_> {
    type Output = f64;
    const PASS: Pass = Pass::Bias;

    fn work(&self) -> [usize; 2] {
        [0, size_of_val(self.0)]
    }

    /// # Safety
    ///
    /// The instructions of `S` must be enabled.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> f64 {
        self.0.chunks(BLOCK).map(|block| sum(block, |x| x)).sum()
    }
}
