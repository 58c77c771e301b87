//! Generated scans of a left atrium, for first steps and for tests.
//!
//! A bright blob with four tubes (the pulmonary veins, labeled in their first
//! part only) lies among other chambers and vessels that are just as bright,
//! behind thin walls. Contrast, noise and a slow change of brightness vary
//! from case to case, so no threshold finds the label: a network has to learn
//! its shape and place.

mod dataset;
mod field;
mod heart;
mod shapes;

pub use dataset::{PhantomCase, PhantomSet, dataset, write_dataset};

use ndarray::Array3;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::rng::{below, keyed, normal, uniform};
use crate::taps::{Taps, Threads, weighted_sums};
use crate::{Geometry, LabelMap, Volume};
use field::{Bias, Lattice};
use heart::{Heart, Tissue};

/// Size, spacing and difficulty of phantoms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhantomConfig {
    /// The least number of voxels on each axis.
    pub shape: [usize; 3],
    /// Up to this many voxels more, drawn per case.
    pub shape_jitter: [usize; 3],
    /// Distance between voxels in millimeters.
    pub spacing_mm: [f64; 3],
    /// All cases follow from this number and their index.
    pub seed: u64,
    /// The standard deviation of the noise, as a fraction of the blood's
    /// brightness, is uniform between these two.
    pub noise: [f32; 2],
    /// The largest relative change of brightness over the volume.
    pub bias: f32,
}

impl Default for PhantomConfig {
    fn default() -> Self {
        Self {
            shape: [64, 64, 32],
            shape_jitter: [8, 8, 8],
            spacing_mm: [1.25; 3],
            seed: 1337,
            noise: [0.06, 0.14],
            bias: 0.25,
        }
    }
}

/// Makes one scan and its label map: 1 in the atrium, else 0.
///
/// The same configuration and index give the same bytes on every platform:
/// only additions, multiplications, divisions and square roots are used, which
/// IEEE 754 fixes.
///
/// # Shapes
///
/// From `shape` to `shape + shape_jitter`.
///
/// # Examples
///
/// ```
/// use semivox_data::phantom::{PhantomConfig, atrium};
///
/// let config = PhantomConfig { shape: [24, 24, 12], shape_jitter: [0; 3], ..Default::default() };
/// let (image, labels) = atrium(&config, 0);
/// assert_eq!(image.shape(), labels.shape());
/// let share = labels.data.iter().filter(|&&l| l == 1).count() as f64 / labels.data.len() as f64;
/// assert!((0.05..0.15).contains(&share));
/// ```
pub fn atrium(config: &PhantomConfig, index: u64) -> (Volume, LabelMap) {
    let mut rng = keyed(config.seed, index, "phantom");
    let shape = std::array::from_fn(|a| {
        config.shape[a] + below(&mut rng, config.shape_jitter[a] as u64 + 1) as usize
    });
    let heart = Heart::draw(&mut rng);
    let tissues = tissue_map(&heart, shape);
    let labels = tissues.mapv(|tissue| u8::from(tissue == Tissue::Atrium));
    let image = Appearance::draw(&mut rng, config).image(&tissues);
    let geometry = Geometry::from_spacing(config.spacing_mm);
    (
        Volume::new(image, geometry),
        LabelMap::new(labels, geometry),
    )
}

fn tissue_map(heart: &Heart, shape: [usize; 3]) -> Array3<Tissue> {
    let mut map = Array3::from_elem(shape, Tissue::Background);
    change_voxels(&mut map, 0, |_, point, _| heart.tissue(point));
    map
}

/// Changes every voxel, given its center in the frame where the volume spans
/// [-1, 1]. Each slab of the first axis has its own generator, so threads do
/// not matter.
fn change_voxels<T, F>(voxels: &mut Array3<T>, seed: u64, change: F)
where
    T: Copy + Send + Sync,
    F: Fn(T, shapes::Point, &mut ChaCha8Rng) -> T + Sync,
{
    let shape: [usize; 3] = voxels.dim().into();
    let center = |i: usize, n: usize| (2 * i + 1) as f32 / n as f32 - 1.0;
    let [ys, zs] = [1, 2].map(|a| {
        (0..shape[a])
            .map(|i| center(i, shape[a]))
            .collect::<Vec<f32>>()
    });
    voxels
        .outer_iter_mut()
        .into_par_iter()
        .enumerate()
        .for_each(|(x, mut slab)| {
            let mut rng = keyed(seed, x as u64, "phantom slab");
            let x = center(x, shape[0]);
            for (mut line, &y) in slab.outer_iter_mut().zip(&ys) {
                line.iter_mut()
                    .zip(&zs)
                    .for_each(|(value, &z)| *value = change(*value, [x, y, z], &mut rng));
            }
        });
}

