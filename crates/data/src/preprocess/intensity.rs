//! Intensity normalization.

use std::fmt;

use ndarray::Array3;
use serde::{Deserialize, Serialize};

use crate::DataError;

/// Method of intensity normalization.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::preprocess::Intensity;
///
/// let mut ct = array![[[-1000.0, 28.0, 400.0]]];
/// Intensity::Window { low: -100.0, high: 156.0 }.apply(&mut ct)?;
/// assert_eq!(ct, array![[[0.0, 0.5, 1.0]]]);
/// # Ok::<(), semivox_data::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Intensity {
    /// No change.
    Unchanged,
    /// `(x - mean) / std` over the whole volume; a constant volume becomes 0. For MR.
    #[default]
    ZScore,
    /// `(x - low) / (high - low)`, clamped to [0, 1]. For CT, in Hounsfield units.
    Window {
        /// Mapped to 0.
        low: f32,
        /// Mapped to 1.
        high: f32,
    },
    /// Clamped to [low, high], then as [`ZScore`](Self::ZScore). For CT with methods that assume a standard
    /// deviation of 1, such as those that add noise.
    WindowZScore {
        /// Lower bound of the window.
        low: f32,
        /// Upper bound of the window.
        high: f32,
    },
}

/// A short description.
impl fmt::Display for Intensity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchanged => f.write_str("intensities as they are"),
            Self::ZScore => f.write_str("z-scored"),
            Self::Window { low, high } => write!(f, "intensities {low} to {high}"),
            Self::WindowZScore { low, high } => {
                write!(f, "intensities {low} to {high}, z-scored")
            }
        }
    }
}

impl Intensity {
    /// Normalizes the intensities in place.
    ///
    /// # Errors
    ///
    /// [`DataError::InvalidSetting`] for a window with `low >= high`.
    pub fn apply(&self, data: &mut Array3<f32>) -> Result<(), DataError> {
        match *self {
            Self::Unchanged => {}
            Self::ZScore => z_score(data),
            Self::Window { low, high } => window(data, low, high)?,
            Self::WindowZScore { low, high } => {
                window(data, low, high)?;
                z_score(data);
            }
        }
        Ok(())
    }
}

/// Shifts and scales to mean 0 and population standard deviation 1.
fn z_score(data: &mut Array3<f32>) {
    let n = data.len().max(1) as f64;
    let mean = data.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = data
        .iter()
        .map(|&x| (f64::from(x) - mean).powi(2))
        .sum::<f64>()
        / n;
    let std = variance.sqrt();
    // The deviation of a constant volume consists of rounding errors.
    let inverse = if std > 1e-7 * mean.abs() && std > 0.0 {
        1.0 / std
    } else {
        0.0
    };
    data.mapv_inplace(|x| ((f64::from(x) - mean) * inverse) as f32);
}

fn window(data: &mut Array3<f32>, low: f32, high: f32) -> Result<(), DataError> {
    if !(low.is_finite() && high.is_finite() && low < high) {
        return Err(DataError::InvalidSetting {
            name: "intensity.window",
            expected: "low < high".into(),
            found: format!("low {low}, high {high}"),
        });
    }
    let inverse = 1.0 / (high - low);
    data.mapv_inplace(|x| ((x - low) * inverse).clamp(0.0, 1.0));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn z_score_has_mean_0_and_deviation_1() {
        let mut data = Array3::from_shape_fn((5, 6, 7), |(x, y, z)| 1e4 + (x * y + 3 * z) as f32);
        Intensity::ZScore.apply(&mut data).unwrap();
        let n = data.len() as f64;
        let mean = data.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let variance = data.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n;
        assert!(
            mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-5,
            "{mean} {variance}"
        );
    }

    #[test]
    fn a_constant_volume_becomes_zero() {
        for constant in [0.0, 0.1, -3e7] {
            let mut data = Array3::from_elem((7, 5, 3), constant);
            Intensity::ZScore.apply(&mut data).unwrap();
            assert!(data.iter().all(|&x| x == 0.0));
        }
    }

    #[test]
    fn a_window_must_be_open() {
        let (low, high) = (1.0, 1.0);
        for bad in [
            Intensity::Window { low, high },
            Intensity::WindowZScore { low, high },
        ] {
            assert!(bad.apply(&mut Array3::zeros((1, 1, 1))).is_err());
        }
    }

    /// After clamping to -100 to 100, the voxels are -100, -100, 100, 100.
    #[test]
    fn what_lies_outside_of_a_window_does_not_count() {
        let mut data = ndarray::array![[[-1000.0, -100.0, 100.0, 3000.0]]];
        let (low, high) = (-100.0, 100.0);
        let steps = Intensity::WindowZScore { low, high };
        steps.apply(&mut data).unwrap();
        assert_eq!(data, ndarray::array![[[-1.0, -1.0, 1.0, 1.0]]]);
    }
}
