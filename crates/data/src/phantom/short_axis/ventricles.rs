//! Both ventricles of the short-axis phantom.

use rand_chacha::rand_core::Rng;

use super::tissue::Tissue;
use crate::phantom::shapes::{Point, Tube, draw_turn, jitter};
use crate::rng::uniform;

/// The ventricles; in-plane lengths are in units of the frame.
pub(super) struct Heart {
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
    pub(super) fn draw(rng: &mut impl Rng) -> Self {
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
    pub(super) fn tissue(&self, [x, y, z]: Point, wobble: f32) -> Option<Tissue> {
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
