//! CT phantom: a pancreas among the organs of the upper abdomen.
//!
//! The axes point to the patient's left, to the back and up.

use rand_chacha::rand_core::Rng;

use super::PhantomConfig;
use super::appearance::Appearance;
use super::field::Lattice;
use super::scene::{Anatomy, Scene};
use super::shapes::{Ellipsoid, Point, Tube, jitter, lowest};
use crate::rng::uniform;

/// Tissue at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tissue {
    Pancreas,
    Liver,
    Spleen,
    Kidney,
    /// Content of stomach and bowel, sometimes with contrast agent.
    Bowel,
    /// Gas in the bowel.
    Gas,
    Vessel,
    Muscle,
    Fat,
    /// Interior and surface of bones.
    Spongy,
    Compact,
    Air,
}

/// The class of each tissue.
const CLASSES: [u8; 12] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Draws one case.
pub(super) fn scene(rng: &mut impl Rng, config: &PhantomConfig) -> Scene {
    let body = Body::draw(rng);
    // Portal venous phase; the ranges of the first five overlap.
    let hounsfield = [
        [60.0, 100.0],
        [55.0, 110.0],
        [80.0, 120.0],
        [110.0, 180.0],
        [30.0, 100.0],
        [-920.0, -880.0],
        [120.0, 180.0],
        [45.0, 70.0],
        [-115.0, -85.0],
        [300.0, 400.0],
        [500.0, 700.0],
        [-1000.0, -1000.0],
    ]
    .map(|[low, high]| uniform(rng, low, high));
    Scene {
        anatomy: Box::new(body),
        classes: &CLASSES,
        appearance: Appearance::ct(rng, config, &hounsfield),
    }
}

/// The shapes of one case.
struct Body {
    skin: Ellipsoid,
    pancreas: Vec<Tube>,
    organs: Vec<(Tissue, Ellipsoid)>,
    bowel: Vec<Ellipsoid>,
    vessels: Vec<Tube>,
    spine: Tube,
    /// Distance between ribs, and position of the first.
    ribs: [f32; 2],
    wobble: Lattice,
}

impl Body {
    fn draw(rng: &mut impl Rng) -> Self {
        // A common shift of the pancreas and all organs inside.
        let shift = jitter(rng, [0.0; 3], 0.08);
        let pancreas = draw_pancreas(rng, shift);
        let spine = jitter(rng, [0.0, 0.56, 0.0], 0.04);
        let [below, above] = [-1.5, 1.5].map(|z| [spine[0], spine[1], z]);
        Self {
            skin: Ellipsoid::new([0.0; 3], jitter(rng, [0.96, 0.88, 9.0], 0.03)),
            pancreas,
            organs: draw_organs(rng, shift),
            bowel: draw_bowel(rng, shift),
            vessels: draw_vessels(rng, shift),
            spine: Tube::new(below, above, [uniform(rng, 0.15, 0.19); 2]),
            ribs: [uniform(rng, 0.32, 0.42), uniform(rng, 0.0, 0.4)],
            wobble: Lattice::draw(rng, 8),
        }
    }

    fn at(&self, p: Point) -> Tissue {
        let wobble = 0.16 * self.wobble.at(p);
        let skin = self.skin.level(p);
        let inside = |tubes: &[Tube]| lowest(tubes.iter().map(|tube| tube.level(p).0));
        match () {
            () if skin > 1.0 => Tissue::Air,
            () if skin > 0.89 => Tissue::Fat,
            () if skin > 0.78 => self.wall(p, skin),
            () if self.spine.level(p).0 < 0.85 => Tissue::Spongy,
            () if self.spine.level(p).0 < 1.0 => Tissue::Compact,
            () if inside(&self.vessels) < 1.0 => Tissue::Vessel,
            () if inside(&self.pancreas) + wobble < 1.0 => Tissue::Pancreas,
            () => self.organ(p, wobble),
        }
    }

    /// Muscle with ribs.
    fn wall(&self, p: Point, level: f32) -> Tissue {
        let [every, first] = self.ribs;
        // Ribs slope down toward the front.
        let turns = (p[2] - 0.3 * p[1] + first + 4.0) / every;
        let rib = turns - (turns as u32 as f32) < 0.35 && p[2] > -0.4 - p[1];
        match rib {
            true if (0.81..0.86).contains(&level) => Tissue::Spongy,
            true => Tissue::Compact,
            false => Tissue::Muscle,
        }
    }

