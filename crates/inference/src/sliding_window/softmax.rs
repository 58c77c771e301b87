//! Weighted sum of the softmax of overlapping windows.

use ndarray::{
    Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayView4, ArrayViewMut2, ArrayViewMut4, Axis,
    Zip,
};
use rayon::prelude::*;

/// Adds `weight · softmax(logits)` to the sum, both `[class, x, y, z]`, on all threads; returns whether all of it is
/// finite.
pub(super) fn add_softmax(
    mut sum: ArrayViewMut4<'_, f32>,
    logits: ArrayView4<'_, f32>,
    weights: &Array3<f32>,
) -> bool {
    let planes = sum.axis_iter_mut(Axis(1)).into_par_iter();
    let planes = planes.zip(logits.axis_iter(Axis(1)));
    let planes = planes.zip(weights.axis_iter(Axis(0)));
    let finite = planes.map(|((mut sum, logits), weights)| {
        let rows = sum.axis_iter_mut(Axis(1)).zip(logits.axis_iter(Axis(1)));
        let mut row = SoftmaxRow::new([logits.dim().0, logits.dim().2]);
        let mut finite = true;
        for ((sum, logits), weights) in rows.zip(weights.rows()) {
            finite &= row.add(sum, logits, weights);
        }
        finite
    });
    finite.reduce(|| true, |all, plane| all & plane)
}

/// Buffers for the softmax of a row of voxels: whole rows at once use the processor's vectors.
struct SoftmaxRow {
    most: Array1<f32>,
    total: Array1<f32>,
    powers: Array2<f32>,
}

impl SoftmaxRow {
    fn new([classes, voxels]: [usize; 2]) -> Self {
        Self {
            most: Array1::zeros(voxels),
            total: Array1::zeros(voxels),
            powers: Array2::zeros((classes, voxels)),
        }
    }

    /// Adds `weight · softmax(logits)` to the sum, both `[class, voxel]`; returns whether all of it is finite.
    fn add(
        &mut self,
        mut sum: ArrayViewMut2<'_, f32>,
        logits: ArrayView2<'_, f32>,
        weights: ArrayView1<'_, f32>,
    ) -> bool {
        self.most.fill(f32::NEG_INFINITY);
        for logits in logits.outer_iter() {
            self.most
                .zip_mut_with(&logits, |most, &x| *most = most.max(x));
        }
        self.total.fill(0.0);
        for (mut powers, logits) in self.powers.outer_iter_mut().zip(logits.outer_iter()) {
            Zip::from(&mut powers)
                .and(&mut self.total)
                .and(&logits)
                .and(&self.most)
                .for_each(|power, total, x, most| {
                    *power = (x - most).exp();
                    *total += *power;
                });
        }
        for (mut sum, powers) in sum.outer_iter_mut().zip(self.powers.outer_iter()) {
            Zip::from(&mut sum)
                .and(&powers)
                .and(&self.total)
                .and(&weights)
                .for_each(|sum, power, total, weight| *sum += weight * power / total);
        }
        let finite = |all: bool, total: &f32| all & total.is_finite();
        self.total.iter().fold(true, finite)
    }
}
