//! Codes of scans that change little with the scan: signs of a cosine transform.

use ndarray::ArrayView3;

use super::waves::{
    CELLS, FREQUENCIES, MIRRORED, MIRRORED_PLANE, PLANE_FREQUENCIES, WAVES, add, bits, transformed,
};

/// The most voxels of a thin axis, along which there are no waves to tell: of one or two voxels, all but the first few
/// sum to zero.
const THIN: usize = 2;

/// The bit that marks the code of a plane, which has other waves. Codes of planes from before there was such a mark meet
/// no marked ones, as the waves along their thin axis told nothing anyway.
const PLANE: u128 = 1 << 127;

/// The least voxels that are averaged: of a larger scan, only those of every second, third, … lane of the first two
/// axes.
const SAMPLES: usize = 200_000;

/// The least lanes of an axis of which some are left out.
const LANES: usize = 64;

/// Voxels that are turned to bytes at a time, few enough for the fastest cache.
const PART: usize = 2048;

/// Voxels that the second code leaves out on each side, so that a scan that was cropped so meets it.
const MARGIN: usize = 3;

/// The least voxels of an axis along which any are left out; fewer are usually thick slices.
const LONG: usize = 20;

/// The code where all cells are equal.
const BLANK: u128 = 0;

/// The codes of a whole volume and of its inner part, which is without a margin of 3 voxels along long axes.
///
/// `each` is given all voxels in order as 32-bit floats, in the same pass over them: reading them from memory costs
/// more than the sums.
pub(super) fn of(view: ArrayView3<'_, f32>, each: &mut dyn FnMut(&[u8])) -> [u128; 2] {
    let mut both = [0, MARGIN].map(|margin| Cells::new(view.shape(), margin));
    let mut copy = Vec::new();
    for (x, plane) in view.outer_iter().enumerate() {
        let plane = plane.to_slice().unwrap_or_else(|| {
            copy.clear();
            plane.outer_iter().for_each(|lane| copy.extend(lane));
            &copy
        });
        for part in plane.chunks(PART) {
            let mut bytes = [[0; 4]; PART];
            let bytes = &mut bytes[..part.len()];
            let pairs = bytes.iter_mut().zip(part);
            // Adding zero makes the two zeros one.
            pairs.for_each(|(to, value)| *to = (value + 0.0).to_le_bytes());
            each(bytes.as_flattened());
        }
        both.iter_mut().for_each(|cells| cells.add_plane(x, plane));
    }
    let extent = Extent::of(view.shape());
    both.map(|cells| code(&cells.averages(), extent))
}

/// What the waves of a code run along.
#[derive(Clone, Copy)]
enum Extent {
    /// All axes.
    Solid,
    /// All axes but this one, which is thin and averaged.
    Plane(usize),
    /// Too few voxels for a code.
    Line,
}

impl Extent {
    fn of(shape: &[usize]) -> Self {
        let thin: Vec<usize> = (0..3).filter(|&axis| shape[axis] <= THIN).collect();
        let wide = shape.iter().filter(|&&voxels| voxels >= CELLS).count();
        match (&thin[..], wide) {
            ([], _) => Self::Solid,
            (&[axis], 2) => Self::Plane(axis),
            _ => Self::Line,
        }
    }
}

/// The least number of bits that differ between codes of two volumes with any axes mirrored: of whole ones, or a
/// whole one and the inner part of the other.
pub(super) fn distance(a: [u128; 2], b: [u128; 2]) -> u32 {
    let pairs = [(0, 0), (0, 1), (1, 0)].map(|(i, j)| (a[i], b[j]));
    let of_a_kind = |a: u128, b: u128| (a ^ b) & PLANE == 0;
    let told = pairs
        .iter()
        .filter(|(a, b)| *a != BLANK && *b != BLANK && of_a_kind(*a, *b));
    let mirrored = told.flat_map(|(a, b)| {
        let masks = match a & PLANE {
            0 => &MIRRORED,
            _ => &MIRRORED_PLANE,
        };
        masks.iter().map(move |signs| a ^ b ^ signs)
    });
    let bits = mirrored.map(u128::count_ones).min();
    bits.unwrap_or(FREQUENCIES.len() as u32)
}

/// For each voxel of an axis, the cells that it is part of and its share of each.
type Shares = Vec<Vec<(usize, f32)>>;

