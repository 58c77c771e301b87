//! Rendering of an anatomy to an image and a label map.

use ndarray::Array3;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::appearance::Appearance;
use super::shapes::Point;
use crate::rng::keyed;

/// The shapes of one case.
pub(super) trait Anatomy: Sync {
    /// The tissue index at a point of the volume's frame.
    fn tissue(&self, point: Point) -> u8;
}

/// One case before rendering to voxels.
pub(super) struct Scene {
    pub anatomy: Box<dyn Anatomy>,
    /// The class of each tissue.
    pub classes: &'static [u8],
    pub appearance: Appearance,
}

impl Scene {
    /// Renders the image and the label map.
    pub fn voxels(&self, shape: [usize; 3]) -> (Array3<f32>, Array3<u8>) {
        let mut tissues = Array3::zeros(shape);
        change_voxels(&mut tissues, 0, |_, point, _| self.anatomy.tissue(point));
        let image = self.appearance.image(&tissues);
        tissues.mapv_inplace(|tissue| self.classes[usize::from(tissue)]);
        (image, tissues)
    }
}

/// Changes every voxel, given its center in the frame where the volume spans [-1, 1]. Each slab of the
/// first axis has its own generator, which makes the result independent of threads.
pub(super) fn change_voxels<T, F>(voxels: &mut Array3<T>, seed: u64, change: F)
where
    T: Copy + Send + Sync,
    F: Fn(T, Point, &mut ChaCha8Rng) -> T + Sync,
{
    let shape: [usize; 3] = voxels.dim().into();
    let center = |i: usize, n: usize| (2 * i + 1) as f32 / n as f32 - 1.0;
    let [ys, zs] = [1, 2].map(|a| {
        (0..shape[a])
            .map(|i| center(i, shape[a]))
            .collect::<Vec<f32>>()
    });
    voxels
        .outer_iter_mut()
        .into_par_iter()
        .enumerate()
        .for_each(|(x, mut slab)| {
            let mut rng = keyed(seed, x as u64, "phantom slab");
            let x = center(x, shape[0]);
            for (mut line, &y) in slab.outer_iter_mut().zip(&ys) {
                line.iter_mut()
                    .zip(&zs)
                    .for_each(|(value, &z)| *value = change(*value, [x, y, z], &mut rng));
            }
        });
}
