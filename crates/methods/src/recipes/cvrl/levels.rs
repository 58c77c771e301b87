//! The high and the low level: their rows of features, one per position, and the heads that project them.

use burn::module::Module;
use burn::prelude::*;
use rand::seq::index::sample;
use semivox_data::rng::keyed;
use semivox_models::{NetworkOutput, VoxelProjector, VoxelProjectorConfig};

use super::CvrlConfig;
use crate::context::MethodContext;
use crate::step_context::StepContext;

/// The projection heads of the high and the low level.
#[derive(Module, Debug)]
pub struct Heads {
    pub(super) high: VoxelProjector,
    pub(super) low: VoxelProjector,
}

impl Heads {
    /// Creates new heads for the features of the context's network.
    pub(super) fn new(config: &CvrlConfig, context: &MethodContext) -> Self {
        let filters = context.network.filters;
        let (bottleneck, last) = (16 * filters, filters);
        let [hidden, embedding] = config.high;
        let head = |channels, [hidden, embedding]: [usize; 2]| {
            let head = VoxelProjectorConfig::new(channels, hidden, embedding);
            context.drawn(|device| head.init(device))
        };
        Self {
            high: head(bottleneck, [hidden.min(bottleneck), embedding]),
            low: head(last, config.low),
        }
    }
}

/// Returns all positions of the bottleneck, `[batch · positions, channels]`.
pub(super) fn high(output: &NetworkOutput) -> Tensor<2> {
    rows(output.bottleneck.clone(), None)
}

/// Returns the drawn voxels of the last decoder stage, `[batch · voxels, channels]`.
pub(super) fn low(output: &NetworkOutput, drawn: &Tensor<1, Int>) -> Tensor<2> {
    rows(output.features[4].clone(), Some(drawn))
}

/// Draws the voxels of a step, `count` of each volume, the same for both networks.
pub(super) fn drawn_voxels(
    output: &NetworkOutput,
    count: usize,
    at: &StepContext,
) -> Tensor<1, Int> {
    let [_, _, d, h, w] = output.logits.dims();
    let mut rng = keyed(at.seed, at.step, "contrasted voxels");
    let drawn = sample(&mut rng, d * h * w, count);
    let drawn: Vec<i32> = drawn.iter().map(|voxel| voxel as i32).collect();
    let count = drawn.len();
    Tensor::from_data(TensorData::new(drawn, [count]), &at.device)
}

/// Turns positions of a map into rows: `[batch, channels, …]` to `[batch · positions, channels]`, all or the drawn.
fn rows(map: Tensor<5>, drawn: Option<&Tensor<1, Int>>) -> Tensor<2> {
    let [_, channels, ..] = map.dims();
    let map: Tensor<3> = map.flatten(2, 4); // [batch, channels, positions]
    let map = match drawn {
        Some(drawn) => map.select(2, drawn.clone()),
        None => map,
    };
    let [batch, _, positions] = map.dims();
    map.swap_dims(1, 2).reshape([batch * positions, channels])
}

/// Marks pairs of adjacent positions of the same volume, `[batch · positions, batch · positions]`.
pub(super) fn neighbors([batch, _, d, h, w]: [usize; 5], device: &Device) -> Tensor<2, Bool> {
    let positions = d * h * w;
    let place = |i: usize| {
        [
            i / positions,
            i % positions / (h * w),
            i % (h * w) / w,
            i % w,
        ]
    };
    let touch = |a: [usize; 4], b: [usize; 4]| {
        a[0] == b[0] && a != b && (1..4).all(|axis| a[axis].abs_diff(b[axis]) <= 1)
    };
    let count = batch * positions;
    let pairs = (0..count * count).map(|i| touch(place(i / count), place(i % count)));
    let pairs: Vec<bool> = pairs.collect();
    Tensor::from_data(TensorData::new(pairs, [count, count]), device)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_are_positions_and_neighbors_touch_within_a_volume() {
        let device = Device::flex();
        let map = Tensor::<1, Int>::arange(0..2 * 3 * 4, &device).float();
        let map = map.reshape([2, 3, 1, 2, 2]);
        let all = rows(map.clone(), None)
            .into_data()
            .try_to_vec::<f32>()
            .unwrap();
        assert_eq!(all[..3], [0.0, 4.0, 8.0]);
        assert_eq!(all[12..15], [12.0, 16.0, 20.0]);
        let drawn = Tensor::<1, Int>::from_ints([3, 1], &device);
        let two = rows(map, Some(&drawn))
            .into_data()
            .try_to_vec::<f32>()
            .unwrap();
        assert_eq!(two[..3], [3.0, 7.0, 11.0]);

        let near = neighbors([2, 3, 1, 1, 3], &device).into_data();
        let near: Vec<bool> = near.iter().collect();
        let row = |r: usize| near[6 * r..6 * r + 6].to_vec();
        assert_eq!(row(0), [false, true, false, false, false, false]);
        assert_eq!(row(4), [false, false, false, true, false, true]);
    }
}