/// How one case's tissues look.
struct Appearance {
    brightness: [f32; 5],
    texture: Lattice,
    texture_amount: f32,
    bias: Bias,
    noise: f32,
    noise_seed: u64,
    /// Intensity units of the file per unit of brightness.
    gain: f32,
}

impl Appearance {
    fn draw(rng: &mut impl Rng, config: &PhantomConfig) -> Self {
        let blood = uniform(rng, 0.7, 1.0);
        let elsewhere = blood * uniform(rng, 0.97, 1.03);
        let wall = blood * uniform(rng, 0.45, 0.65);
        let lung = blood * uniform(rng, 0.05, 0.15);
        let background = blood * uniform(rng, 0.40, 0.70);
        Self {
            brightness: [blood, elsewhere, wall, lung, background],
            texture: Lattice::draw(rng, 10),
            texture_amount: uniform(rng, 0.06, 0.14),
            bias: Bias::draw(rng, config.bias),
            noise: blood * uniform(rng, config.noise[0], config.noise[1]),
            noise_seed: rng.next_u64(),
            gain: uniform(rng, 200.0, 600.0),
        }
    }

    /// Tissue, texture, partial volume, bias and Rician noise, in this order.
    fn image(&self, tissues: &Array3<Tissue>) -> Array3<f32> {
        let shape: [usize; 3] = tissues.dim().into();
        let mut image = tissues.mapv(|tissue| self.brightness[tissue as usize]);
        change_voxels(&mut image, 0, |x, p, _| {
            x * (1.0 + self.texture_amount * self.texture.at(p))
        });
        for (axis, &n) in shape.iter().enumerate() {
            let smooth =
                |i: i64| Taps::clamped(i - 1, i + 1, n, |j| if j == i { 0.5 } else { 0.25 });
            let taps: Vec<Taps> = (0..n as i64).map(smooth).collect();
            image = weighted_sums(image.view(), axis, &taps, Threads::All);
        }
        change_voxels(&mut image, self.noise_seed, |x, p, rng| {
            let (re, im) = (
                x * self.bias.at(p) + self.noise * normal(rng),
                self.noise * normal(rng),
            );
            self.gain * (re * re + im * im).sqrt()
        });
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FNV-1a over the little-endian bytes of the image and the label map.
    fn hash(image: &Volume, labels: &LabelMap) -> u64 {
        let voxels = image.data.iter().flat_map(|x| x.to_le_bytes());
        voxels
            .chain(labels.data.iter().copied())
            .fold(0xcbf2_9ce4_8422_2325, |hash, b| {
                (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
            })
    }

    #[test]
    fn a_seed_fixes_the_bytes() {
        let (image, labels) = atrium(&PhantomConfig::default(), 3);
        assert_eq!(hash(&image, &labels), 13_253_785_959_785_246_283);
        let (other, _) = atrium(&PhantomConfig::default(), 4);
        assert_ne!(image.data, other.data);
    }

    #[test]
    fn no_threshold_finds_the_label() {
        for index in 0..8 {
            let (image, labels) = atrium(&PhantomConfig::default(), index);
            let share =
                labels.data.iter().filter(|&&l| l == 1).count() as f64 / labels.data.len() as f64;
            assert!(
                (0.05..0.15).contains(&share),
                "case {index}: the label has {share}"
            );
            let mut voxels: Vec<(f32, u8)> = image
                .data
                .iter()
                .copied()
                .zip(labels.data.iter().copied())
                .collect();
            voxels.sort_by(|a, b| b.0.total_cmp(&a.0));
            let total = labels.data.iter().filter(|&&l| l == 1).count();
            let (mut hits, mut best) = (0, 0.0_f64);
            for (i, voxel) in voxels.iter().enumerate() {
                hits += usize::from(voxel.1);
                best = best.max(2.0 * hits as f64 / (i + 1 + total) as f64);
            }
            println!(
                "case {index}: share {share:.3} threshold Dice {best:.3} shape {:?}",
                image.shape()
            );
            assert!(best < 0.7, "case {index}: a threshold reaches Dice {best}");
        }
    }

    #[test]
    fn shapes_vary_within_the_jitter() {
        let config = PhantomConfig {
            shape: [10, 12, 6],
            shape_jitter: [3, 0, 2],
            ..Default::default()
        };
        let shapes: Vec<[usize; 3]> = (0..12).map(|i| atrium(&config, i).0.shape()).collect();
        assert!(
            shapes
                .iter()
                .all(|s| (10..=13).contains(&s[0]) && s[1] == 12 && (6..=8).contains(&s[2]))
        );
        assert!(shapes.iter().any(|s| *s != shapes[0]));
    }
}
