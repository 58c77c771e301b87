//! Local regions of a feature map.

use burn::prelude::*;
use rand::seq::index::sample;
use semivox_data::rng::keyed;

use crate::step_context::StepContext;

/// Side of a region in positions; less along an axis where the map has less.
const SIDE: usize = 3;

/// Returns the sides of a region and the number of regions along each axis.
fn grid(map: [usize; 3]) -> [[usize; 3]; 2] {
    let side = map.map(|side| side.min(SIDE));
    [side, std::array::from_fn(|axis| map[axis] / side[axis])]
}

/// Returns the number of regions that fit into a map without overlap.
pub(super) fn cells(map: [usize; 3]) -> usize {
    let [_, counts] = grid(map);
    counts.iter().product()
}

/// Draws the regions of a step, `count` of them or all if there are fewer; they are the same in all images.
pub(super) fn drawn_cells(map: &Tensor<5>, count: usize, at: &StepContext) -> Tensor<1, Int> {
    let [_, _, sides @ ..] = map.dims();
    let cells = cells(sides);
    let mut rng = keyed(at.seed, at.step, "local regions");
    let drawn = sample(&mut rng, cells, count.min(cells));
    let drawn: Vec<i32> = drawn.iter().map(|cell| cell as i32).collect();
    let count = drawn.len();
    Tensor::from_data(TensorData::new(drawn, [count]), &at.device)
}

/// Cuts out and flattens the given regions: `[batch, channel, sides…]` to `[batch, cells, channel · positions]`.
pub(super) fn regions(map: Tensor<5>, cells: Tensor<1, Int>) -> Tensor<3> {
    let [batch, channels, sides @ ..] = map.dims();
    let [[rd, rh, rw], [nd, nh, nw]] = grid(sides);
    let kept = map.slice([0..batch, 0..channels, 0..nd * rd, 0..nh * rh, 0..nw * rw]);
    let parted = kept.reshape([batch * channels * nd, rd, nh, rh, nw, rw]);
    let grouped = parted.permute([0, 2, 4, 1, 3, 5]);
    let positions = rd * rh * rw;
    // The axes are swapped before the selection, which copies anyway, so that no further copy is needed.
    let grouped = grouped.reshape([batch, channels, nd * nh * nw, positions]);
    let drawn = grouped.swap_dims(1, 2).select(1, cells);
    drawn.flatten(2, 3)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn counted(shape: [usize; 5]) -> Tensor<5> {
        let count = shape.iter().product::<usize>() as i64;
        let values = Tensor::<1, Int>::arange(0..count, &Device::flex());
        values.float().reshape(shape)
    }

    #[test]
    fn a_region_holds_its_positions_of_all_channels() {
        let map = counted([2, 2, 3, 7, 1]); // one cell high, two wide, a column left over
        assert_eq!(cells([3, 7, 1]), 2);
        let both = Tensor::<1, Int>::from_ints([1, 0], &Device::flex());
        let found = regions(map, both);
        assert_eq!(found.dims(), [2, 2, 18]);
        let values: Vec<f32> = found.into_data().iter().collect();
        let cell = |first: f32| {
            let line = |row: f32| (0..3).map(move |x| first + 7.0 * row + x as f32);
            (0..3).flat_map(|row| line(row as f32)).collect::<Vec<_>>()
        };
        assert_eq!(values[..9], cell(3.0)); // first image, second cell, first channel
        assert_eq!(values[9..18], cell(21.0 + 3.0));
        assert_eq!(values[18..27], cell(0.0));
        assert_eq!(values[36..45], cell(42.0 + 3.0)); // second image
    }

    #[test]
    fn cells_are_drawn_once_for_a_step_and_small_maps_give_all() {
        let at = |step| StepContext {
            step,
            steps: 10,
            stage_step: 0,
            stage_steps: 1,
            seed: 1,
            device: Device::flex(),
        };
        let draw = |sides: [usize; 3], step| {
            let map = Tensor::<5>::zeros([1, 1, sides[0], sides[1], sides[2]], &Device::flex());
            let cells = drawn_cells(&map, 13, &at(step)).into_data();
            cells.iter::<i64>().collect::<Vec<_>>()
        };
        let drawn = draw([16, 16, 1], 3);
        assert_eq!(drawn.len(), 13);
        assert_eq!(drawn, draw([16, 16, 1], 3));
        assert_ne!(drawn, draw([16, 16, 1], 4));
        let mut all = draw([8, 8, 8], 3);
        all.sort_unstable();
        assert_eq!(all, (0..8).collect::<Vec<_>>());
    }
}
