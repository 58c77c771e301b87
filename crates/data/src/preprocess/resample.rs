//! Resampling of images.

use super::grid::{Grid, source_index};
use crate::taps::{Taps, Threads, weighted_sums};
use crate::{DataError, Volume};

/// Resamples an image to another spacing, one axis after the other.
///
/// A new voxel is the mean of the linear interpolant over a window of `max(0, s - 1)` old voxels around
/// its center, with `s` old voxels per new one. Upsampling is therefore linear interpolation, downsampling
/// by 2 is the mean of two voxels, and the transition is continuous. Constants and linear ramps are
/// reproduced, and equal spacing is the identity. Beyond the border the outermost voxel is repeated.
///
/// The new grid has the same center, exactly the requested spacing and `round(n · old / new)` voxels per
/// axis; its affine is exact.
///
/// # Errors
///
/// [`DataError::InvalidSetting`] for a spacing that is not positive and finite.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use semivox_data::{Geometry, Volume, preprocess::resample};
///
/// let volume = Volume::new(array![[[1.0, 3.0, 5.0, 9.0]]], Geometry::from_spacing([1.0, 1.0, 0.5]));
/// let coarse = resample(&volume, [1.0; 3])?;
/// assert_eq!(coarse.data, array![[[2.0, 7.0]]]);
/// assert_eq!(coarse.geometry.position([0.0; 3]), [0.0, 0.0, 0.25]);
/// # Ok::<(), semivox_data::DataError>(())
/// ```
pub fn resample(volume: &Volume, spacing_mm: [f64; 3]) -> Result<Volume, DataError> {
    let grid = Grid::from(volume);
    let target = grid.with_spacing(spacing_mm)?;
    let scale = grid.scale_to(spacing_mm);
    let mut data = volume.data.as_standard_layout().into_owned();
    for (axis, &scale) in scale.iter().enumerate() {
        if scale != 1.0 {
            let taps = axis_taps(target.shape[axis], grid.shape[axis], scale);
            data = weighted_sums(data.view(), axis, &taps, Threads::All);
        }
    }
    Ok(Volume::new(data, target.geometry))
}

/// Weights of each new voxel along an axis.
fn axis_taps(n_new: usize, n_old: usize, scale: f64) -> Vec<Taps> {
    let width = (scale - 1.0).max(0.0);
    let taps_of = |i: usize| {
        let center = source_index(i, n_new, n_old, scale);
        let (low, high) = (center - width / 2.0, center + width / 2.0);
        let (from, to) = (low.floor() as i64, high.floor() as i64 + 1);
        let weight = |j: i64| {
            if width > 0.0 {
                (triangle_integral(high - j as f64) - triangle_integral(low - j as f64)) / width
            } else {
                (1.0 - (center - j as f64).abs()).max(0.0)
            }
        };
        Taps::clamped(from, to, n_old, weight)
    };
    (0..n_new).map(taps_of).collect()
}

/// Integral of the triangle `max(0, 1 - |x|)` from minus infinity to `t`.
fn triangle_integral(t: f64) -> f64 {
    let t = t.clamp(-1.0, 1.0);
    0.5 + t - t * t.abs() / 2.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Geometry;
    use ndarray::Array3;
    use proptest::prelude::*;

    fn ramp(shape: [usize; 3], geometry: Geometry) -> Volume {
        let value = |(x, y, z)| {
            let p = geometry.position([x as f64, y as f64, z as f64]);
            (p[0] + 2.0 * p[1] - 3.0 * p[2]) as f32
        };
        Volume::new(Array3::from_shape_fn(shape, value), geometry)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn constants_and_ramps_stay(
            n in [3_usize..12, 3_usize..12, 3_usize..12],
            old in [0.4_f64..2.0, 0.4_f64..2.0, 0.4_f64..2.0],
            new in [0.4_f64..2.0, 0.4_f64..2.0, 0.4_f64..2.0],
        ) {
            let geometry = Geometry::from_spacing(old).translated([3.0, -1.0, 2.0]);
            let flat = Volume::new(Array3::from_elem(n, 2.5), geometry);
            let out = resample(&flat, new).unwrap();
            prop_assert!(out.data.iter().all(|x| (x - 2.5).abs() < 1e-5));
            prop_assert!(out.spacing().iter().zip(new).all(|(a, b)| (a - b).abs() < 1e-9));

            let out = resample(&ramp(n, geometry), new).unwrap();
            let exact = ramp(out.shape(), out.geometry);
            let inside = |index: [usize; 3]| (0..3).all(|a| {
                let scale = new[a] / old[a];
                let at = source_index(index[a], out.shape()[a], n[a], scale);
                let reach = (scale - 1.0).max(0.0) / 2.0;
                at - reach >= 0.0 && at + reach <= (n[a] - 1) as f64
            });
            for ((x, y, z), value) in out.data.indexed_iter() {
                if inside([x, y, z]) {
                    prop_assert!((value - exact.data[[x, y, z]]).abs() < 1e-3);
                }
            }
        }

        #[test]
        fn equal_spacing_is_the_identity(n in [1_usize..6, 1_usize..6, 1_usize..6], s in 0.3_f64..3.0) {
            let volume = ramp(n, Geometry::from_spacing([s, 1.0, 2.0 * s]));
            prop_assert_eq!(resample(&volume, [s, 1.0, 2.0 * s]).unwrap(), volume);
        }
    }

    #[test]
    fn fortran_order_gives_the_same() {
        let volume = ramp([5, 6, 7], Geometry::from_spacing([1.0, 0.8, 0.6]));
        let mut turned = Array3::zeros((7, 6, 5)).reversed_axes();
        turned.assign(&volume.data);
        let other = Volume::new(turned, volume.geometry);
        assert_eq!(
            resample(&volume, [1.3; 3]).unwrap(),
            resample(&other, [1.3; 3]).unwrap()
        );
    }

    /// Positions are calculated here: a shift of the voxels and of their geometry together would agree with itself.
    #[test]
    fn a_ramp_keeps_its_place_in_millimeters() {
        for (spacing, first, count) in [(0.5, -0.25, 16), (2.0, 0.5, 4), (1.25, 0.375, 6)] {
            for axis in 0..3 {
                let mut shape = [2; 3];
                shape[axis] = 8;
                let value = |(x, y, z): (usize, usize, usize)| [x, y, z][axis] as f32;
                let ramp = Volume::new(Array3::from_shape_fn(shape, value), Geometry::default());
                let mut wanted = [1.0; 3];
                wanted[axis] = spacing;
                let out = resample(&ramp, wanted).unwrap();
                assert_eq!(out.shape()[axis], count);
                for ((x, y, z), &value) in out.data.indexed_iter() {
                    let index = [x, y, z];
                    let expected = first + spacing * index[axis] as f64;
                    let place = out.geometry.position(index.map(|i| i as f64))[axis];
                    assert!((place - expected).abs() < 1e-12, "{place} {expected}");
                    // Beyond the outermost voxels the ramp does not go on.
                    let reach = (spacing - 1.0).max(0.0) / 2.0;
                    if expected - reach >= 0.0 && expected + reach <= 7.0 {
                        assert!(
                            (f64::from(value) - expected).abs() < 1e-6,
                            "{value} {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn shrinking_averages_away_a_checkerboard() {
        let board = Array3::from_shape_fn((8, 8, 8), |(x, y, z)| ((x + y + z) % 2) as f32);
        let out = resample(&Volume::new(board, Geometry::default()), [2.0; 3]).unwrap();
        assert!(out.data.iter().all(|&x| x == 0.5));
    }
}