/// Averages of a volume over cells, as they are summed up.
struct Cells {
    shares: [Shares; 3],
    /// Sums over the first two axes, `[cell, cell, z]`.
    sums: Vec<f32>,
}

impl Cells {
    fn new(shape: &[usize], margin: usize) -> Self {
        let depth = shape[2];
        let voxels: usize = shape.iter().product();
        let most = [shape[0] / LANES, shape[1] / LANES];
        let often = (voxels / SAMPLES).max(1);
        let first = often.isqrt().min(most[0]).max(1);
        let every = [first, (often / first).min(most[1]).max(1), 1];
        Self {
            shares: std::array::from_fn(|axis| shares(shape[axis], margin, every[axis])),
            sums: vec![0.0; CELLS * CELLS * depth],
        }
    }

    fn add_plane(&mut self, x: usize, plane: &[f32]) {
        let [xs, ys, zs] = &self.shares;
        let depth = zs.len();
        for &(x, outer) in &xs[x] {
            let row = &mut self.sums[x * CELLS * depth..][..CELLS * depth];
            for (lane, ys) in plane.chunks_exact(depth).zip(ys) {
                for &(y, inner) in ys {
                    add(row, &[(y, outer * inner)], lane);
                }
            }
        }
    }

    /// The averages, `[cell, cell, cell]`.
    fn averages(&self) -> Vec<f32> {
        let depth = self.shares[2].len();
        let mut cells = vec![0.0; CELLS.pow(3)];
        let lanes = self.sums.chunks_exact(depth);
        for (lane, cells) in lanes.zip(cells.chunks_exact_mut(CELLS)) {
            for (value, shares) in lane.iter().zip(&self.shares[2]) {
                shares
                    .iter()
                    .for_each(|&(cell, share)| cells[cell] += share * value);
            }
        }
        cells
    }
}

/// The shares of the voxels of an axis, of which `every` so many stand for those around them.
fn shares(voxels: usize, margin: usize, every: usize) -> Shares {
    let margin = if voxels < LONG { 0 } else { margin };
    let side = (voxels - 2 * margin) as f64 / CELLS as f64;
    let of = |voxel: usize| {
        let first = voxel / every * every;
        let end = (first + every).min(voxels);
        if voxel != (first + end) / 2 {
            return Vec::new();
        }
        let share = |cell: usize| {
            let start = margin as f64 + cell as f64 * side;
            let overlap = (start + side).min(end as f64) - start.max(first as f64);
            (overlap > 0.0).then_some((cell, (overlap / side) as f32))
        };
        (0..CELLS).filter_map(share).collect()
    };
    (0..voxels).map(of).collect()
}

/// The code of averages over cells.
fn code(cells: &[f32], extent: Extent) -> u128 {
    let Some(cells) = limited(cells) else {
        return BLANK;
    };
    match extent {
        Extent::Solid => {
            let waves = transformed(&cells, [WAVES; 3]);
            let positive = |&[i, j, k]: &[usize; 3]| waves[(i * WAVES + j) * WAVES + k] > 0.0;
            bits(FREQUENCIES.iter().map(positive))
        }
        Extent::Plane(axis) => {
            let mut counts = [CELLS; 3];
            counts[axis] = 1;
            let waves = transformed(&cells, counts);
            let positive = |&[i, j]: &[usize; 2]| waves[i * CELLS + j] > 0.0;
            PLANE | bits(PLANE_FREQUENCIES.iter().map(positive))
        }
        Extent::Line => BLANK,
    }
}

/// The cells limited to a range around their median; `None` if all are equal.
fn limited(cells: &[f32]) -> Option<Vec<f32>> {
    let mut sorted = cells.to_vec();
    let mut at = |percent: usize| {
        let last = sorted.len() - 1;
        *sorted
            .select_nth_unstable_by(percent * last / 100, f32::total_cmp)
            .1
    };
    let [least, low, middle, high, most] = [0, 10, 50, 90, 100].map(&mut at);
    if most - least <= 1e-6 * most.abs().max(least.abs()) {
        return None;
    }
    // Where nearly all is background, the percentiles tell only about its noise.
    let scale = (high - low).max((most - least) / 8.0) / 2.0;
    let compressed = |cell: &f32| {
        let x = ((cell - middle) / scale).clamp(-3.0, 3.0);
        x * (27.0 + x * x) / (27.0 + 9.0 * x * x)
    };
    Some(cells.iter().map(compressed).collect())
}
