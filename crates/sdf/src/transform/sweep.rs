//! Sweeps along one axis of a slab: rows by run lengths, columns by envelopes.

use ndarray::parallel::prelude::*;
use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use crate::envelope::{AxisTable, Envelope};

/// Columns processed together: one cache line of `f32`.
const BLOCK: usize = 16;

/// Squared distances along the rows: the shorter of the run lengths from the left and from the right.
pub(super) fn sweep_rows(
    mut slab: ArrayViewMut2<'_, f32>,
    mask: ArrayView2<'_, bool>,
    target: bool,
    table: &AxisTable,
) {
    let len = mask.ncols();
    let mut runs = vec![0; len];
    for (mut row, mask) in slab.rows_mut().into_iter().zip(mask.rows()) {
        let mut steps = len;
        let mut count = |run: &mut usize, value: bool| {
            steps = if value == target {
                0
            } else {
                len.min(steps + 1)
            };
            *run = steps;
        };
        // Iterating over a slice is faster than over a strided row.
        match mask.to_slice() {
            Some(mask) => runs.iter_mut().zip(mask).for_each(|(r, &m)| count(r, m)),
            None => runs.iter_mut().zip(mask).for_each(|(r, &m)| count(r, m)),
        }
        let row = row
            .as_slice_mut()
            .expect("rows of the result are contiguous");
        steps = len;
        for (value, &run) in row.iter_mut().zip(&runs).rev() {
            steps = run.min(steps + 1);
            *value = table.square(steps);
        }
    }
}

/// Minimizes along the columns of `slab` (its first axis), one block of neighboring columns at a time.
pub(super) fn sweep_columns(mut slab: ArrayViewMut2<'_, f32>, table: &AxisTable) {
    if slab.nrows() < 2 {
        return;
    }
    slab.axis_chunks_iter_mut(Axis(1), BLOCK)
        .into_par_iter()
        .for_each_init(
            || (Envelope::default(), Vec::new()),
            |(envelope, lines), block| sweep_block(block, table, envelope, lines),
        );
}

fn sweep_block(
    mut block: ArrayViewMut2<'_, f32>,
    table: &AxisTable,
    envelope: &mut Envelope,
    lines: &mut Vec<f32>,
) {
    let len = block.nrows();
    lines.resize(len * block.ncols(), 0.0);
    for (i, row) in block.rows().into_iter().enumerate() {
        let row = row.to_slice().expect("rows of the result are contiguous");
        for (line, &value) in lines.chunks_exact_mut(len).zip(row) {
            line[i] = value;
        }
    }
    for line in lines.chunks_exact_mut(len) {
        envelope.transform(line, table);
    }
    for (i, mut row) in block.rows_mut().into_iter().enumerate() {
        let row = row
            .as_slice_mut()
            .expect("rows of the result are contiguous");
        for (value, line) in row.iter_mut().zip(lines.chunks_exact(len)) {
            *value = line[i];
        }
    }
}
