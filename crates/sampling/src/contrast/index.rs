//! Per-class voxel lists, kept on the device.

use burn::prelude::*;
use burn::tensor::IndexingUpdateOp;

/// Length of the blocks that are summed separately; see [`running_sum`].
const ROW: usize = 128;

/// Inclusive prefix sum of integers.
///
/// Burn's `cumsum` takes quadratic time on GPUs. The values are therefore cut into rows, each row is
/// summed separately, and the prefix sum of the row totals is added.
pub(super) fn running_sum(values: Tensor<1, Int>) -> Tensor<1, Int> {
    let [length] = values.dims();
    if length <= ROW {
        return values.cumsum(0);
    }
    let rows = length.div_ceil(ROW);
    let filler = Tensor::zeros([rows * ROW - length], (&values.device(), values.dtype()));
    let sums = Tensor::cat(vec![values, filler], 0)
        .reshape([rows, ROW])
        .cumsum(1);
    let totals = sums.clone().slice([0..rows, ROW - 1..ROW]).reshape([rows]);
    let before = running_sum(totals.clone()) - totals;
    (sums + before.reshape([rows, 1]))
        .reshape([rows * ROW])
        .narrow(0, 0, length)
}

/// All voxels that may be drawn, sorted by class, hard voxels of each class first.
///
/// `list[starts[c] .. starts[c] + hard[c]]` are the hard voxels of class `c`,
/// `list[starts[c] .. starts[c] + all[c]]` all of them.
#[derive(Debug)]
pub(super) struct VoxelIndex {
    /// `[voxels]`, voxel indices; entries after the last class are unused.
    list: Tensor<1, Int>,
    /// `[classes]`
    starts: Tensor<1, Int>,
    /// `[classes]`
    pub(super) all: Tensor<1, Int>,
    /// `[classes]`
    pub(super) hard: Tensor<1, Int>,
    /// `[classes, voxels]`, 1 for the voxels of the class that may be drawn.
    pub(super) members: Tensor<2, Int>,
}

impl VoxelIndex {
    /// Builds the index; all arguments are `[voxels]`.
    pub(super) fn new(
        labels: Tensor<1, Int>,
        valid: Tensor<1, Bool>,
        hard: Tensor<1, Bool>,
        classes: usize,
    ) -> Self {
        let ([voxels], device) = (labels.dims(), labels.device());
        let class_ids = Tensor::<1, Int>::arange(0..classes as i64, &device);
        let wide = [classes, voxels];
        let members = labels.reshape([1, voxels]).expand(wide);
        let members = members
            .equal(class_ids.reshape([classes, 1]).expand(wide))
            .int();
        let members = members * valid.int().reshape([1, voxels]);
        let hard = members.clone() * hard.int().reshape([1, voxels]);
        let easy = members.clone() - hard.clone();
        let groups = Tensor::stack::<3>(vec![hard.clone(), easy], 1); // [C, 2, N]
        let list = sorted(groups.reshape([2 * classes, voxels]));
        let all = members.clone().sum_dim(1).reshape([classes]);
        let hard = hard.sum_dim(1).reshape([classes]);
        let starts = running_sum(all.clone()) - all.clone();
        Self {
            list,
            starts,
            all,
            hard,
            members,
        }
    }

    /// Draws from all voxels of the given classes; both arguments are `[draws]`.
    pub(super) fn draw(&self, classes: Tensor<1, Int>, random: Tensor<1, Int>) -> Tensor<1, Int> {
        let counts = self.all.clone().gather(0, classes.clone());
        self.pick(self.starts.clone().gather(0, classes), counts, random)
    }

    /// Draws from the hard voxels of each class: `[classes, draws]` to `[classes * draws]`.
    pub(super) fn draw_hard(&self, random: Tensor<2, Int>) -> Tensor<1, Int> {
        let [classes, draws] = random.dims();
        let wide = |x: &Tensor<1, Int>| {
            x.clone()
                .reshape([classes, 1])
                .expand([classes, draws])
                .reshape([classes * draws])
        };
        self.pick(
            wide(&self.starts),
            wide(&self.hard),
            random.reshape([classes * draws]),
        )
    }

