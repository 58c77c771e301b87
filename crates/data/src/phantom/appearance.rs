//! Image intensities of phantom tissues.

use ndarray::Array3;
use rand_chacha::rand_core::Rng;

use super::PhantomConfig;
use super::field::{Bias, Lattice};
use super::scene::change_voxels;
use crate::rng::{normal, uniform};
use crate::taps::{Taps, Threads, weighted_sums};

/// Range of Hounsfield units that scanners store.
const HOUNSFIELD: [f32; 2] = [-1024.0, 3071.0];

/// Attenuation of water in Hounsfield units above air.
pub(super) const WATER: f32 = 1000.0;

/// Intensity model of one case.
pub(super) struct Appearance {
    /// Brightness by tissue index.
    brightness: Vec<f32>,
    texture: Lattice,
    texture_amount: f32,
    /// Axes with partial-volume averaging between neighboring voxels.
    partial_volume: [bool; 3],
    bias: Bias,
    noise: f32,
    noise_seed: u64,
    modality: Modality,
}

enum Modality {
    /// Rician noise, and the file's intensity units per unit of brightness.
    Mr { gain: f32 },
    /// Gaussian noise; brightness is attenuation.
    Ct,
}

impl Appearance {
    /// MR, with noise relative to the brightness of `blood`.
    pub fn mr(
        rng: &mut impl Rng,
        config: &PhantomConfig,
        brightness: Vec<f32>,
        blood: f32,
    ) -> Self {
        Self {
            brightness,
            texture: Lattice::draw(rng, 10),
            texture_amount: uniform(rng, 0.06, 0.14),
            partial_volume: [true; 3],
            bias: Bias::draw(rng, config.bias),
            noise: blood * uniform(rng, config.noise[0], config.noise[1]),
            noise_seed: rng.next_u64(),
            modality: Modality::Mr {
                gain: uniform(rng, 200.0, 600.0),
            },
        }
    }

    /// Disables partial-volume averaging between slices, for thick slices.
    pub fn in_separate_slices(mut self) -> Self {
        self.partial_volume[2] = false;
        self
    }

    /// CT with tissues in Hounsfield units.
    pub fn ct(rng: &mut impl Rng, config: &PhantomConfig, hounsfield: &[f32]) -> Self {
        Self {
            brightness: hounsfield.iter().map(|units| units + WATER).collect(),
            texture: Lattice::draw(rng, 14),
            texture_amount: uniform(rng, 0.010, 0.025),
            partial_volume: [true; 3],
            bias: Bias::draw(rng, config.bias),
            noise: uniform(rng, config.noise[0], config.noise[1]),
            noise_seed: rng.next_u64(),
            modality: Modality::Ct,
        }
    }

    /// Computes the image: tissue, texture, partial volume, bias and noise, in this order.
    pub fn image(&self, tissues: &Array3<u8>) -> Array3<f32> {
        let shape: [usize; 3] = tissues.dim().into();
        let mut image = tissues.mapv(|tissue| self.brightness[usize::from(tissue)]);
        change_voxels(&mut image, 0, |x, p, _| {
            x * (1.0 + self.texture_amount * self.texture.at(p))
        });
        let smoothed = (0..3).filter(|&axis| self.partial_volume[axis]);
        for (axis, n) in smoothed.map(|axis| (axis, shape[axis])) {
            let smooth =
                |i: i64| Taps::clamped(i - 1, i + 1, n, |j| if j == i { 0.5 } else { 0.25 });
            let taps: Vec<Taps> = (0..n as i64).map(smooth).collect();
            image = weighted_sums(image.view(), axis, &taps, Threads::All);
        }
        change_voxels(&mut image, self.noise_seed, |x, p, rng| {
            self.measure(x * self.bias.at(p), rng)
        });
        image
    }

    /// Converts a signal to a stored intensity.
    fn measure(&self, signal: f32, rng: &mut impl Rng) -> f32 {
        let real = signal + self.noise * normal(rng);
        match self.modality {
            Modality::Mr { gain } => {
                let imaginary = self.noise * normal(rng);
                gain * (real * real + imaginary * imaginary).sqrt()
            }
            Modality::Ct => (real - WATER).clamp(HOUNSFIELD[0], HOUNSFIELD[1]),
        }
    }
}
