//! Rotation by a random angle in the plane of the first two axes.

use ndarray::{Array3, ArrayView3, Axis};
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::preprocess::Region;
use crate::rng::{chance, uniform};

/// Rotation of a patch about its center, by an angle from `-degrees` to `degrees`.
///
/// Angles are those of the voxel grid: where voxels are not square, angles between structures change too.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::{augment::RotationConfig, preprocess::Region, rng::keyed};
///
/// let image = Array3::from_elem((16, 16, 1), 1.0);
/// let config = RotationConfig { probability: 1.0, degrees: 20.0 };
/// let rotation = config.draw(&mut keyed(1, 0, "rotation")).unwrap();
/// let patch = Region { start: [4, 4, 0], size: [8, 8, 1] };
/// // The corners of a small patch are read from the volume around it.
/// assert_eq!(rotation.linear(image.view(), patch, 0.0), Array3::from_elem((8, 8, 1), 1.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotationConfig {
    /// Probability of a rotation.
    pub probability: f64,
    /// The largest angle, in degrees.
    pub degrees: f32,
}

impl RotationConfig {
    /// Draws an angle, or `None` for no rotation.
    pub fn draw(&self, rng: &mut impl Rng) -> Option<RotationParams> {
        let rotated = chance(rng, self.probability);
        let degrees = uniform(rng, -self.degrees, self.degrees);
        rotated.then_some(RotationParams { degrees })
    }
}

/// The angle drawn by [`RotationConfig`].
///
/// Voxel `p` of the rotated patch is read at `c + R(p - c)`, with `c` the patch's center and `R` the rotation
/// from the first axis to the second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RotationParams {
    /// Angle in degrees.
    pub degrees: f32,
}

impl RotationParams {
    /// Returns the rotated patch of an image, with bilinear interpolation; voxels beyond the volume are `fill`.
    pub fn linear(&self, volume: ArrayView3<'_, f32>, patch: Region, fill: f32) -> Array3<f32> {
        self.sampled(patch, fill, |point, z| {
            let [lower, share] = [point.map(f64::floor), point.map(|p| p - p.floor())];
            let read = |dx, dy| f64::from(at(volume, [lower[0] + dx, lower[1] + dy], z, fill));
            let row = |dx| (1.0 - share[1]) * read(dx, 0.0) + share[1] * read(dx, 1.0);
            ((1.0 - share[0]) * row(0.0) + share[0] * row(1.0)) as f32
        })
    }

    /// Returns the rotated patch of a label map: every voxel has the value of the nearest one; voxels beyond the
    /// volume are `fill`.
    pub fn nearest<T: Copy>(&self, volume: ArrayView3<'_, T>, patch: Region, fill: T) -> Array3<T> {
        self.sampled(patch, fill, |point, z| {
            at(volume, point.map(|p| (p + 0.5).floor()), z, fill)
        })
    }

    /// Returns `value` at the place in the volume that each voxel of the patch is read from.
    fn sampled<T: Copy>(
        &self,
        patch: Region,
        fill: T,
        value: impl Fn([f64; 2], i32) -> T,
    ) -> Array3<T> {
        let (sine, cosine) = f64::from(self.degrees).to_radians().sin_cos();
        let center = [0, 1].map(|a| f64::from(patch.size[a].saturating_sub(1)) / 2.0);
        let start = [0, 1].map(|a| center[a] + f64::from(patch.start[a]));
        let mut out = Array3::from_elem(patch.shape(), fill);
        for (x, mut plane) in out.axis_iter_mut(Axis(0)).enumerate() {
            for (y, mut column) in plane.axis_iter_mut(Axis(0)).enumerate() {
                let [u, v] = [x as f64 - center[0], y as f64 - center[1]];
                let point = [
                    start[0] + cosine * u - sine * v,
                    start[1] + sine * u + cosine * v,
                ];
                for (z, out) in (patch.start[2]..).zip(&mut column) {
                    *out = value(point, z);
                }
            }
        }
        out
    }
}

