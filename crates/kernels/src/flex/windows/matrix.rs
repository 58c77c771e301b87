//! Products of matrices and panels.

use super::grid::Panel;
use crate::flex::packing::{blocks, pack};
use crate::flex::panel::{Product, Shape};
use crate::flex::simd::Level;
use rayon::prelude::*;

/// A matrix packed for [`Product`].
pub(super) struct Matrix {
    data: Vec<f32>,
    /// Number of rows of the resulting panel.
    outputs: usize,
    blocks: Vec<(usize, usize)>,
}

impl Matrix {
    /// Packs `outputs × inputs` numbers given by `get(output, input)`.
    pub(super) fn new(
        level: Level,
        [outputs, inputs]: [usize; 2],
        get: impl Fn(usize, usize) -> f32 + Sync,
    ) -> Self {
        Self {
            data: pack(level, [outputs, inputs], get),
            outputs,
            blocks: blocks(outputs, level.channels()),
        }
    }

    /// Multiplies the matrix by a panel, or by `T` shifts of its rows.
    pub(super) fn multiply<const T: usize>(&self, level: Level, panel: &Panel) -> Panel {
        let mut product = Panel::new(Shape::new(self.outputs, panel.shape.columns));
        let (from, to) = (panel.shape, product.shape);
        let mut rest = product.data.as_mut();
        let rows = self.blocks.iter().map(|&(first, width)| {
            let rows = rest.split_off_mut(..width * to.stride);
            (first, width, rows.expect("one row per output"))
        });
        let jobs: Vec<_> = rows.collect();
        jobs.into_par_iter().for_each(|(first, width, out)| {
            let job = Product::<T> {
                blocks: &[(0, width)],
                weights: &self.data[first * from.channels * T..],
                x: &panel.data,
                from,
                out,
                to,
            };
            // SAFETY: `Product::run` requires nothing but enabled instructions.
            unsafe { level.run(job) }
        });
        product
    }
}
