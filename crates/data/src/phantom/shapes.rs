//! Shapes that phantoms are composed of.

use rand_chacha::rand_core::Rng;

use crate::rng::uniform;

/// A position in the phantom's frame, where the volume spans [-1, 1] along each axis.
pub(super) type Point = [f32; 3];

/// An ellipsoid with axes along the frame.
pub(super) struct Ellipsoid {
    center: Point,
    inverse_radii: Point,
}

impl Ellipsoid {
    pub fn new(center: Point, radii: Point) -> Self {
        Self {
            center,
            inverse_radii: radii.map(|r| 1.0 / r),
        }
    }

    pub fn center(&self) -> Point {
        self.center
    }

    /// Returns the level at a point: 0 at the center, 1 on the surface, increasing outward.
    pub fn level(&self, p: Point) -> f32 {
        let q: Point = std::array::from_fn(|a| (p[a] - self.center[a]) * self.inverse_radii[a]);
        dot(q, q).sqrt()
    }
}

/// A tube with round ends and linearly varying radius.
pub(super) struct Tube {
    from: Point,
    way: Point,
    inverse_square: f32,
    /// Radii at both ends.
    radii: [f32; 2],
}

impl Tube {
    pub fn new(from: Point, to: Point, radii: [f32; 2]) -> Self {
        let way: Point = std::array::from_fn(|a| to[a] - from[a]);
        Self {
            from,
            way,
            inverse_square: 1.0 / dot(way, way),
            radii,
        }
    }

    /// Returns the level as for an ellipsoid, and the position along the tube from 0 to 1.
    pub fn level(&self, p: Point) -> (f32, f32) {
        let v: Point = std::array::from_fn(|a| p[a] - self.from[a]);
        let along = (dot(v, self.way) * self.inverse_square).clamp(0.0, 1.0);
        let off: Point = std::array::from_fn(|a| v[a] - along * self.way[a]);
        let radius = self.radii[0] + along * (self.radii[1] - self.radii[0]);
        (dot(off, off).sqrt() / radius, along)
    }
}

/// Moves a point randomly by up to `amount` along each axis.
pub(super) fn jitter(rng: &mut impl Rng, point: Point, amount: f32) -> Point {
    point.map(|x| x + uniform(rng, -amount, amount))
}

/// Cosine and sine of a random angle, from the tangent of its half (up to `amount`): the half-angle
/// formulas need no sine.
pub(super) fn draw_turn(rng: &mut impl Rng, amount: f32) -> [f32; 2] {
    let t = uniform(rng, -amount, amount);
    [(1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t)]
}

/// Returns the lowest level among several shapes.
pub(super) fn lowest(levels: impl Iterator<Item = f32>) -> f32 {
    levels.fold(f32::INFINITY, f32::min)
}

fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_one_on_the_surface() {
        let ball = Ellipsoid::new([0.1, 0.0, 0.0], [0.5, 0.2, 0.3]);
        assert!((ball.level([0.6, 0.0, 0.0]) - 1.0).abs() < 1e-6);
        let tube = Tube::new([0.0; 3], [1.0, 0.0, 0.0], [0.2, 0.4]);
        let (level, along) = tube.level([0.5, 0.3, 0.0]);
        assert!((level - 1.0).abs() < 1e-6 && (along - 0.5).abs() < 1e-6);
    }
}