    /// `list[start + random mod count]`; an arbitrary voxel where `count` is 0.
    ///
    /// The remainder of a 31-bit number favors no voxel by more than `count / 2^31`, under 1 % for the largest
    /// batch allowed. It is computed with integer divisions, which are exact on every backend.
    fn pick(
        &self,
        starts: Tensor<1, Int>,
        counts: Tensor<1, Int>,
        random: Tensor<1, Int>,
    ) -> Tensor<1, Int> {
        let counts = counts.clamp_min(1);
        let rank = random.clone() - (random / counts.clone()) * counts;
        let last = self.list.dims()[0] - 1;
        self.list
            .clone()
            .gather(0, (starts + rank).clamp_max(last as i64))
    }
}

/// The column indices of all ones, sorted by row; `groups` is `[rows, voxels]` with at most one 1 per
/// column.
///
/// The prefix sum over the flat matrix is a column's position in the list. Columns without a 1 add 0 at
/// the position of their own index, which avoids contention on a single element.
fn sorted(groups: Tensor<2, Int>) -> Tensor<1, Int> {
    let [rows, voxels] = groups.dims();
    let places = running_sum(groups.clone().reshape([rows * voxels])).reshape([rows, voxels]);
    let places = (places * groups).sum_dim(0).reshape([voxels]) - 1;
    let absent = places.clone().lower_elem(0);
    let numbers = Tensor::<1, Int>::arange(0..voxels as i64, &places.device());
    let places = places.mask_where(absent.clone(), numbers.clone());
    let empty = numbers.zeros_like();
    empty.scatter(
        0,
        places,
        numbers.mask_fill(absent, 0),
        IndexingUpdateOp::Add,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rng::keyed_rng;
    use rand::RngExt;

    fn ints(values: &[i32]) -> Tensor<1, Int> {
        Tensor::from_data(values, &Device::flex())
    }

    fn read(values: Tensor<1, Int>) -> Vec<i32> {
        values.into_data().convert::<i32>().try_to_vec().unwrap()
    }

    #[test]
    fn running_sums_of_any_length() {
        let mut rng = keyed_rng(1, 0, "test");
        for length in [1, 127, 128, 129, 16384, 16385, 40000] {
            let values: Vec<i32> = (0..length).map(|_| rng.random_range(0..5)).collect();
            let expected: Vec<i32> = values
                .iter()
                .scan(0, |sum, v| {
                    *sum += v;
                    Some(*sum)
                })
                .collect();
            assert_eq!(read(running_sum(ints(&values))), expected);
        }
    }

    #[test]
    fn voxels_are_sorted_by_class_and_hardness() {
        let mut rng = keyed_rng(2, 0, "test");
        let labels: Vec<i32> = (0..1000).map(|_| rng.random_range(-1..4)).collect();
        let valid: Vec<bool> = (0..1000).map(|_| rng.random_range(0..3) > 0).collect();
        let hard: Vec<bool> = (0..1000).map(|_| rng.random_range(0..2) > 0).collect();
        let device = Device::flex();
        let bools = |x: &Vec<bool>| Tensor::<1, Bool>::from_data(x.as_slice(), &device);
        let index = VoxelIndex::new(ints(&labels), bools(&valid), bools(&hard), 4);
        let mut expected = Vec::new();
        for class in 0..4 {
            for wanted in [true, false] {
                let keep = |&n: &usize| labels[n] == class && valid[n] && hard[n] == wanted;
                expected.extend((0..1000).filter(keep).map(|n| n as i32));
            }
        }
        assert_eq!(read(index.list)[..expected.len()], expected);
        let total = read(index.all);
        assert_eq!(total.iter().sum::<i32>() as usize, expected.len());
        let in_first = |&n: &usize| labels[n] == 0 && valid[n] && hard[n];
        assert_eq!(
            read(index.hard)[0] as usize,
            (0..1000).filter(in_first).count()
        );
    }
}
