//! Passes over one map, compiled for every instruction set.

use super::Windows;
use crate::flex::simd::{Kernel, Simd};
use crate::profile::Pass;

/// The largest values of a row of windows, and which voxel of its window each of them is: the first one if there are
/// several. As in PyTorch, a NaN is larger than all numbers, and the last one counts. `KW` is the width of the windows, or
/// zero for any.
#[inline(always)]
fn largest<const KW: usize>(windows: &Windows, map: &[f32], best: &mut [f32], which: &mut [u32]) {
    let width = if KW == 0 { windows.window[2] } else { KW };
    best.fill(f32::NEG_INFINITY);
    which.fill(0);
    for (row, &start) in windows.starts.iter().enumerate() {
        let parts = map[start..][..width * best.len()].chunks_exact(width);
        for ((best, which), part) in best.iter_mut().zip(which.iter_mut()).zip(parts) {
            for (voxel, &value) in part.iter().enumerate() {
                let larger = value > *best || value.is_nan();
                *best = if larger { value } else { *best };
                *which = if larger {
                    (row * width + voxel) as u32
                } else {
                    *which
                };
            }
        }
    }
}

/// The largest values of a map's windows.
pub(super) struct Largest<'a> {
    pub(super) windows: &'a Windows,
    pub(super) map: &'a [f32],
    pub(super) out: &'a mut [f32],
}

impl Kernel for Largest<'_> {
    type Output = ();
    const PASS: Pass = Pass::MaxPool;

    fn work(&self) -> [usize; 2] {
        [0, size_of_val(self.map) + size_of_val(self.out)]
    }

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let width = self.windows.output()[4];
        let mut which = vec![0; width];
        for (first, out) in self.windows.rows().zip(self.out.chunks_exact_mut(width)) {
            let map = &self.map[first..];
            match self.windows.window[2] {
                2 => largest::<2>(self.windows, map, out, &mut which),
                _ => largest::<0>(self.windows, map, out, &mut which),
            }
        }
    }
}

/// The input's gradient of a map.
pub(super) struct Back<'a> {
    pub(super) windows: &'a Windows,
    pub(super) map: &'a [f32],
    pub(super) dy: &'a [f32],
    pub(super) dx: &'a mut [f32],
}

impl Kernel for Back<'_> {
    type Output = ();
    const PASS: Pass = Pass::MaxPoolGradient;

    fn work(&self) -> [usize; 2] {
        [0, 2 * size_of_val(self.map) + size_of_val(self.dy)]
    }

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (windows, width) = (self.windows, self.windows.output()[4]);
        let (mut best, mut which) = (vec![0.0; width], vec![0; width]);
        if !windows.exact() {
            self.dx.fill(0.0);
        }
        for (first, dy) in windows.rows().zip(self.dy.chunks_exact(width)) {
            let (map, dx) = (&self.map[first..], &mut self.dx[first..]);
            // The width that the networks use vectorizes.
            match windows.window[2] {
                2 => {
                    largest::<2>(windows, map, &mut best, &mut which);
                    spread::<2>(windows, &which, dy, dx);
                }
                _ => {
                    largest::<0>(windows, map, &mut best, &mut which);
                    spread::<0>(windows, &which, dy, dx);
                }
            }
        }
    }
}

/// Writes the gradient of each of a row of windows to its largest voxel, and zero to the others.
#[inline(always)]
fn spread<const KW: usize>(windows: &Windows, which: &[u32], dy: &[f32], dx: &mut [f32]) {
    let width = if KW == 0 { windows.window[2] } else { KW };
    for (row, &start) in windows.starts.iter().enumerate() {
        let parts = dx[start..][..width * dy.len()].chunks_exact_mut(width);
        for ((&which, &dy), part) in which.iter().zip(dy).zip(parts) {
            for (voxel, dx) in part.iter_mut().enumerate() {
                let largest = which == (row * width + voxel) as u32;
                *dx = if largest { dy } else { 0.0 };
            }
        }
    }
}