    /// The other organs, with fat between them.
    fn organ(&self, p: Point, wobble: f32) -> Tissue {
        for loop_ in &self.bowel {
            let level = loop_.level(p) + wobble;
            if level < 1.0 {
                // Gas rises to the front.
                let gas = level < 0.75 && p[1] - loop_.center()[1] < -0.05;
                return if gas { Tissue::Gas } else { Tissue::Bowel };
            }
        }
        let organ = self
            .organs
            .iter()
            .find(|(_, solid)| solid.level(p) + wobble < 1.0);
        organ.map_or(Tissue::Fat, |(tissue, _)| *tissue)
    }
}

impl Anatomy for Body {
    fn tissue(&self, point: Point) -> u8 {
        self.at(point) as u8
    }
}

/// Head, neck, body and tail: an arc over the spine that rises to the left.
fn draw_pancreas(rng: &mut impl Rng, shift: Point) -> Vec<Tube> {
    let way = [
        ([-0.30, 0.14, -0.34], 0.15),
        ([-0.24, 0.04, -0.10], 0.17),
        ([-0.04, -0.10, 0.02], 0.11),
        ([0.20, -0.02, 0.12], 0.13),
        ([0.46, 0.20, 0.28], 0.10),
    ];
    let stations = way.map(|(point, radius)| {
        let point = jitter(rng, point, 0.06);
        let radius: f32 = radius + uniform(rng, -0.02, 0.02);
        (std::array::from_fn(|a| point[a] + shift[a]), radius)
    });
    std::iter::zip(&stations, &stations[1..])
        .map(|(from, to)| Tube::new(from.0, to.0, [from.1, to.1]))
        .collect()
}

fn draw_organs(rng: &mut impl Rng, shift: Point) -> Vec<(Tissue, Ellipsoid)> {
    let mut organ = |tissue, center, radii| (tissue, solid(rng, center, radii, shift));
    vec![
        organ(Tissue::Liver, [-0.48, -0.02, 0.60], [0.30, 0.46, 0.80]),
        organ(Tissue::Liver, [-0.10, -0.36, 0.85], [0.44, 0.24, 0.50]),
        organ(Tissue::Spleen, [0.58, 0.22, 0.62], [0.17, 0.26, 0.44]),
        organ(Tissue::Kidney, [-0.40, 0.42, -0.35], [0.16, 0.15, 0.42]),
        organ(Tissue::Kidney, [0.40, 0.42, -0.20], [0.16, 0.15, 0.42]),
        organ(Tissue::Muscle, [-0.22, 0.58, -0.6], [0.10, 0.10, 0.70]),
        organ(Tissue::Muscle, [0.22, 0.58, -0.6], [0.10, 0.10, 0.70]),
    ]
}

/// The stomach, the duodenum beside the pancreas, and loops below it.
fn draw_bowel(rng: &mut impl Rng, shift: Point) -> Vec<Ellipsoid> {
    let mut bowel = vec![
        solid(rng, [0.30, -0.34, 0.50], [0.32, 0.20, 0.44], shift),
        solid(rng, [-0.50, 0.10, -0.30], [0.10, 0.12, 0.34], shift),
    ];
    for (x, z) in [
        (-0.40, -0.75),
        (0.0, -0.62),
        (0.40, -0.70),
        (0.18, -0.95),
        (-0.2, -0.95),
    ] {
        let y = uniform(rng, -0.45, -0.15);
        bowel.push(solid(rng, [x, y, z], [0.20, 0.17, 0.20], shift));
    }
    bowel
}

/// Aorta, vena cava, the mesenteric vessels and the splenic vein.
fn draw_vessels(rng: &mut impl Rng, shift: Point) -> Vec<Tube> {
    let mut vessel = |from, to, radius: f32| {
        let [from, to] = [from, to].map(|point| {
            let point = jitter(rng, point, 0.03);
            std::array::from_fn(|a| point[a] + shift[a])
        });
        Tube::new(from, to, [radius; 2])
    };
    vec![
        vessel([0.08, 0.34, -1.4], [0.08, 0.34, 1.4], 0.07),
        vessel([-0.14, 0.32, -1.4], [-0.14, 0.28, 1.4], 0.08),
        vessel([-0.06, 0.06, -1.2], [-0.06, 0.08, 0.05], 0.05),
        vessel([0.04, 0.10, -1.2], [0.05, 0.24, 0.20], 0.04),
        vessel([-0.06, 0.08, 0.05], [0.48, 0.26, 0.32], 0.04),
        vessel([-0.06, 0.08, 0.05], [-0.34, 0.00, 0.60], 0.05),
    ]
}

fn solid(rng: &mut impl Rng, center: Point, radii: Point, shift: Point) -> Ellipsoid {
    let center = jitter(rng, center, 0.05);
    let center = std::array::from_fn(|a| center[a] + shift[a]);
    Ellipsoid::new(center, radii.map(|r| r * uniform(rng, 0.85, 1.15)))
}
