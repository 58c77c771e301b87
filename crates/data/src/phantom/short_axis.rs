//! MR phantom: both ventricles in a short-axis stack, from the base (first slice) to the apex.

mod tissue;
mod ventricles;

use rand_chacha::rand_core::Rng;

use tissue::{CLASSES, Tissue};
use ventricles::Heart;

use super::PhantomConfig;
use super::appearance::Appearance;
use super::field::Lattice;
use super::scene::{Anatomy, Scene};
use super::shapes::{Ellipsoid, Point, Tube, jitter, lowest};
use crate::rng::uniform;

/// Draws one case.
pub(super) fn scene(rng: &mut impl Rng, config: &PhantomConfig) -> Scene {
    let chest = Chest::draw(rng);
    let blood = uniform(rng, 0.7, 1.0);
    let muscle = blood * uniform(rng, 0.35, 0.55);
    let mut about = |value: f32| value * uniform(rng, 0.93, 1.07);
    let brightness = vec![
        blood,
        about(muscle),
        muscle,
        about(blood),
        about(blood),
        about(muscle),
        about(blood),
        about(1.1 * muscle),
        0.1 * blood,
        about(0.85 * muscle),
    ];
    Scene {
        anatomy: Box::new(chest),
        classes: &CLASSES,
        appearance: Appearance::mr(rng, config, brightness, blood).in_separate_slices(),
    }
}

/// The shapes of one case.
struct Chest {
    heart: Heart,
    /// The skin, with the chest wall inside.
    skin: Ellipsoid,
    lungs: [Ellipsoid; 2],
    liver: Ellipsoid,
    /// Bright content in a muscular wall, similar to the left ventricle.
    stomach: Ellipsoid,
    aorta: Tube,
    wobble: Lattice,
}

impl Chest {
    fn draw(rng: &mut impl Rng) -> Self {
        let mut solid = |center, radii| {
            let center = jitter(rng, center, 0.06);
            Ellipsoid::new(center, jitter(rng, radii, 0.04))
        };
        let skin = solid([0.0, 0.08, 0.0], [1.12, 0.98, 9.0]);
        let lungs = [-1.0, 1.0].map(|side| solid([0.86 * side, 0.30, -0.3], [0.32, 0.46, 1.4]));
        let liver = solid([-0.50, 0.72, 0.8], [0.52, 0.34, 0.9]);
        let stomach = solid([0.56, 0.60, 0.7], [0.30, 0.24, 0.8]);
        let foot = jitter(rng, [0.20, 0.76, -1.5], 0.08);
        let head = jitter(rng, [foot[0], foot[1], 1.5], 0.04);
        Self {
            skin,
            lungs,
            liver,
            stomach,
            aorta: Tube::new(foot, head, [uniform(rng, 0.09, 0.13); 2]),
            heart: Heart::draw(rng),
            wobble: Lattice::draw(rng, 6),
        }
    }

    fn at(&self, p: Point) -> Tissue {
        let field = self.wobble.at(p);
        let wobble = 0.10 * field;
        if let Some(tissue) = self.heart.tissue(p, wobble) {
            return tissue;
        }
        let skin = self.skin.level(p) + 0.3 * wobble;
        let stomach = self.stomach.level(p) + wobble;
        let lungs = lowest(self.lungs.iter().map(|lung| lung.level(p)));
        match () {
            () if skin > 1.0 => Tissue::Air,
            () if skin > 0.86 => Tissue::Fat,
            () if skin > 0.76 => Tissue::Muscle,
            () if self.aorta.level(p).0 < 1.0 => Tissue::Blood,
            () if stomach < 0.72 => Tissue::Blood,
            () if stomach < 1.0 => Tissue::Muscle,
            () if self.liver.level(p) + wobble < 1.0 => Tissue::Liver,
            () if lungs + wobble < 1.0 => Tissue::Air,
            () if field > 0.28 => Tissue::Fat,
            () => Tissue::Background,
        }
    }
}

impl Anatomy for Chest {
    fn tissue(&self, point: Point) -> u8 {
        self.at(point) as u8
    }
}