/// Returns the voxel of whole numbers `plane` in slice `z`, or `fill` beyond the volume.
fn at<T: Copy>(volume: ArrayView3<'_, T>, plane: [f64; 2], z: i32, fill: T) -> T {
    if plane[0] < 0.0 || plane[1] < 0.0 || z < 0 {
        return fill;
    }
    let index = [plane[0] as usize, plane[1] as usize, z as usize];
    volume.get(index).copied().unwrap_or(fill)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::Rot90Params;

    const SHAPE: (usize, usize, usize) = (9, 12, 3);

    fn image() -> Array3<f32> {
        Array3::from_shape_fn(SHAPE, |(x, y, z)| (7 * x + 3 * y + z) as f32 % 11.0)
    }

    /// Turns of 0°, 90°, 180° and 270° are exact, so they are those of [`Rot90Params`], for images and label maps.
    #[test]
    fn quarter_turns_are_those_of_rot90() {
        let image = Array3::from_shape_fn((8, 8, 2), |(x, y, z)| (7 * x + 3 * y + z) as f32);
        for quarter_turns in 0..4 {
            let turned = Rot90Params { quarter_turns }.apply(image.view()).to_owned();
            let degrees = f32::from(quarter_turns) * -90.0;
            let rotation = RotationParams { degrees };
            let whole = Region::whole([8, 8, 2]);
            assert_eq!(rotation.nearest(image.view(), whole, -1.0), turned);
            let linear = rotation.linear(image.view(), whole, 0.0);
            assert!((linear - turned).iter().all(|d| d.abs() < 1e-4));
        }
    }

    /// Every voxel against the definition, with the weights of bilinear interpolation from all voxels of the slice.
    #[test]
    fn values_follow_the_definition() {
        let (image, fill) = (image(), 0.5);
        let patch = Region {
            start: [-1, 2, 1],
            size: [8, 9, 3],
        };
        let rotation = RotationParams { degrees: 17.0 };
        let found = rotation.linear(image.view(), patch, fill);
        let labels = rotation.nearest(image.view(), patch, fill);
        let angle = 17.0_f64.to_radians();
        for ((x, y, z), &value) in found.indexed_iter() {
            let [u, v] = [x as f64 - 3.5, y as f64 - 4.0];
            let point = [
                2.5 + angle.cos() * u - angle.sin() * v,
                6.0 + angle.sin() * u + angle.cos() * v,
            ];
            // The slice with a margin of the fill value, over which the weights add up to one.
            let (mut expected, mut total, mut nearest) = (0.0, 0.0, (f64::MAX, fill));
            for i in -9..20 {
                for j in -9..24 {
                    let inside = (0..9).contains(&i) && (0..12).contains(&j) && z < 2;
                    let voxel = match inside {
                        true => image[[i as usize, j as usize, z + 1]],
                        false => fill,
                    };
                    let [dx, dy] = [point[0] - f64::from(i), point[1] - f64::from(j)];
                    let weight = (1.0 - dx.abs()).max(0.0) * (1.0 - dy.abs()).max(0.0);
                    total += weight;
                    expected += weight * f64::from(voxel);
                    if dx.hypot(dy) < nearest.0 {
                        nearest = (dx.hypot(dy), voxel);
                    }
                }
            }
            assert!((total - 1.0).abs() < 1e-9);
            assert!((f64::from(value) - expected).abs() < 1e-5);
            assert_eq!(labels[[x, y, z]], nearest.1);
        }
    }

    #[test]
    fn angles_fill_the_range_with_their_probability() {
        let config = RotationConfig {
            probability: 0.25,
            degrees: 20.0,
        };
        let drawn: Vec<f32> = (0..2_000)
            .filter_map(|step| config.draw(&mut crate::rng::keyed(3, step, "rotation")))
            .map(|rotation| rotation.degrees)
            .collect();
        assert!((400..600).contains(&drawn.len()), "{}", drawn.len());
        let least = drawn.iter().copied().fold(f32::MAX, f32::min);
        let most = drawn.iter().copied().fold(f32::MIN, f32::max);
        assert!((-20.0..-19.0).contains(&least) && (19.0..20.0).contains(&most));
    }
}
