//! Diversity of learned features, which the abstract claims for the contrast along channels.

use burn::prelude::*;

/// Computes effective rank and mean correlation of the channels of `[rows, channels]`, without gradient, from their
/// correlation matrix `R`:
///
/// ```text
/// effective rank = (Σ_i R_ii)² / Σ_ij R_ij²          1: all the same, C: uncorrelated
/// correlation    = mean of |R_ij| over i ≠ j
/// ```
///
/// The effective rank is the participation ratio of the eigenvalues of `R`, computed without decomposing it.
pub(super) fn diversity(rows: Tensor<2>) -> [Tensor<1>; 2] {
    let rows = rows.detach();
    let [_, channels] = rows.dims();
    let centered = rows.clone() - rows.mean_dim(0);
    let length = centered.clone().square().sum_dim(0).sqrt();
    let unit = centered / length.clamp_min(1e-12);
    let correlations = unit.clone().transpose().matmul(unit.clone());
    let trace = unit.square().sum();
    let rank = trace.clone().square() / correlations.clone().square().sum().clamp_min(1e-12);
    let pairs = (channels * (channels - 1)).max(1);
    [rank, (correlations.abs().sum() - trace) / pairs as f64]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn found(rows: Tensor<2>) -> [f64; 2] {
        diversity(rows).map(|value| f64::from(value.into_scalar::<f32>()))
    }

    /// Computes both measures from Pearson's formula, pair by pair.
    fn oracle(rows: &[[f64; 3]]) -> [f64; 2] {
        let n = rows.len() as f64;
        let mean: [f64; 3] =
            std::array::from_fn(|c| rows.iter().map(|row| row[c]).sum::<f64>() / n);
        let product = |a: usize, b: usize| -> f64 {
            let of = |row: &[f64; 3]| (row[a] - mean[a]) * (row[b] - mean[b]);
            rows.iter().map(of).sum()
        };
        let (mut squares, mut off) = (0.0, 0.0);
        for a in 0..3 {
            for b in 0..3 {
                let r = product(a, b) / (product(a, a) * product(b, b)).sqrt();
                squares += r * r;
                off += if a == b { 0.0 } else { r.abs() / 6.0 };
            }
        }
        [9.0 / squares, off]
    }

    #[test]
    fn equals_plain_loops_and_its_extremes() {
        let device = Device::flex();
        let rows = [
            [0.3, -1.0, 2.0],
            [1.1, 0.4, 0.1],
            [-0.7, 0.9, 0.6],
            [0.2, 0.8, -1.5],
        ];
        let expected = oracle(&rows);
        let single = rows.map(|row| row.map(|x| x as f32));
        let values = found(Tensor::from_floats(single, &device));
        for (found, expected) in values.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        let alike = Tensor::from_floats([[1.0, -2.0], [2.0, -4.0], [4.0, -8.0]], &device);
        let [rank, correlation] = found(alike);
        assert!((rank - 1.0).abs() < 1e-5 && (correlation - 1.0).abs() < 1e-5);
        let apart = [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
        let [rank, correlation] = found(Tensor::from_floats(apart, &device));
        assert!((rank - 2.0).abs() < 1e-5 && correlation.abs() < 1e-5);
        let constant = found(Tensor::ones([4, 3], &device));
        assert!(constant.iter().all(|value| value.is_finite()));
    }
}
