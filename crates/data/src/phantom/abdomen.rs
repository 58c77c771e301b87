//! CT phantom: a pancreas among the organs of the upper abdomen.

mod organs;
mod tissue;

use rand_chacha::rand_core::Rng;

use organs::{draw_bowel, draw_organs, draw_pancreas, draw_vessels};
use tissue::{CLASSES, Tissue};

use super::PhantomConfig;
use super::appearance::Appearance;
use super::field::Lattice;
use super::scene::{Anatomy, Scene};
use super::shapes::{Ellipsoid, Point, Tube, jitter, lowest};
use crate::rng::uniform;

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
