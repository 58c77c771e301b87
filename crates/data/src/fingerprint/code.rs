//! Codes of scans that change little with the scan: signs of a cosine transform.

use std::f64::consts::PI;
use std::sync::LazyLock;

use ndarray::ArrayView3;

/// Cells along each axis that a scan is averaged to.
const CELLS: usize = 16;

/// Frequencies along each axis, in half waves.
const WAVES: usize = 6;

/// The most voxels of a thin axis, along which there are no waves to tell: of one or two voxels, all but the first few
/// sum to zero.
const THIN: usize = 2;

/// The bit that marks the code of a plane, which has other waves. Codes of planes from before there was such a mark meet
/// no marked ones, as the waves along their thin axis told nothing anyway.
const PLANE: u128 = 1 << 127;

/// The squared frequency from which on waves of a plane have no bit: those below are about as many as a solid has.
const PLANE_END: usize = 170;

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

/// The bits, the first one in the highest place.
fn bits(bits: impl Iterator<Item = bool>) -> u128 {
    bits.fold(0, |code, bit| code << 1 | u128::from(bit))
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

/// The cosine transform of cells: so many of the lowest frequencies along each axis.
fn transformed(cells: &[f32], counts: [usize; 3]) -> Vec<f32> {
    let [i, j, k] = counts;
    let waves = along(cells, 1, i);
    let waves = along(&waves, i, j);
    along(&waves, i * j, k)
}

/// The `count` lowest frequencies along an axis before which the array has `blocks` entries.
fn along(values: &[f32], blocks: usize, count: usize) -> Vec<f32> {
    let inner = values.len() / blocks / CELLS;
    let mut sums = vec![0.0; blocks * count * inner];
    let pairs = sums
        .chunks_exact_mut(count * inner)
        .zip(values.chunks_exact(CELLS * inner));
    for (sums, values) in pairs {
        for (values, waves) in values.chunks_exact(inner).zip(COSINES.iter()) {
            add(sums, &waves[..count], values);
        }
    }
    sums
}

/// For each cell of an axis, the waves and their values in it.
static COSINES: LazyLock<[[(usize, f32); CELLS]; CELLS]> = LazyLock::new(|| {
    let phase = |cell: usize, wave: usize| PI * wave as f64 * (cell as f64 + 0.5) / CELLS as f64;
    let at = |cell: usize| std::array::from_fn(|wave| (wave, phase(cell, wave).cos() as f32));
    std::array::from_fn(at)
});

/// The frequencies of the bits of a solid, the first one in the highest bit.
static FREQUENCIES: LazyLock<Vec<[usize; 3]>> = LazyLock::new(|| {
    let of = |n: usize| [n / WAVES / WAVES, n / WAVES % WAVES, n % WAVES];
    let held = |waves: &[usize; 3]| waves.iter().map(|n| n * n).sum::<usize>() >= LEAST;
    (0..WAVES.pow(3)).map(of).filter(held).collect()
});

/// The frequencies of the bits of a plane, the first one in the highest bit.
static PLANE_FREQUENCIES: LazyLock<Vec<[usize; 2]>> = LazyLock::new(|| {
    let held = |[i, j]: &[usize; 2]| (LEAST..PLANE_END).contains(&(i * i + j * j));
    let all = (0..CELLS.pow(2)).map(|n| [n / CELLS, n % CELLS]);
    all.filter(held).collect()
});

/// The bits of a solid that change if some axes are mirrored.
static MIRRORED: LazyLock<Vec<u128>> = LazyLock::new(|| mirrored(FREQUENCIES.as_slice()));

/// The bits of a plane that change if some axes are mirrored.
static MIRRORED_PLANE: LazyLock<Vec<u128>> =
    LazyLock::new(|| mirrored(PLANE_FREQUENCIES.as_slice()));

/// For any axes that are mirrored, the bits that change: those of an odd number of half waves along them together.
fn mirrored<const AXES: usize>(frequencies: &[[usize; AXES]]) -> Vec<u128> {
    let odd = |axes: usize, waves: &[usize; AXES]| {
        let along = (0..AXES).filter(|axis| axes >> axis & 1 == 1);
        along.map(|axis| waves[axis]).sum::<usize>() % 2 == 1
    };
    let changed = |axes| bits(frequencies.iter().map(|waves| odd(axes, waves)));
    (0..1 << AXES).map(changed).collect()
}
