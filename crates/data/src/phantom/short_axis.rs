//! MR phantom: both ventricles in a short-axis stack, from the base (first slice) to the apex.

use rand_chacha::rand_core::Rng;

use super::PhantomConfig;
use super::appearance::Appearance;
use super::field::Lattice;
use super::scene::{Anatomy, Scene};
use super::shapes::{Ellipsoid, Point, Tube, draw_turn, jitter, lowest};
use crate::rng::uniform;

/// Tissue at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tissue {
    /// The blood pool of the left ventricle.
    LeftVentricle,
    /// Papillary muscles, labeled as left ventricle.
    Papillary,
    Myocardium,
    RightVentricle,
    /// Other blood: the atria above the base, the aorta.
    Blood,
    /// Other muscle: walls of the right ventricle, the chest and the stomach.
    Muscle,
    /// As bright as blood.
    Fat,
    Liver,
    /// Lungs and the outside of the body.
    Air,
    Background,
}

/// The class of each tissue.
const CLASSES: [u8; 10] = [3, 3, 2, 1, 0, 0, 0, 0, 0, 0];

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

/// The ventricles; in-plane lengths are in units of the frame.
struct Heart {
    /// Ends of the left ventricle along the third axis.
    ends: [f32; 2],
    /// Relative ends of the right ventricle and of the left cavity, from base to apex.
    right_end: f32,
    center: [f32; 2],
    /// Shift of the center from base to apex.
    tilt: [f32; 2],
    /// Cosine and sine of the septum's direction.
    turn: [f32; 2],
    /// The outer radius and the wall thickness at the base.
    radius: f32,
    thickness: f32,
    right_radii: [f32; 2],
    papillaries: [Tube; 2],
}

impl Heart {
    fn draw(rng: &mut impl Rng) -> Self {
        let radius = uniform(rng, 0.36, 0.46);
        let mut papillary = |x: f32| {
            let from = jitter(rng, [x, 0.12, 0.25], 0.04);
            Tube::new(from, [0.6 * from[0], 0.06, 0.8], [0.05, 0.04])
        };
        let papillaries = [papillary(-0.12), papillary(0.12)];
        Self {
            ends: [uniform(rng, -1.15, -0.75), uniform(rng, 0.75, 1.15)],
            right_end: uniform(rng, 0.60, 0.78),
            center: [uniform(rng, 0.02, 0.24), uniform(rng, -0.24, -0.02)],
            tilt: [uniform(rng, -0.14, 0.14), uniform(rng, -0.14, 0.14)],
            turn: draw_turn(rng, 0.25),
            radius,
            thickness: uniform(rng, 0.11, 0.15),
            right_radii: [uniform(rng, 0.24, 0.34), uniform(rng, 0.40, 0.52)],
            papillaries,
        }
    }

    /// The tissue of the heart at a point, if it is inside.
    fn tissue(&self, [x, y, z]: Point, wobble: f32) -> Option<Tissue> {
        let along = (z - self.ends[0]) / (self.ends[1] - self.ends[0]);
        if !(-0.3..=1.0).contains(&along) {
            return None;
        }
        let [x, y] = [x, y].map(|v| v * (1.0 + wobble));
        let (x, y) = (
            x - self.center[0] - along * self.tilt[0],
            y - self.center[1] - along * self.tilt[1],
        );
        let [c, s] = self.turn;
        let (x, y) = (c * x + s * y, c * y - s * x);
        let below = along.max(0.0);
        let outer = self.radius * (1.0 - 0.9 * below * below).sqrt();
        let inner = outer - self.thickness * (1.0 + 0.15 * below);
        let distance = (x * x + y * y).sqrt();
        let found = match () {
            () if distance < inner => match self.papillary([x, y, along]) {
                true => Tissue::Papillary,
                false => Tissue::LeftVentricle,
            },
            () if distance < outer => Tissue::Myocardium,
            () => return self.right(x / outer, y / outer, outer, below / self.right_end, along),
        };
        Some(match found {
            // The left atrium and its thin wall.
            _ if along < 0.0 && distance < outer - 0.04 => Tissue::Blood,
            _ if along < 0.0 => Tissue::Muscle,
            found => found,
        })
    }

    fn papillary(&self, point: Point) -> bool {
        self.papillaries
            .iter()
            .any(|tube| tube.level(point).0 < 1.0)
    }

    /// The crescent beside the left ventricle: an ellipse partly hidden by it. `x` and `y` are in units of the
    /// left ventricle's outer radius.
    fn right(&self, x: f32, y: f32, outer: f32, below: f32, along: f32) -> Option<Tissue> {
        if below >= 1.0 {
            return None;
        }
        let size = (1.0 - 0.8 * below * below).sqrt() / self.radius;
        let [rx, ry] = self.right_radii.map(|r| r * size);
        let (dx, dy) = ((x + 0.92) / rx, (y + 0.06) / ry);
        let level = (dx * dx + dy * dy).sqrt();
        let wall = 0.035 / (outer * rx);
        match () {
            () if level < 1.0 && along < 0.0 => Some(Tissue::Blood),
            () if level < 1.0 => Some(Tissue::RightVentricle),
            () if level < 1.0 + wall => Some(Tissue::Muscle),
            () => None,
        }
    }
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
