//! One register tile of the weight's gradient.
// Register tiles are indexed by constants to unroll the loops and keep the sums in registers.
#![allow(clippy::needless_range_loop)]

use super::Job;
use super::parts::{Part, Piece};
use crate::flex::simd::Simd;

/// Adds one batch of positions for `C` output channels, one input and `T` taps.
///
/// # Safety
///
/// As for [`add_batch`](super::add_batch); `sums` must point to the register of the first channel, this input and tap `tap` among the
/// part's sums, and there must be `T` taps from `tap` on.
#[inline(always)]
pub(super) unsafe fn add_tile<S: Simd, const C: usize, const T: usize>(
    job: &Job,
    part: &Part,
    batch: &[Piece],
    [input, tap]: [usize; 2],
    sums: *mut f32,
) {
    let channel = job.grid.channel();
    let [inputs, outputs] = job.channels;
    // SAFETY: `batches` makes pieces that begin at a voxel's position and end with one; shifted by a tap they stay
    // inside the padded channel, all of which the buffers hold, and the center is one of the taps. Full registers lie
    // in the piece, and the last partial one is loaded under a mask. The registers of the sums are those of the
    // contract.
    unsafe {
        let mut acc = [[S::splat(0.0); T]; C];
        for piece in batch {
            let x = (piece.sample * inputs + input) * channel + piece.at;
            let y = (piece.sample * outputs + part.output) * channel + piece.at;
            let mut x = job.input.as_ptr().wrapping_add(x);
            let mut y = job.gradient.as_ptr().wrapping_add(y + job.grid.center());
            let offsets: [usize; T] = std::array::from_fn(|t| job.offsets[tap + t]);
            for _ in 0..piece.len / S::LANES {
                let mut shifted = [S::splat(0.0); T];
                for t in 0..T {
                    shifted[t] = S::load(x.wrapping_add(offsets[t]));
                }
                for c in 0..C {
                    let dy = S::load(y.wrapping_add(c * channel));
                    for t in 0..T {
                        acc[c][t] = S::fma(dy, shifted[t], acc[c][t]);
                    }
                }
                x = x.wrapping_add(S::LANES);
                y = y.wrapping_add(S::LANES);
            }
            let rest = piece.len % S::LANES;
            if rest > 0 {
                let mut shifted = [S::splat(0.0); T];
                for t in 0..T {
                    shifted[t] = S::load_lanes(x.wrapping_add(offsets[t]), rest);
                }
                for c in 0..C {
                    let dy = S::load_lanes(y.wrapping_add(c * channel), rest);
                    for t in 0..T {
                        acc[c][t] = S::fma(dy, shifted[t], acc[c][t]);
                    }
                }
            }
        }
        let row = part.inputs.len() * job.grid.taps() * S::LANES;
        for c in 0..C {
            for t in 0..T {
                let sum = sums.wrapping_add(c * row + t * S::LANES);
                S::store(sum, S::add(S::load(sum), acc[c][t]));
            }
        }
    }
}
