//! MR phantom: the left atrium among the other chambers, vessels and lungs.

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
    /// The left atrium with the first part of its veins: the labeled structure.
    Atrium,
    /// Other blood, as bright as in the atrium.
    Blood,
    /// Walls between them.
    Wall,
    /// Air.
    Lung,
    /// Everything else.
    Background,
}

/// The class of each tissue.
const CLASSES: [u8; 5] = [1, 0, 0, 0, 0];

/// Draws one case.
pub(super) fn scene(rng: &mut impl Rng, config: &PhantomConfig) -> Scene {
    let heart = Heart::draw(rng);
    let blood = uniform(rng, 0.7, 1.0);
    let elsewhere = blood * uniform(rng, 0.97, 1.03);
    let wall = blood * uniform(rng, 0.45, 0.65);
    let lung = blood * uniform(rng, 0.05, 0.15);
    let background = blood * uniform(rng, 0.40, 0.70);
    let brightness = vec![blood, elsewhere, wall, lung, background];
    Scene {
        anatomy: Box::new(heart),
        classes: &CLASSES,
        appearance: Appearance::mr(rng, config, brightness, blood),
    }
}

/// The shapes of one case.
struct Heart {
    body: Vec<Ellipsoid>,
    veins: Vec<Vein>,
    chambers: Vec<Ellipsoid>,
    vessels: Vec<Tube>,
    lungs: [Ellipsoid; 2],
    wobble: Lattice,
    shift: Point,
    /// Cosine and sine of a small rotation around the third axis.
    turn: [f32; 2],
    scale: f32,
}

/// A pulmonary vein; only its first part is labeled.
struct Vein {
    tube: Tube,
    labeled: f32,
}

impl Heart {
    fn draw(rng: &mut impl Rng) -> Self {
        let turn = draw_turn(rng, 0.15);
        Self {
            body: draw_body(rng),
            veins: draw_veins(rng),
            chambers: draw_chambers(rng),
            vessels: draw_vessels(rng),
            lungs: [-1.0, 1.0].map(|side| {
                let center = jitter(rng, [1.25 * side, 0.15, 0.0], 0.08);
                Ellipsoid::new(center, jitter(rng, [0.42, 0.85, 1.3], 0.05))
            }),
            wobble: Lattice::draw(rng, 6),
            shift: jitter(rng, [0.0; 3], 0.12),
            turn,
            scale: uniform(rng, 0.95, 1.12),
        }
    }

    fn at(&self, point: Point) -> Tissue {
        let p = self.to_heart(point);
        let wobble = 0.13 * self.wobble.at(p);
        let body = lowest(self.body.iter().map(|e| e.level(p))) + wobble;
        if body < 1.0 {
            return Tissue::Atrium;
        }
        let mut wall = body < 1.16;
        let mut distal = false;
        for vein in &self.veins {
            let (level, along) = vein.tube.level(p);
            if level + wobble < 1.0 && along <= vein.labeled {
                return Tissue::Atrium;
            }
            distal |= level + wobble < 1.0;
            wall |= level + wobble < 1.3;
        }
        if distal {
            return Tissue::Blood;
        }
        let chambers = lowest(self.chambers.iter().map(|e| e.level(p)));
        let vessels = lowest(self.vessels.iter().map(|t| t.level(p).0));
        let outside = chambers.min(vessels) - wobble;
        match () {
            () if wall => Tissue::Wall,
            () if outside < 1.0 => Tissue::Blood,
            () if outside < 1.12 => Tissue::Wall,
            () if self.lungs.iter().any(|lung| lung.level(p) + wobble < 1.0) => Tissue::Lung,
            () => Tissue::Background,
        }
    }

    fn to_heart(&self, point: Point) -> Point {
        let [x, y, z]: Point = std::array::from_fn(|a| (point[a] - self.shift[a]) / self.scale);
        let [c, s] = self.turn;
        [c * x + s * y, c * y - s * x, z]
    }
}

impl Anatomy for Heart {
    fn tissue(&self, point: Point) -> u8 {
        self.at(point) as u8
    }
}

/// The atrium's body, a second bulge and the appendage.
fn draw_body(rng: &mut impl Rng) -> Vec<Ellipsoid> {
    let mut solid = |center, radii| {
        let center = jitter(rng, center, 0.04);
        Ellipsoid::new(center, jitter(rng, radii, 0.04))
    };
    vec![
        solid([0.0, 0.10, 0.0], [0.50, 0.36, 0.64]),
        solid([0.14, 0.14, -0.12], [0.40, 0.33, 0.50]),
        solid([0.44, -0.14, 0.12], [0.20, 0.15, 0.26]),
    ]
}

/// Two veins on each side, one above the other.
fn draw_veins(rng: &mut impl Rng) -> Vec<Vein> {
    let corners = [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)];
    let vein = |(side, height): (f32, f32)| Vein {
        tube: Tube::new(
            jitter(rng, [0.25 * side, 0.16, 0.28 * height], 0.04),
            jitter(rng, [0.95 * side, 0.38, 0.62 * height], 0.10),
            [uniform(rng, 0.12, 0.16), uniform(rng, 0.08, 0.11)],
        ),
        labeled: uniform(rng, 0.40, 0.55),
    };
    corners.map(vein).into()
}

/// The other chambers, in front of the atrium and beside it.
fn draw_chambers(rng: &mut impl Rng) -> Vec<Ellipsoid> {
    let mut solid = |center, radii| {
        let center = jitter(rng, center, 0.06);
        Ellipsoid::new(center, jitter(rng, radii, 0.05))
    };
    vec![
        solid([0.34, -0.66, -0.25], [0.42, 0.34, 0.62]),
        solid([-0.54, -0.52, 0.10], [0.34, 0.36, 0.60]),
    ]
}

/// The descending aorta behind the atrium, and the root in front of it.
fn draw_vessels(rng: &mut impl Rng) -> Vec<Tube> {
    let mut tube = |from, to, radius: f32| {
        let (from, to) = (jitter(rng, from, 0.05), jitter(rng, to, 0.05));
        Tube::new(from, to, [0; 2].map(|_| radius + uniform(rng, -0.02, 0.02)))
    };
    vec![
        tube([0.22, 0.74, -1.2], [0.26, 0.72, 1.2], 0.16),
        tube([-0.06, -0.46, 0.1], [-0.12, -0.54, 1.2], 0.17),
    ]
}
