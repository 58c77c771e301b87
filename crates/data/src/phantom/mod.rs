//! Synthetic scans, for first experiments and tests.
//!
//! | [`PhantomKind`] | classes | appearance |
//! |---|---|---|
//! | `Atrium` | left atrium | gadolinium-enhanced MR, as LA |
//! | `ShortAxis` | right ventricle, myocardium, left ventricle | cine MR in few thick slices, as ACDC |
//! | `Abdomen` | pancreas | CT in Hounsfield units, as Pancreas-CT |
//!
//! The labeled structures are surrounded by others of the same brightness, and contrast, noise and bias
//! field vary from case to case. No threshold finds a label: a network has to learn shape and position. Of
//! the atrium's four veins, for example, only the first part is labeled.
//!
//! The axes point to the patient's left, to the back and up; in the short-axis stack, from base to apex, down.

mod abdomen;
mod appearance;
mod config;
mod dataset;
mod field;
mod heart;
mod scene;
mod shapes;
mod short_axis;

pub use config::{PhantomConfig, PhantomKind};
pub use dataset::{PhantomCase, PhantomSet, dataset, write_dataset};

use crate::rng::{below, keyed};
use crate::{Geometry, LabelMap, Volume};

/// Generates one scan of `config.kind` and its label map.
///
/// The same configuration and index give the same bytes on every platform: only additions,
/// multiplications, divisions and square roots are used, which IEEE 754 specifies exactly.
///
/// # Shapes
///
/// Shapes are between `shape` and `shape + shape_jitter`.
///
/// # Examples
///
/// ```
/// use semivox_data::Orientation;
/// use semivox_data::phantom::{PhantomConfig, PhantomKind, case};
///
/// let config = PhantomConfig { shape: [48, 48, 8], ..PhantomConfig::of(PhantomKind::ShortAxis) };
/// let (image, labels) = case(&config, 0);
/// assert_eq!(image.shape(), labels.shape());
/// assert_eq!(labels.values(), [0, 1, 2, 3]);
/// assert_eq!(Orientation::of(&image.geometry).to_string(), "LPI");
/// ```
pub fn case(config: &PhantomConfig, index: u64) -> (Volume, LabelMap) {
    let mut rng = keyed(config.seed, index, "phantom");
    let shape = std::array::from_fn(|a| {
        config.shape[a] + below(&mut rng, config.shape_jitter[a] as u64 + 1) as usize
    });
    let scene = match config.kind {
        PhantomKind::Atrium => heart::scene(&mut rng, config),
        PhantomKind::ShortAxis => short_axis::scene(&mut rng, config),
        PhantomKind::Abdomen => abdomen::scene(&mut rng, config),
    };
    let (image, labels) = scene.voxels(shape);
    let geometry = geometry(config, shape);
    (
        Volume::new(image, geometry),
        LabelMap::new(labels, geometry),
    )
}

/// Returns the position of the voxels: axes in the directions in which the kind is drawn, and no negative coordinate.
fn geometry(config: &PhantomConfig, shape: [usize; 3]) -> Geometry {
    let drawn_down = config.kind == PhantomKind::ShortAxis;
    let mut geometry = Geometry::from_spacing(config.spacing_mm);
    for (axis, reversed) in [true, true, drawn_down].into_iter().enumerate() {
        if reversed {
            let side = config.spacing_mm[axis];
            geometry.affine[axis][axis] = -side;
            geometry.affine[axis][3] = shape[axis].saturating_sub(1) as f64 * side;
        }
    }
    geometry
}

/// Generates one scan of [`PhantomKind::Atrium`], whatever the kind of `config`; the label map is 1 in the
/// atrium and 0 elsewhere.
///
/// # Examples
///
/// ```
/// use semivox_data::phantom::{PhantomConfig, atrium};
///
/// let config = PhantomConfig { shape: [24, 24, 12], shape_jitter: [0; 3], ..Default::default() };
/// let (image, labels) = atrium(&config, 0);
/// assert_eq!(image.shape(), labels.shape());
/// let share = labels.data.iter().filter(|&&l| l == 1).count() as f64 / labels.data.len() as f64;
/// assert!((0.05..0.15).contains(&share));
/// ```
pub fn atrium(config: &PhantomConfig, index: u64) -> (Volume, LabelMap) {
    let kind = PhantomKind::Atrium;
    case(&PhantomConfig { kind, ..*config }, index)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FNV-1a over the little-endian bytes of the image and the label map.
    fn hash(image: &Volume, labels: &LabelMap) -> u64 {
        let voxels = image.data.iter().flat_map(|x| x.to_le_bytes());
        voxels
            .chain(labels.data.iter().copied())
            .fold(0xcbf2_9ce4_8422_2325, |hash, b| {
                (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
            })
    }

    #[test]
    fn a_seed_fixes_the_bytes() {
        let (image, labels) = atrium(&PhantomConfig::default(), 3);
        assert_eq!(hash(&image, &labels), 13_253_785_959_785_246_283);
        let (other, _) = atrium(&PhantomConfig::default(), 4);
        assert_ne!(image.data, other.data);
    }

    #[test]
    fn no_threshold_finds_the_label() {
        for index in 0..8 {
            let (image, labels) = atrium(&PhantomConfig::default(), index);
            let share =
                labels.data.iter().filter(|&&l| l == 1).count() as f64 / labels.data.len() as f64;
            assert!(
                (0.05..0.15).contains(&share),
                "case {index}: the label has {share}"
            );
            let mut voxels: Vec<(f32, u8)> = image
                .data
                .iter()
                .copied()
                .zip(labels.data.iter().copied())
                .collect();
            voxels.sort_by(|a, b| b.0.total_cmp(&a.0));
            let total = labels.data.iter().filter(|&&l| l == 1).count();
            let (mut hits, mut best) = (0, 0.0_f64);
            for (i, voxel) in voxels.iter().enumerate() {
                hits += usize::from(voxel.1);
                best = best.max(2.0 * hits as f64 / (i + 1 + total) as f64);
            }
            println!(
                "case {index}: share {share:.3} threshold Dice {best:.3} shape {:?}",
                image.shape()
            );
            assert!(best < 0.7, "case {index}: a threshold reaches Dice {best}");
        }
    }

    #[test]
    fn shapes_vary_within_the_jitter() {
        let config = PhantomConfig {
            shape: [10, 12, 6],
            shape_jitter: [3, 0, 2],
            ..Default::default()
        };
        let shapes: Vec<[usize; 3]> = (0..12).map(|i| atrium(&config, i).0.shape()).collect();
        assert!(
            shapes
                .iter()
                .all(|s| (10..=13).contains(&s[0]) && s[1] == 12 && (6..=8).contains(&s[2]))
        );
        assert!(shapes.iter().any(|s| *s != shapes[0]));
    }
}
