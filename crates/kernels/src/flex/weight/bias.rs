//! The bias's gradient.

use rayon::prelude::*;

/// The bias's gradient: the sum of the output's gradient over samples and voxels.
pub(crate) fn bias(gradient: &[f32], batch: usize, outputs: usize) -> Vec<f32> {
    let voxels = gradient.len() / (batch * outputs);
    let map = |sample: usize, channel: usize| {
        &gradient[(sample * outputs + channel) * voxels..][..voxels]
    };
    let total = |channel: usize| {
        let sums = (0..batch).map(|sample| sum(map(sample, channel)));
        sums.sum::<f64>() as f32
    };
    (0..outputs).into_par_iter().map(total).collect()
}

/// A sum in sixteen lanes of single precision per kilobyte, accumulated in double precision.
fn sum(values: &[f32]) -> f64 {
    let block = |block: &[f32]| {
        let mut lanes = [0.0f32; 16];
        let chunks = block.chunks_exact(16);
        let rest: f32 = chunks.remainder().iter().sum();
        for chunk in chunks {
            for (lane, value) in lanes.iter_mut().zip(chunk) {
                *lane += value;
            }
        }
        f64::from(lanes.iter().sum::<f32>() + rest)
    };
    values.chunks(1024).map(block).sum()
}
