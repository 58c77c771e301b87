//! Arithmetic on all parameters as one vector.

use crate::state::Weights;

/// Returns the parameters whose names begin with `prefix`.
pub fn within(mut weights: Weights, prefix: &str) -> Weights {
    weights.retain(|name, _| name.starts_with(prefix));
    weights
}

/// Computes `a − b`.
pub fn difference(a: &Weights, b: &Weights) -> Weights {
    let minus = |(name, a): (&String, &Vec<f32>)| {
        let values = a.iter().zip(&b[name]).map(|(a, b)| a - b);
        (name.clone(), values.collect())
    };
    a.iter().map(minus).collect()
}

/// Multiplies the parameters by a factor.
pub fn scaled(weights: &Weights, factor: f64) -> Weights {
    let scale = |(name, values): (&String, &Vec<f32>)| {
        let values = values
            .iter()
            .map(|value| (f64::from(*value) * factor) as f32);
        (name.clone(), values.collect())
    };
    weights.iter().map(scale).collect()
}

/// Computes the sum of squares.
pub fn size(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value).powi(2)).sum()
}

/// Computes the Euclidean norm of all parameters together.
pub fn norm(weights: &Weights) -> f64 {
    weights
        .values()
        .map(|values| size(values))
        .sum::<f64>()
        .sqrt()
}
