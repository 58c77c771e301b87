//! The bias's gradient.

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

/// A sum in 64 lanes of single precision per four kilobytes, accumulated in double precision.
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
        let mut total = 0.0;
        for block in self.0.chunks(1024) {
            let mut lanes = [0.0f32; 64];
            for chunk in block.chunks(64) {
                for (lane, value) in lanes.iter_mut().zip(chunk) {
                    *lane += value;
                }
            }
            total += f64::from(lanes.iter().sum::<f32>());
        }
        total
    }
}
