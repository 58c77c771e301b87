//! Smooth random fields.

use rand_chacha::rand_core::Rng;

use super::shapes::Point;
use crate::rng::uniform;

/// Random values on a coarse lattice over [-1, 1]³, interpolated linearly.
pub(super) struct Lattice {
    cells: usize,
    values: Vec<f32>,
}

impl Lattice {
    /// Draws values from -1 to 1 for `cells` cells along each axis.
    pub fn draw(rng: &mut impl Rng, cells: usize) -> Self {
        let values = (0..(cells + 1).pow(3))
            .map(|_| uniform(rng, -1.0, 1.0))
            .collect();
        Self { cells, values }
    }

    /// Returns the value at a point.
    pub fn at(&self, p: Point) -> f32 {
        let n = self.cells + 1;
        let scaled = p.map(|x| ((x + 1.0) * 0.5).clamp(0.0, 1.0) * self.cells as f32);
        let low = scaled.map(|s| (s as usize).min(self.cells - 1));
        let t: Point = std::array::from_fn(|a| scaled[a] - low[a] as f32);
        let first = (low[0] * n + low[1]) * n + low[2];
        let line = |at: usize| self.values[at] + t[2] * (self.values[at + 1] - self.values[at]);
        let plane = |at: usize| line(at) + t[1] * (line(at + n) - line(at));
        plane(first) + t[0] * (plane(first + n * n) - plane(first))
    }
}

/// Smooth change of brightness over the volume, like an MR bias field:
/// `1 + amount · (a polynomial of degree 2)`.
pub(super) struct Bias {
    coefficients: [f32; 9],
}

impl Bias {
    /// Draws a field whose largest relative change is `amount`.
    pub fn draw(rng: &mut impl Rng, amount: f32) -> Self {
        let drawn: [f32; 9] = std::array::from_fn(|_| uniform(rng, -1.0, 1.0));
        let sum: f32 = drawn.iter().map(|c| c.abs()).sum();
        Self {
            coefficients: drawn.map(|c| c * amount / sum.max(1e-3)),
        }
    }

    /// Returns the factor at a point.
    pub fn at(&self, [x, y, z]: Point) -> f32 {
        let terms = [x, y, z, x * x, y * y, z * z, x * y, y * z, x * z];
        let sum: f32 = terms
            .iter()
            .zip(self.coefficients)
            .map(|(t, c)| t * c)
            .sum();
        1.0 + sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::keyed;

    #[test]
    fn fields_stay_in_their_range() {
        let mut rng = keyed(0, 0, "field");
        let lattice = Lattice::draw(&mut rng, 4);
        let bias = Bias::draw(&mut rng, 0.3);
        for i in 0..1000 {
            let p = [0, 1, 2].map(|a| ((i * (7 + 4 * a)) % 41) as f32 / 20.0 - 1.0);
            assert!(lattice.at(p).abs() <= 1.0);
            assert!((bias.at(p) - 1.0).abs() <= 0.3 + 1e-6);
        }
        // The value at a lattice point is that of the lattice.
        assert_eq!(lattice.at([-1.0, -1.0, -0.5]), lattice.values[1]);
        assert_eq!(lattice.at([1.0; 3]), lattice.values[124]);
    }
}
