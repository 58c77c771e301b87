//! The organs of the upper abdomen, drawn around their usual places.

use rand_chacha::rand_core::Rng;

use super::tissue::Tissue;
use crate::phantom::shapes::{Ellipsoid, Point, Tube, jitter};
use crate::rng::uniform;

/// Head, neck, body and tail: an arc over the spine that rises to the left.
pub(super) fn draw_pancreas(rng: &mut impl Rng, shift: Point) -> Vec<Tube> {
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

pub(super) fn draw_organs(rng: &mut impl Rng, shift: Point) -> Vec<(Tissue, Ellipsoid)> {
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
pub(super) fn draw_bowel(rng: &mut impl Rng, shift: Point) -> Vec<Ellipsoid> {
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
pub(super) fn draw_vessels(rng: &mut impl Rng, shift: Point) -> Vec<Tube> {
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
