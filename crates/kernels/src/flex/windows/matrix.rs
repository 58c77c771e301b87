//! Matrices times panels, and dot products of two panels' rows.

use super::grid::Panel;
use crate::flex::memory::Target;
use crate::flex::panel::{Product, Shape, blocks, dots};
use crate::flex::simd::{Kernel, Level, Simd};
use rayon::prelude::*;

/// A matrix packed for [`Product`].
pub(super) struct Matrix {
    data: Vec<f32>,
    /// Rows of the panel it takes.
    pub(super) inputs: usize,
    /// Rows of the panel it gives.
    pub(super) outputs: usize,
    blocks: Vec<(usize, usize)>,
}

impl Matrix {
    /// Packs `outputs × inputs` numbers read through `get(output, input)`.
    pub(super) fn new(
        level: Level,
        [outputs, inputs]: [usize; 2],
        get: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let blocks = blocks(outputs, level.channels());
        let mut data = Vec::with_capacity(outputs * inputs);
        for &(first, width) in &blocks {
            for i in 0..inputs {
                data.extend((first..first + width).map(|o| get(o, i)));
            }
        }
        Self {
            data,
            inputs,
            outputs,
            blocks,
        }
    }

    /// The product with a panel.
    pub(super) fn multiply(&self, level: Level, panel: &Panel) -> Panel {
        let mut product = Panel::new(Shape::new(self.outputs, panel.shape.columns));
        let (out, to) = (Target::new(product.data.as_mut()), product.shape);
        self.blocks.par_iter().for_each(|block| {
            let job = Multiply(Product {
                blocks: std::slice::from_ref(block),
                weights: &self.data,
                x: &panel.data,
                from: panel.shape,
                out: out.at(0),
                to,
            });
            // SAFETY: the level is available, and every block writes its own channels.
            unsafe { level.run(job) }
        });
        product
    }
}

/// A product without taps.
struct Multiply<'a>(Product<'a>);

impl Kernel for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: passed on.
        unsafe { self.0.run::<S, 1>() }
    }
}

/// Dot products of all rows of `x` with some of `y`.
pub(super) struct Correlation<'a> {
    /// The large side.
    pub(super) x: &'a Panel,
    /// The small side.
    pub(super) y: &'a Panel,
    /// The first of its rows to take.
    pub(super) first: usize,
    /// Their sums with every row of `x`.
    pub(super) sums: &'a mut [f32],
}

impl Kernel for Correlation<'_> {
    type Output = ();

    /// # Safety
    ///
    /// The instructions of `S` must be enabled and the rooms of both panels zero.
    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        let row = self.x.shape.channels;
        for (first, width) in blocks(self.sums.len() / row, 8) {
            // SAFETY: passed on.
            unsafe {
                match width {
                    8 => self.rows::<S, 8>(first),
                    4 => self.rows::<S, 4>(first),
                    2 => self.rows::<S, 2>(first),
                    _ => self.rows::<S, 1>(first),
                }
            }
        }
    }
}

impl Correlation<'_> {
    /// `C` rows of `y`.
    ///
    /// # Safety
    ///
    /// As [`Correlation::run`].
    #[inline(always)]
    unsafe fn rows<S: Simd, const C: usize>(&mut self, first: usize) {
        let mut at = 0;
        while at < self.x.shape.channels {
            let count = (self.x.shape.channels - at).min(3);
            // SAFETY: passed on.
            unsafe {
                match count {
                    1 => self.tile::<S, C, 1>(first, at),
                    2 => self.tile::<S, C, 2>(first, at),
                    _ => self.tile::<S, C, 3>(first, at),
                }
            }
            at += count;
        }
    }

    /// `C` rows of `y` with `T` rows of `x`.
    ///
    /// # Safety
    ///
    /// As [`Correlation::run`].
    #[inline(always)]
    unsafe fn tile<S: Simd, const C: usize, const T: usize>(&mut self, first: usize, at: usize) {
        let (from, to) = (self.x.shape, self.y.shape);
        let x = self.x.data[at * from.stride..].as_ptr();
        let y = self.y.data[(self.first + first) * to.stride..].as_ptr();
        // SAFETY: registers stay in the room behind a row's positions.
        let dots = unsafe { dots::<S, C, T>(x, from.stride, y, to) };
        for (c, dots) in dots.into_iter().enumerate() {
            let sums = &mut self.sums[(first + c) * from.channels + at..];
            for (sum, dot) in sums.iter_mut().zip(dots) {
                *sum += dot;
            }
        }
    }
}
