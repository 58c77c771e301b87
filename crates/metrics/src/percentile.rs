//! Percentiles with linear interpolation between order statistics, as in NumPy.

/// The value below which a fraction `fraction` of `values` is found; `values` must not be empty.
///
/// With `n` sorted values `v`, `h = fraction (n - 1)` and `i = floor(h)`:
/// `v[i] + (h - i) (v[i + 1] - v[i])`, computed by selection instead of sorting.
pub(crate) fn percentile(mut values: Vec<f32>, fraction: f64) -> f64 {
    let position = fraction * (values.len() - 1) as f64;
    let index = position as usize;
    let (_, &mut low, above) = values.select_nth_unstable_by(index, f32::total_cmp);
    let high = above.iter().copied().min_by(f32::total_cmp).unwrap_or(low);
    let (low, high) = (f64::from(low), f64::from(high));
    low + (position - index as f64) * (high - low)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn values_of_numpy_percentile() {
        assert_eq!(percentile(vec![3.0], 0.95), 3.0);
        assert_eq!(percentile(vec![2.0, 1.0], 0.5), 1.5);
        assert_eq!(percentile(vec![4.0, 1.0, 3.0, 2.0], 1.0), 4.0);
        let values = (0..20).rev().map(|i| i as f32).collect();
        assert!((percentile(values, 0.95) - 18.05).abs() < 1e-12);
    }
}
