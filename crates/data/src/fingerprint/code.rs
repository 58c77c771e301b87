//! Codes of scans that change little with the scan: signs of a cosine transform.

use std::f64::consts::PI;
use std::sync::LazyLock;

use ndarray::ArrayView3;

/// Cells along each axis that a scan is averaged to.
const CELLS: usize = 16;

/// Frequencies along each axis, in half waves.
const WAVES: usize = 6;

/// The least squared frequency of a bit: those below draw the outline that all scans of an organ share.
const LEAST: usize = 25;

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
    both.map(|cells| code(&cells.averages()))
}

/// The least number of bits that differ between codes of two volumes with any axes mirrored: of whole ones, or a
/// whole one and the inner part of the other.
pub(super) fn distance(a: [u128; 2], b: [u128; 2]) -> u32 {
    let pairs = [(0, 0), (0, 1), (1, 0)].map(|(i, j)| (a[i], b[j]));
    let told = pairs.iter().filter(|(a, b)| *a != BLANK && *b != BLANK);
    let mirrored = told.flat_map(|(a, b)| MIRRORED.iter().map(move |signs| a ^ b ^ signs));
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

/// Adds multiples of some values to cells.
fn add(cells: &mut [f32], shares: &[(usize, f32)], values: &[f32]) {
    for &(cell, share) in shares {
        let cell = &mut cells[cell * values.len()..][..values.len()];
        let sums = cell.iter_mut().zip(values);
        sums.for_each(|(sum, value)| *sum += share * value);
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
fn code(cells: &[f32]) -> u128 {
    let mut sorted = cells.to_vec();
    let mut at = |percent: usize| {
        let last = sorted.len() - 1;
        *sorted
            .select_nth_unstable_by(percent * last / 100, f32::total_cmp)
            .1
    };
    let [least, low, middle, high, most] = [0, 10, 50, 90, 100].map(&mut at);
    if most - least <= 1e-6 * most.abs().max(least.abs()) {
        return BLANK;
    }
    // Where nearly all is background, the percentiles tell only about its noise.
    let scale = (high - low).max((most - least) / 8.0) / 2.0;
    let compressed = |cell: &f32| {
        let x = ((cell - middle) / scale).clamp(-3.0, 3.0);
        x * (27.0 + x * x) / (27.0 + 9.0 * x * x)
    };
    let cells: Vec<f32> = cells.iter().map(compressed).collect();
    let waves = transformed(&transformed(&transformed(&cells, 1), WAVES), WAVES * WAVES);
    let positive = |&[i, j, k]: &[usize; 3]| waves[(i * WAVES + j) * WAVES + k] > 0.0;
    let signs = FREQUENCIES.iter().map(positive);
    signs.fold(0, |code, bit| code << 1 | u128::from(bit))
}

/// The cosine transform along an axis before which the array has `blocks` entries.
fn transformed(values: &[f32], blocks: usize) -> Vec<f32> {
    let inner = values.len() / blocks / CELLS;
    let mut sums = vec![0.0; blocks * WAVES * inner];
    let pairs = sums
        .chunks_exact_mut(WAVES * inner)
        .zip(values.chunks_exact(CELLS * inner));
    for (sums, values) in pairs {
        for (values, waves) in values.chunks_exact(inner).zip(COSINES.iter()) {
            add(sums, waves, values);
        }
    }
    sums
}

/// For each cell of an axis, the waves and their values in it.
static COSINES: LazyLock<[[(usize, f32); WAVES]; CELLS]> = LazyLock::new(|| {
    let phase = |cell: usize, wave: usize| PI * wave as f64 * (cell as f64 + 0.5) / CELLS as f64;
    let at = |cell: usize| std::array::from_fn(|wave| (wave, phase(cell, wave).cos() as f32));
    std::array::from_fn(at)
});

/// The frequencies of the bits, the first one in the highest bit.
static FREQUENCIES: LazyLock<Vec<[usize; 3]>> = LazyLock::new(|| {
    let of = |n: usize| [n / WAVES / WAVES, n / WAVES % WAVES, n % WAVES];
    let held = |waves: &[usize; 3]| waves.iter().map(|n| n * n).sum::<usize>() >= LEAST;
    (0..WAVES.pow(3)).map(of).filter(held).collect()
});

/// The bits that change if some axes are mirrored: those of an odd number of half waves along them together.
static MIRRORED: LazyLock<[u128; 8]> = LazyLock::new(|| {
    let odd = |axes: usize, waves: &[usize; 3]| {
        let along = (0..3).filter(|axis| axes >> axis & 1 == 1);
        along.map(|axis| waves[axis]).sum::<usize>() % 2 == 1
    };
    std::array::from_fn(|axes| {
        let bits = FREQUENCIES.iter().map(|waves| odd(axes, waves));
        bits.fold(0, |mask, bit| mask << 1 | u128::from(bit))
    })
});
